/** The strip of figures: this second, then today beside yesterday at this time. */

import { useMemo } from "preact/hooks";
import { useAsk } from "../../ask";
import { Spark } from "../../parts/chart";
import { Figure } from "../../parts/figure";
import { change, shown, type Shape } from "../../parts/number";
import { clock, day } from "../../parts/time";
import { me } from "../../session";
import type { Pulse } from "./pulse";

interface Props {
  pulse: Pulse;
  zone: string;
  /** Totals are read again when it changes. */
  turn: number;
  at: Date;
  live: boolean;
}

export function Now({ pulse, zone, turn, at, live }: Props) {
  void pulse.beat.value;
  const today = day(at, zone);
  // The clock moves this on only when something happened: no polling.
  const asked = useMemo(() => new Date(), [turn, today]);
  const before = day(asked, zone, -1);
  const minute = clock(asked, zone);
  const currency = useAsk("reports.overview", { from: today, to: today, timezone: zone });
  useAgain(currency.again, turn);
  const yesterday = useAsk(
    "reports.overview",
    minute === "00:00" ? null : { from: before, to: `${before}T${minute}`, timezone: zone },
  );
  const [now_, then] = [currency.value, minute === "00:00" ? undefined : yesterday.value];
  const unit = now_?.currency ?? "";
  const money = me.value?.sees_money !== false;

  const figure = (name: string, key: "clicks" | "conversions" | "revenue" | "cost" | "profit" | "roi", shape: Shape, unit_ = "") => {
    const value = now_?.[key] ?? null;
    const old = then?.[key] ?? null;
    return (
      <Figure name={name} unit={unit_} value={now_ ? value : undefined} shape={shape} loses={key === "profit" || key === "roi"}
              note={old === null || value === null ? undefined : (
                <span title={`Yesterday until ${minute}: ${shown(old, shape)}`}>
                  {key === "roi" ? `${shown(old, shape)} yesterday` : against(value, old, shape)}
                </span>
              )} />
    );
  };
  const pace = pulse.clicks.rate(at.getTime());
  const values = pulse.spark.values(at.getTime() - 1000);
  return (
    <dl class={`strip${live ? "" : " stale"}`} aria-label="Now and today">
      <Figure name="Clicks" unit="/ s" value={live ? pace : null} shape="rate">
        <Spark values={values} label={`Clicks in each of the last 60 seconds, at most ${Math.max(...values)}`} />
      </Figure>
      <Figure name="Conversions" unit="/ s" value={live ? pulse.conversions.rate(at.getTime()) : null} shape="rate"
              note="over the last minute" />
      {figure("Clicks", "clicks", "count", "today")}
      {figure("Conversions", "conversions", "count", "today")}
      {money && figure("Revenue", "revenue", "money", unit)}
      {money && figure("Cost", "cost", "money", unit)}
      {money && figure("Profit", "profit", "money", unit)}
      {money && figure("ROI", "roi", "percent", "%")}
    </dl>
  );
}

function against(value: number, old: number, shape: Shape): string {
  const moved = change(value, old);
  if (!old) return "none yesterday";
  return moved ? `${moved} vs ${shown(old, shape)}` : `${shown(old, shape)} yesterday`;
}

/** Ask again when `turn` moves, not at first. */
export function useAgain(again: () => void, turn: number): void {
  const last = useMemo(() => ({ turn }), []);
  if (last.turn !== turn) {
    last.turn = turn;
    queueMicrotask(again);
  }
}
