/** Interpreted events: what networks know to have earned, and what of it was reported. */

import type { JSX } from "preact";
import { useAsk } from "../../ask";
import { Amount } from "../../parts/figure";
import { type Options, Words } from "../../parts/form";
import { shown } from "../../parts/number";
import { type Column, Table } from "../../parts/table";
import { usePicking } from "../../picking";
import { RANGES } from "../../range";
import { param, set } from "../../route";
import { may, me } from "../../session";
import { zone } from "../../zone";
import { ZoneChoice } from "../../zone-choice";
import { At, PAGE, Pages, useOffset, usePeriod } from "../records/page";
import { type EventRevision, fate, LABELS } from "./event";
import { Intakes } from "./intakes";
import { EventPanel } from "./panel";
import { EventFigures, Reasons } from "./figures";

export function Events(): JSX.Element {
  return param("of") === "intakes" ? <Intakes /> : <EventList />;
}

export function Tabs() {
  const options: Options = [["", "Events"], ...(may("intakes.read") ? ([["intakes", "Intakes"]] as const) : [])];
  return <Words label="What is shown" value={param("of")} options={options} onPick={(of) => set({ of, open: null, from: null })} />;
}

function EventList() {
  const { range, period, words } = usePeriod("7d");
  const from = useOffset();
  const [network, campaign, reason, find] = [param("network"), param("campaign"), param("reason"), param("find")];
  const filter = { ...(network ? { network } : {}), ...(campaign ? { campaign_id: campaign } : {}), ...(reason ? { invalid_reason: reason } : {}), ...(find ? { session_id: find } : {}) };
  const asked = useAsk("events.list", { ...period, timezone: zone.value, limit: PAGE, offset: from, ...filter });
  const rows = (asked.value?.items ?? []) as unknown as EventRevision[];
  const open = param("open");
  const [picked] = usePicking(rows, (row) => set({ open: row.id }));
  const filtered = Object.keys(filter).length > 0;
  const typed = (name: string, label: string) => (
    <input type="search" aria-label={label} placeholder={label} defaultValue={param(name)} key={`${name} ${param(name)}`} onKeyDown={(event) => event.key === "Enter" && set({ [name]: event.currentTarget.value.trim(), from: null })} />
  );
  return (
    <>
      <header class="head">
        <h1>Events</h1>
        <span class="dim">of networks, {words}</span>
        <button type="button" onClick={asked.again}>Read again</button>
        <ZoneChoice />
      </header>
      <EventFigures period={period} />
      <div class="tools" role="search">
        <Tabs />
        <Words label="Period" value={range} options={Object.entries(RANGES)} onPick={(word) => set({ range: word, from: null })} />
        <label><span class="unseen">What became of them</span>
          <select value={reason} onChange={(event) => set({ reason: event.currentTarget.value, from: null })}>
            <option value="">Whatever became of them</option>
            {LABELS.map((each) => <option key={each} value={each}>{each}</option>)}
          </select>
        </label>
        {typed("network", "Network")}
        {typed("campaign", "Campaign id")}
        {typed("find", "Session id")}
      </div>
      {!reason && <Reasons period={period} />}
      {asked.fault && <p class="wrong" role="alert">{asked.fault.message}{asked.fault.fields.map((each) => ` ${each.path}: ${each.message}`)}</p>}
      {asked.value && !rows.length ? (
        filtered ? <p class="dim">No event is like that in this period. <button type="button" class="link" onClick={() => set({ network: null, campaign: null, reason: null, find: null, from: null })}>Show all</button></p> : <NoEvents />
      ) : (
        <Table caption="Interpreted events, newest clicks first" columns={columns()} rows={rows} keyOf={(row) => `${row.id} ${row.revision}`} open={rows.filter((row) => row.id === open).map((row) => `${row.id} ${row.revision}`)[0] ?? null} onOpen={(row) => set({ open: row.id })} picked={picked} stale={asked.busy && !asked.value} quiet={(row) => !row.valid} />
      )}
      <Pages from={from} total={asked.value?.total ?? 0} />
      {open && <EventPanel key={open} id={open} />}
    </>
  );
}

function NoEvents() {
  return (
    <section class="teach">
      <h2>No interpreted event came in this period</h2>
      <p>Networks such as Tonic, Crossroads and Sedo say what a session earned, again whenever its numbers change. Weir takes these from a folder, over POST /api/events, or from S3 through SQS, and reports what is new to the pixel that an event names.</p>
      {may("intakes.read") && <p><button type="button" class="main" onClick={() => set({ of: "intakes" })}>See the ways in</button></p>}
    </section>
  );
}

function columns(): Column<EventRevision>[] {
  const money: Column<EventRevision>[] = me.value?.sees_money === false ? [] : [
    { key: "revenue", head: "Revenue", unit: "USD", figure: true, help: "What the event named in all", show: (row) => <Amount value={row.revenue} shape="money" loses /> },
    { key: "told", head: "Reported", unit: "USD", figure: true, roomy: true, help: "What this revision added", show: (row) => <Amount value={row.reported_amount} shape="money" /> },
  ]; // prettier-ignore
  return [
    { key: "at", head: "Click", show: (row) => <At us={row.at_us} open={row.id} /> },
    { key: "name", head: "Keyword", show: (row) => <>{row.keyword_clicked || <span class="zero">–</span>}<small class="phone-line"><Fate row={row} /></small></> },
    { key: "network", head: "Network", roomy: true, show: (row) => row.network || <span class="zero">–</span> },
    { key: "campaign", head: "Campaign", roomy: true, show: (row) => <span class="clipped" title={row.campaign_id}>{row.campaign_name || row.campaign_id || <span class="zero">–</span>}</span> },
    { key: "conversions", head: "Conv.", figure: true, roomy: true, show: (row) => <Amount value={row.conversions} /> },
    ...money,
    { key: "revision", head: "Rev.", figure: true, roomy: true, help: "How often its numbers changed", show: (row) => shown(row.revision) },
    { key: "fate", head: "What became of it", roomy: true, show: (row) => <Fate row={row} /> },
  ];
}

export function Fate({ row }: { row: EventRevision }) {
  const [tone, words] = fate(row);
  return <span class={`tag tag-${tone}`}>{words}</span>;
}
