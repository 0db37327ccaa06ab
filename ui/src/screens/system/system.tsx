/** How the appliance is: what needs somebody, the supervision tree of every process, journals and lag. */

import { useEffect, useState } from "preact/hooks";
import type { SystemStatus } from "../../api";
import { useAsk } from "../../ask";
import { rpc, watch } from "../../live";
import { clock, day, duration, now } from "../../parts/time";
import { Figure } from "../../parts/figure";
import { zone } from "../../zone";
import { ZoneChoice } from "../../zone-choice";
import { Journals } from "./journals";
import { Tree } from "./tree-table";
import { Troubles } from "./troubles";
import { worst } from "./tree";

export function System() {
  const asked = useAsk("system.status", {});
  const [live, setLive] = useState<SystemStatus | null>(null);
  useEffect(() => watch(["system"], (frame) => frame.system && setLive(frame.system)), []);
  const status = newer(live, asked.value);
  if (!status) return <Waiting fault={asked.fault?.message} />;
  const lag = worst(status.consumers);
  const started = new Date(status.started_us / 1000);
  const stale = rpc.state.value !== "open";
  const state = status.problems.length ? "Not ready" : status.degraded.length ? `Ready, ${status.degraded.length === 1 ? "one warning" : `${status.degraded.length} warnings`}` : "All is well";
  return (
    <>
      <header class="head">
        <h1>System</h1>
        <span class="state"><i class={`dot ${status.problems.length ? "loss" : status.degraded.length ? "warn" : "good"}`} aria-hidden="true" /> {state}</span>
        <ZoneChoice />
      </header>
      <Troubles status={status} />
      <dl class={`strip${stale ? " stale" : ""}`} aria-label="The appliance">
        <Word name="Up" value={duration((now.value.getTime() * 1000 - status.started_us) / 1e6)} note={`since ${day(started, zone.value)}, ${clock(started, zone.value)}`} />
        <Figure name="Journal lag" unit="events" value={lag?.events} note={lag ? (lag.events ? `${duration(lag.seconds)}, ${lag.who}` : "everything is counted") : "not known yet"} />
        <Word name="Warehouse" value={status.warehouse.state} note={`${status.warehouse.rows_shipped.toLocaleString("en-US")} rows shipped`} bad={status.warehouse.state !== "up"} />
        <Figure name="Catalog" unit="revision" value={status.catalog.revision} note={`${status.catalog.entities["campaign"] ?? 0} campaigns`} />
        <Figure name="Core memory" value={status.rss_bytes} shape="bytes" />
        <Figure name="Disk free" value={status.disk_free_bytes} shape="bytes" note={`Weir ${status.version}`} />
      </dl>
      <Tree status={status} stale={stale} />
      <Journals status={status} stale={stale} />
    </>
  );
}

function newer(a: SystemStatus | null, b: SystemStatus | undefined): SystemStatus | undefined {
  if (!a || !b) return a ?? b;
  return a.at_us >= b.at_us ? a : b;
}

function Word({ name, value, note, bad }: { name: string; value: string; note: string; bad?: boolean }) {
  return (
    <div class="stat">
      <dt>{name}</dt>
      <dd>
        <span class={`figures${bad ? " loss" : ""}`}>{value}</span>
        <span class="note">{note}</span>
      </dd>
    </div>
  );
}

function Waiting({ fault }: { fault: string | undefined }) {
  return (
    <>
      <header class="head"><h1>System</h1></header>
      <p class={fault ? "wrong" : "dim"}>{fault ?? "Asking…"}</p>
    </>
  );
}
