/** A destination's health: what its probe found, how it went before, and asking now. */

import { useEffect, useState } from "preact/hooks";
import type { Destination, Health } from "../../api";
import { following, useAsk } from "../../ask";
import { attempt } from "../../editing";
import type { Fault } from "../../parts/editor";
import { shown } from "../../parts/number";
import { ago, clock, day, duration, full, now } from "../../parts/time";
import { may } from "../../session";
import { zone } from "../../zone";
import type { States } from "./state";

export const TONES = { healthy: "good", unhealthy: "loss", unknown: "" } as const;
const DAYS_BACK = -30;
const FOLLOW = 3000;

export function State({ destination, health, brief }: { destination: Destination; health: Health | undefined; brief?: boolean }) {
  if (!destination.probe) return <span class="zero">{brief ? "–" : "Not probed"}</span>;
  const state = health?.state ?? "unknown";
  const since = health?.since_us ? duration((now.value.getTime() * 1000 - health.since_us) / 1e6) : "";
  return (
    <span class="state" title={health?.last?.error || undefined}>
      <i class={`dot ${TONES[state]}`} aria-hidden="true" />
      <span class={state === "unhealthy" ? "loss" : undefined}>{state === "unknown" ? "not known yet" : state}</span>
      {since && state !== "unknown" && <span class="dim">{brief ? since : `for ${since}`}</span>}
    </span>
  );
}

interface Change {
  at_us: number;
  before: string;
  after: string;
  status: number;
  latency_us: number;
  error: string;
}

export function HealthSection({ destination, states }: { destination: Destination; states: States }) {
  const health = states.health.get(destination.id);
  const from = day(now.peek(), zone.value, DAYS_BACK);
  const history = useAsk("destinations.health_history", may("records.read") ? { destination_id: destination.id, from, to: day(now.peek(), zone.value), timezone: zone.value, limit: 50 } : null);
  useEffect(() => {
    if (!health?.since_us) return;
    const later = following(history.again, FOLLOW); // a change needs a moment into the records
    later.poke();
    return later.stop;
  }, [health?.state, health?.since_us]);
  const { probe } = destination;
  if (!probe) {
    return <p class="dim">No probe asks whether it answers, so it is never closed for its health. Add one with Edit: an address, how often, what a good answer looks like.</p>;
  }
  const rows = (history.value?.items ?? []) as Change[];
  return (
    <>
      <p class="row">
        <State destination={destination} health={health} />
        <span class="room" />
        {may("destinations.write") && <ProbeNow id={destination.id} put={states.put} />}
      </p>
      {health?.last ? <Last health={health} /> : <p class="dim">It was not asked yet.</p>}
      <p class="dim">
        {probe.method ?? "GET"} every {duration(probe.every_s ?? 60)}; {times(probe.down_after ?? 3, "failure")} close{(probe.down_after ?? 3) === 1 && "s"} it, {times(probe.up_after ?? 2, "success")} open{(probe.up_after ?? 2) === 1 && "s"} it again.
      </p>
      <h4>Changes of the last 30 days</h4>
      {history.fault && <p class="wrong">{history.fault.message}</p>}
      {rows.length ? (
        <ol class="changes">
          {rows.map((row) => <Changed key={row.at_us} row={row} />)}
        </ol>
      ) : (
        <p class="dim">{history.value ? "None: it has been as it is." : "–"}</p>
      )}
    </>
  );
}

function Last({ health }: { health: Health }) {
  const last = health.last;
  if (!last) return null;
  const at = new Date(last.at_us / 1000);
  const row = health.state === "unhealthy" ? health.successes ?? 0 : health.failures ?? 0;
  return (
    <p class={last.error ? "warned" : undefined}>
      <time dateTime={at.toISOString()} title={full(at, zone.value)}>{ago(at, now.value)}</time>: {last.error || `status ${last.status}`}, {latency(last.latency_us)}
      {row > 0 && <span> · {row} {health.state === "unhealthy" ? "good" : "failed"} in a row</span>}
    </p>
  );
}

function Changed({ row }: { row: Change }) {
  const at = new Date(row.at_us / 1000);
  return (
    <li>
      <time class="dim" dateTime={at.toISOString()} title={full(at, zone.value)}>{day(at, zone.value).slice(5)} {clock(at, zone.value, true)}</time>
      <span class="state"><i class={`dot ${TONES[row.after as keyof typeof TONES] ?? ""}`} aria-hidden="true" /> {row.after}</span>
      <span class="dim">{row.error || (row.status ? `status ${row.status}` : "")}{row.latency_us > 0 && `, ${latency(row.latency_us)}`}</span>
    </li>
  );
}

function times(count: number, word: string): string {
  return count === 1 ? `one ${word}` : `${count} ${word.replace(/ss$/, "sse")}s in a row`;
}

function latency(us: number): string {
  return us >= 1_000_000 ? `${shown(us / 1e6, "rate")} s` : `${shown(us / 1000)} ms`;
}

function ProbeNow({ id, put }: { id: number; put: (health: Health) => void }) {
  const [busy, setBusy] = useState(false);
  const [fault, setFault] = useState<Fault>();
  const run = async (): Promise<void> => {
    setBusy(true);
    setFault(await attempt("destinations.probe", { id }, put));
    setBusy(false);
  };
  return (
    <>
      {fault && <span class="wrong" role="alert">{fault.message}</span>}
      <button type="button" onClick={() => void run()} disabled={busy}>{busy ? "Asking…" : "Probe now"}</button>
    </>
  );
}
