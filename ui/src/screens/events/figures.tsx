/** Interpreted events of a period together, and why some were not reported. */

import type { SummaryLine } from "../../api";
import { useAsk } from "../../ask";
import { Figure } from "../../parts/figure";
import { shown } from "../../parts/number";
import { set } from "../../route";
import { me } from "../../session";
import { zone } from "../../zone";

export function EventFigures({ period }: { period: { from: string; to: string } }) {
  const asked = useAsk("events.summary", { ...period, timezone: zone.value });
  const lines = asked.value?.items;
  if (!lines) return null;
  const sum = (of: (line: SummaryLine) => number): number => lines.reduce((all, line) => all + of(line), 0);
  return (
      <dl class="strip" aria-label="Events of the period">
        <Figure name="Events" value={sum((line) => line.events)} note={`in ${shown(sum((line) => line.rows))} revisions`} />
        <Figure name="Not reported" value={sum((line) => line.invalid)} note="with the reason of each" />
        <Figure name="Told to pixels" value={sum((line) => line.reports)} note="events made of them" />
        <Figure name="Conversions told" value={sum((line) => line.conversions)} />
        {me.value?.sees_money !== false && <Figure name="Revenue told" unit="USD" value={sum((line) => Number(line.amount ?? 0))} shape="money" />}
      </dl>
  );
}

/** Why some were not reported: each reason lists its own. */
export function Reasons({ period }: { period: { from: string; to: string } }) {
  const labels = useAsk("events.summary", { ...period, timezone: zone.value, group_by: "invalid_reason" });
  const left = (labels.value?.items ?? []).filter((line) => line.value);
  if (!left.length) return null;
  return (
    <p class="row acts" role="group" aria-label="Not reported, by reason">
      <span class="dim">Not reported:</span>
      {left.map((line) => <button key={line.value} type="button" onClick={() => set({ reason: line.value, from: null })}>{line.value} <b>{shown(line.invalid || line.rows)}</b></button>)}
    </p>
  );
}
