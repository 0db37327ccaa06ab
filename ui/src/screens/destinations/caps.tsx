/** Caps as bars: used, lent to edges and not used yet, limit; and when there is room again. */

import type { CapReport } from "../../api";
import { shown } from "../../parts/number";
import { clock, day, duration, nextDay, now } from "../../parts/time";
import { span } from "../routing/sentence";
import { amounts } from "./state";

export function CapBars({ caps }: { caps: readonly CapReport[] }) {
  return (
    <ul class="caps">
      {caps.map((cap) => <CapBar key={`${cap.metric} ${cap.window_hours} ${cap.timezone} ${cap.currency}`} cap={cap} />)}
    </ul>
  );
}

function CapBar({ cap }: { cap: CapReport }) {
  const { used, lent, limit, left, money } = amounts(cap);
  const shape = money ? "money" : "count";
  const unit = money ? `${cap.currency} ${cap.metric}`.trim() : cap.metric;
  return (
    <li>
      <p class="row">
        <strong>{shown(used, shape)}</strong>
        <span class="dim">of {shown(limit, shape)} {unit} {span(cap.window_hours, cap.timezone)}</span>
        <span class="room" />
        {cap.reached ? <span class="tag tag-loss">reached</span> : <span>{shown(left, shape)} left</span>}
      </p>
      <Meter cap={cap} label={`${shown(used, shape)} of ${shown(limit, shape)} ${unit} used`} />
      <p class="dim row">
        {cap.exceeded && <span class="warned">more than the limit: it was taken before the cap was set or lowered</span>}
        {lent > 0 && <span><i class="key lent" aria-hidden="true" /> {shown(lent, shape)} of these lent to edges</span>}
        <span class="room" />
        <span>{resets(cap)}</span>
      </p>
    </li>
  );
}

/** Used, then lent, of the limit. */
export function Meter({ cap, label, brief }: { cap: CapReport; label: string; brief?: boolean }) {
  const { used, lent, limit } = amounts(cap);
  const part = (value: number): number => (limit > 0 ? Math.min(100, (value / limit) * 100) : 100);
  const first = part(used);
  return (
    <span class={`meter${cap.reached ? " full" : first >= 80 ? " near" : ""}`} role="img" aria-label={label}>
      <span style={{ width: `${first}%` }} />
      {!brief && <span class="lent" style={{ width: `${Math.min(100 - first, part(lent))}%` }} />}
    </span>
  );
}

/** A calendar day begins anew; a rolling window lets go bit by bit. */
export function resets(cap: Pick<CapReport, "window_hours" | "timezone">): string {
  if (cap.window_hours) return `rolling: each click leaves it after ${duration(cap.window_hours * 3600)}`;
  const at = nextDay(now.value, cap.timezone);
  const left = duration(Math.max(60, (at.getTime() - now.value.getTime()) / 1000));
  return `begins anew in ${left}: ${day(at, cap.timezone).slice(5)} ${clock(at, cap.timezone)} ${cap.timezone}`;
}
