/** What the queues of deliveries hold, read again whenever the appliance says that they changed. */

import { useEffect, useRef } from "preact/hooks";
import type { Queue, Queues } from "../../api";
import { type Asked, following, useAsk } from "../../ask";
import { watch } from "../../live";
import { nameOf } from "../../names";
import { may } from "../../session";

/** Milliseconds for which changes are put together. */
const TOGETHER = 500;
const EVERY = 3000;

/** Calls `act` when deliveries were made, attempted or given up. */
export function useDeliveriesChange(act: () => void): void {
  const latest = useRef(act);
  latest.current = act;
  useEffect(() => {
    if (!may("system.read")) {
      const totals = following(() => latest.current(), EVERY);
      const stop = watch(["conversions"], () => totals.poke());
      return () => (stop(), totals.stop());
    }
    // The first frame counts as a change: what happened before it may be unseen.
    let seen = "";
    let next: ReturnType<typeof setTimeout> | undefined;
    const stop = watch(["system"], ({ system }) => {
      if (!system) return;
      const { pending, dead, paused, attempts } = system.deliveries;
      const said = JSON.stringify([pending, dead, paused, attempts, system.accounts.map(({ target, state, queued, accepted, refused, not_sent, measured }) => [target, state, queued, accepted, refused, not_sent, measured])]);
      if (seen !== said) next ??= setTimeout(() => ((next = undefined), latest.current()), TOGETHER);
      seen = said;
    });
    return () => (stop(), clearTimeout(next));
  }, []);
}

export function useQueues(): Asked<Queues> {
  const asked = useAsk("deliveries.queues", may("deliveries.read") ? {} : null);
  useDeliveriesChange(asked.again);
  return asked;
}

/** A target of the catalog as deliveries name it. */
export function keyOf(id: number): string {
  return `postback:${id}`;
}

/** The number of a catalog's target; 0 for another kind. */
export function numberOf(target: string): number {
  return Number(/^postback:(\d+)$/.exec(target)?.[1] ?? 0);
}

/** The number of a pixel, also of one whose events are fetched as a file; 0 for another kind. */
export function pixelOf(target: string): number {
  return Number(/^(?:pixel|feed):(\d+)$/.exec(target)?.[1] ?? 0);
}

/** Its name, where the targets or the pixels may be read. */
export function nameOfTarget(target: string): string {
  const [number, pixel] = [numberOf(target), pixelOf(target)];
  if (pixel) return `${(may("pixels.read") && nameOf("pixels", pixel)) || `Pixel ${pixel}`}${target.startsWith("feed:") ? " (file)" : ""}`;
  return (number && may("targets.read") && nameOf("targets", number)) || (number ? `Target ${number}` : target);
}

/** Where a target is looked into; "" where that may not be seen. */
export function placeOfTarget(target: string): string {
  const [number, pixel] = [numberOf(target), pixelOf(target)];
  if (pixel) return may("pixels.read") ? `/platforms?of=pixels&open=${pixel}` : "";
  return number && may("targets.read") ? `/targets?open=${number}` : "";
}

/** Where deliveries to any of these targets are listed. */
export function placeOfDeliveries(targets: readonly string[], state = "", reason = ""): string {
  return `/deliveries?${new URLSearchParams({ target: targets.join(","), ...(state ? { state } : {}), ...(reason ? { reason } : {}) })}`;
}

export function count(queue: Queue | undefined, state: string): number {
  return queue?.states[state] ?? 0;
}

export const TONES: Readonly<Record<string, string>> = { delivered: "good", pending: "warn", dead: "loss", cancelled: "zero" };
