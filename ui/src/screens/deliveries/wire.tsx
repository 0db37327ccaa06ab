/** What went over the wire, as it was. */

import { shown } from "../../parts/number";

export function Wire({ text, label, stale }: { text: string; label: string; stale?: boolean }) {
  return <pre class={`wire${stale ? " stale" : ""}`} aria-label={label} role="group">{text}</pre>;
}

export function latency(us: number): string {
  return us >= 1_000_000 ? `${shown(us / 1e6, "rate")} s` : us >= 1000 ? `${shown(us / 1000)} ms` : "<1 ms";
}
