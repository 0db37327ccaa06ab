/** Health and caps of every destination as they are now: told by the feed to whoever may see the system. */

import { useEffect, useState } from "preact/hooks";
import type { CapReport, Destination, Health } from "../../api";
import { following, useAsk } from "../../ask";
import { watch } from "../../live";
import { may } from "../../session";

export interface States {
  health: ReadonlyMap<number, Health>;
  caps: ReadonlyMap<number, readonly CapReport[]>;
  known: boolean;
  fault: string | undefined;
  again: () => void;
  put: (health: Health) => void;
}

const EVERY = 3000;

export function useStates(): States {
  const health = useAsk("destinations.health", {});
  const caps = useAsk("destinations.caps", {});
  const [told, setTold] = useState<{ health: Health[]; caps: CapReport[] }>();
  const [own, setOwn] = useState<ReadonlyMap<number, Health>>(new Map());
  const again = (): void => (health.again(), caps.again(), setTold(undefined));
  useEffect(() => {
    if (may("system.read")) return watch(["system"], (frame) => frame.system && (setTold(frame.system), setOwn(new Map())));
    const totals = following(again, EVERY);
    const stop = watch(["clicks", "conversions"], () => totals.poke());
    return () => (stop(), totals.stop());
  }, []);
  const byId = new Map((told?.health ?? health.value?.items ?? []).map((each) => [each.destination_id, each]));
  for (const [id, each] of own) byId.set(id, each);
  const grouped = new Map<number, CapReport[]>();
  for (const each of told?.caps ?? caps.value?.items ?? []) grouped.set(each.destination_id, [...(grouped.get(each.destination_id) ?? []), each]);
  const put = (found: Health): void => setOwn((before) => new Map(before).set(found.destination_id, found));
  return { health: byId, caps: grouped, known: Boolean(told ?? (health.value && caps.value)), fault: (health.fault ?? caps.fault)?.message, again, put };
}

const MONEY = 1_000_000;

/** A cap's figures in what people count: clicks, or units of money. */
export function amounts(cap: CapReport): { used: number; lent: number; limit: number; left: number; money: boolean } {
  const money = cap.metric === "cost" || cap.metric === "revenue";
  const [used, lent, limit] = [cap.used, cap.lent, cap.limit].map((each) => (money ? each / MONEY : each)) as [number, number, number];
  return { used, lent, limit, left: Math.max(0, limit - used), money };
}

/** The cap that is nearest to its limit. */
export function tightest(caps: readonly CapReport[]): CapReport | undefined {
  const part = (cap: CapReport): number => (cap.reached ? Number.POSITIVE_INFINITY : cap.limit ? cap.used / cap.limit : 1);
  return [...caps].sort((a, b) => part(b) - part(a))[0];
}

/** Why it takes no clicks now, as far as it shows here; "" when it takes them. */
export function closed(destination: Destination, health: Health | undefined, caps: readonly CapReport[]): string {
  if (destination.status === "paused") return "Paused";
  if (destination.probe && health?.state === "unhealthy") return "Unhealthy";
  const full = caps.find((cap) => cap.reached);
  return full ? `Cap on ${full.metric} reached` : "";
}
