/** Alerts: what is wrong now and was wrong lately, who has seen it, and whether anybody is told. */

import { useMemo } from "preact/hooks";
import type { ShownAlert } from "../../api";
import { useAsk } from "../../ask";
import { perform } from "../../editing";
import { Words } from "../../parts/form";
import { note } from "../../parts/notes";
import { shown } from "../../parts/number";
import { type Column, Table } from "../../parts/table";
import { ago, duration, full, now } from "../../parts/time";
import { usePicking } from "../../picking";
import { href, param, params, set } from "../../route";
import { may } from "../../session";
import { zone } from "../../zone";
import { ZoneChoice } from "../../zone-choice";
import { moment } from "../records/page";
import { Channels } from "./channels";
import { useAlertsChange } from "./open";
import { AlertPanel } from "./panel";
import { graveOf, wordsOf } from "./words";

const MOST = 500;

export function Alerts() {
  const of = param("state", "open");
  const asked = useAsk("alerts.list", { limit: MOST, ...(of === "open" || of === "closed" ? { state: of } : {}) });
  useAlertsChange(asked.again);
  const rows = useMemo(() => asked.value?.items ?? [], [asked.value]);
  const open = param("open");
  const chosen = rows.find((each) => each.id === open);
  const [picked] = usePicking(rows, (row) => set({ open: row.id }));
  return (
    <>
      <header class="head">
        <h1>Alerts</h1>
        <span class="dim">{asked.value && (asked.value.open ? `${shown(asked.value.open)} open` : "nothing is wrong")}</span>
        <ZoneChoice />
      </header>
      <div class="tools" role="search">
        <Words label="State" value={of} options={[["open", "Open"], ["closed", "Ended"], ["all", "All"]]} onPick={(state) => set({ state: state === "open" ? null : state, open: null })} />
      </div>
      {asked.fault && <p class="wrong" role="alert">{asked.fault.message}</p>}
      {asked.value && !rows.length ? (
        <section class="teach">
          <h2>{of === "closed" ? "Nothing has ended lately" : "Nothing is wrong"}</h2>
          <p>What goes wrong opens one alert per cause, stays here until the cause ends, and is told by mail and webhook: an account that its platform refuses with the money at risk, dead letters, queues that grow old, too many errors, a full disk.</p>
        </section>
      ) : (
        <Table caption="Alerts, open ones first, newest first" columns={COLUMNS} rows={rows} keyOf={(row) => row.id} open={open} onOpen={(row) => set({ open: row.id })} picked={picked} stale={asked.busy && !asked.value} quiet={(row) => row.state === "closed" || row.acknowledged_us > 0} />
      )}
      {asked.value && <Channels of={asked.value.channels} again={asked.again} />}
      {chosen && <AlertPanel key={chosen.id} alert={chosen} again={asked.again} />}
    </>
  );
}

const COLUMNS: Column<ShownAlert>[] = [
  { key: "name", head: "What", show: (row) => <Name row={row} /> },
  { key: "text", head: "In words", roomy: true, show: (row) => <span class="clipped" title={row.text}>{row.text}</span> },
  { key: "since", head: "Since", show: (row) => <span title={full(new Date(row.opened_us / 1000), zone.value)}>{moment(row.opened_us)}</span> },
  { key: "for", head: "For", roomy: true, figure: true, show: (row) => duration(Math.max(0, (row.closed_us ? row.closed_us / 1e6 : now.value.getTime() / 1000) - row.opened_us / 1e6)) },
  { key: "told", head: "Told by", roomy: true, show: (row) => row.told.join(", ") || <span class="zero">–</span> },
  { key: "seen", head: "Seen by", roomy: true, show: (row) => <Seen row={row} /> },
];

function Name({ row }: { row: ShownAlert }) {
  const wanted = new URLSearchParams(params.value);
  wanted.set("open", row.id);
  const tone = row.state === "closed" ? "" : graveOf(row) ? "loss" : "warn";
  return <><a class="name state" href={href(`/alerts?${wanted}`)}><i class={`dot ${tone}`} aria-hidden="true" /> {wordsOf(row.kind)}</a><small class="phone-line">{row.text}</small></>;
}

function Seen({ row }: { row: ShownAlert }) {
  if (!row.acknowledged_us) return <span class="zero">–</span>;
  return <span title={full(new Date(row.acknowledged_us / 1000), zone.value)}>{row.acknowledged_by}, {ago(new Date(row.acknowledged_us / 1000), now.value)}</span>;
}

export function acknowledge(row: ShownAlert, again: () => void): void {
  if (may("alerts.write")) void perform("alerts.acknowledge", { id: row.id }, () => (note("You have seen it. It stays open until its cause ends."), again()));
}
