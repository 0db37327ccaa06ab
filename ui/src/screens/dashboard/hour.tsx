/** Clicks and conversions of the last hour, minute by minute. */

import { useMemo } from "preact/hooks";
import { useAsk } from "../../ask";
import { Chart, type Series } from "../../parts/chart";
import { now } from "../../parts/time";
import { useAgain } from "./now";
import { hour, MINUTES, type Pulse } from "./pulse";

export function Hour({ pulse, zone, turn }: { pulse: Pulse; zone: string; turn: number }) {
  const from = useMemo(() => new Date(Math.floor(Date.now() / 60_000) * 60_000 - (MINUTES - 1) * 60_000), [Math.floor(turn / 12)]);
  const asked = useAsk("reports.series", { interval: "minute", from: from.toISOString(), to: new Date(from.getTime() + 2 * 3_600_000).toISOString() });
  useAgain(asked.again, turn);
  const [clicks, conversions] = useMemo(() => [minutes(asked.value, "clicks"), minutes(asked.value, "conversions")], [asked.value]);

  const beat = pulse.beat.value;
  const minute = Math.floor(now.value.getTime() / 60_000);
  const drawn = useMemo(() => {
    const at = minute * 60_000;
    const first = hour(at, clicks, pulse.clickMinutes);
    const series: Series[] = [
      { label: "Clicks", token: "accent", bars: true, values: first.values },
      { label: "Conversions", token: "second", values: hour(at, conversions, pulse.conversionMinutes).values.map((each) => each || null) },
    ];
    return { times: first.times, series, sum: first.values.reduce((sum, each) => sum + each, 0) };
  }, [clicks, conversions, beat, minute]);
  return (
    <section aria-labelledby="hour-title">
      <header class="head">
        <h2 id="hour-title">Last hour, by minute</h2>
      </header>
      <Chart label={`Clicks and conversions of the last 60 minutes: ${drawn.sum} clicks`} times={drawn.times} series={drawn.series}
             zone={zone} height="chart" together="dashboard" />
      {asked.fault && <p class="dim">The report of the last hour: {asked.fault.message}. What comes in now is drawn anyway.</p>}
    </section>
  );
}

/** A series of the reports as unix second → value. */
function minutes(answer: unknown, metric: string): Map<number, number> {
  const found = new Map<number, number>();
  const { items = [] } = (answer ?? {}) as { items?: Record<string, unknown>[] };
  for (const item of items) {
    const at = Date.parse(String(item["minute"] ?? item["at"] ?? ""));
    const value = Number(item[metric]);
    if (Number.isFinite(at) && value) found.set(at / 1000, value);
  }
  return found;
}
