/** Conversions as they are now, newest first; each opens its history. */

import { useAll } from "../../all";
import { useAsk } from "../../ask";
import { nameOf } from "../../names";
import { Amount } from "../../parts/figure";
import { Words } from "../../parts/form";
import { type Column, Table } from "../../parts/table";
import { usePicking } from "../../picking";
import { RANGES } from "../../range";
import { param, set } from "../../route";
import { may, me } from "../../session";
import { zone } from "../../zone";
import { ZoneChoice } from "../../zone-choice";
import { EntryPanel } from "../entry/panel";
import { ClickLink } from "../inbox/inbox";
import { sought } from "../inbox/postback";
import { around, At, Fresh, onPage, Pages, useFresh, useOffset, usePeriod } from "../records/page";
import { type Conversion, conversionsOf, type Revision, TONES } from "./conversion";
import { NoConversions } from "./none";
import { ConversionPanel } from "./panel";

const STATUSES = ["sale", "lead", "hold", "rejected", "trash", "refund", "chargeback"] as const;

export function Conversions() {
  const { range, period, words } = usePeriod("7d");
  const from = useOffset();
  const number = (name: string): object => (Number(param(name)) ? { [`${name}_id`]: Number(param(name)) } : {});
  const { conversion_id, ...found } = sought(param("find"));
  const asked = useAsk("conversions.list", {
    ...period, timezone: zone.value, ...around(from), ...number("campaign"), ...number("network"), ...found, ...(conversion_id ? { id: conversion_id } : {}),
    ...(param("status") ? { status: param("status") as "sale" } : {}),
  }); // prettier-ignore
  const campaigns = useAll("campaigns", may("campaigns.read") ? {} : false);
  const networks = useAll("networks", may("networks.read") ? {} : false);
  const total = asked.value?.total ?? 0;
  const rows = onPage((asked.value?.items ?? []) as Revision[], from, conversionsOf).filter((each) => !each.gone);
  const open = param("open");
  const [picked] = usePicking(rows, (row) => set({ open: row.id }));
  const fresh = useFresh("conversions", ["conversions", "changes"]);
  const filtered = Boolean(param("campaign") || param("network") || param("status") || param("find"));
  const choice = (name: string, every: string, all: readonly { id: number; name: string }[] | undefined) => (
    <label><span class="unseen">{every}</span>
      <select value={param(name)} onChange={(event) => set({ [name]: event.currentTarget.value, from: null })}>
        <option value="">{every}</option>
        {(all ?? []).map((each) => <option key={each.id} value={each.id}>{each.name || `#${each.id}`}</option>)}
      </select>
    </label>
  );
  return (
    <>
      <header class="head">
        <h1>Conversions</h1>
        <span class="dim">{words}</span>
        <Fresh fresh={fresh} again={asked.again} />
        {may("conversions.write") && <button type="button" class="main" onClick={() => set({ open: null, edit: "enter" })}>Enter conversions</button>}
        <ZoneChoice />
      </header>
      <div class="tools" role="search">
        <Words label="Period" value={range} options={Object.entries(RANGES)} onPick={(word) => set({ range: word, from: null })} />
        {choice("campaign", "Every campaign", campaigns.value)}
        {choice("network", "Every network", networks.value)}
        <label><span class="unseen">Status</span>
          <select value={param("status")} onChange={(event) => set({ status: event.currentTarget.value, from: null })}>
            <option value="">Every status</option>
            {STATUSES.map((each) => <option key={each} value={each}>{each}</option>)}
          </select>
        </label>
        <input type="search" aria-label="Find by transaction, click or conversion" placeholder="Transaction or click id" defaultValue={param("find")}
               onKeyDown={(event) => event.key === "Enter" && set({ find: event.currentTarget.value.trim(), from: null })} />
      </div>
      {asked.fault && <p class="wrong" role="alert">{asked.fault.message}{asked.fault.fields.map((each) => ` ${each.path}: ${each.message}`)}</p>}
      {asked.value && !rows.length ? (
        filtered ? <p class="dim">No conversion is like that in this period. <button type="button" class="link" onClick={() => set({ campaign: null, network: null, status: null, find: null })}>Show all</button></p> : <NoConversions />
      ) : (
        <Table caption="Conversions, newest first" columns={columns()} rows={rows} keyOf={(row) => row.id} open={open} onOpen={(row) => set({ open: row.id })} picked={picked} stale={asked.busy} quiet={(row) => row.now.repeated} />
      )}
      <Pages from={from} total={total} />
      {open && <ConversionPanel key={open} id={open} />}
      {param("edit") === "enter" && may("conversions.write") && <EntryPanel done={() => set({ edit: null })} onClose={() => set({ edit: null })} />}
    </>
  );
}

function columns(): Column<Conversion>[] {
  const money: Column<Conversion>[] = me.value?.sees_money === false ? [] : [
    { key: "revenue", head: "Revenue", figure: true, show: ({ now }) => <><Amount value={now.revenue} shape="money" loses /> <span class="dim">{now.currency}</span></> },
    { key: "hold", head: "On hold", figure: true, roomy: true, help: "Said, but not confirmed yet", show: ({ now }) => <Amount value={now.hold} shape="money" /> },
  ]; // prettier-ignore
  return [
    { key: "at", head: "Time", show: ({ id, now }) => <At us={now.at_us} open={id} /> },
    { key: "what", head: "Status", show: (row) => <><Status row={row} />{row.latest.transaction_id && <small class="phone-line">{short(row.latest.transaction_id)}</small>}</> },
    { key: "campaign", head: "Campaign", roomy: true, show: ({ now }) => nameOf("campaigns", now.campaign_id) || <span class="warned">click not known</span> },
    { key: "network", head: "Network", roomy: true, show: ({ latest }) => nameOf("networks", latest.network_id) || <span class="zero">–</span> },
    { key: "destination", head: "Destination", roomy: true, show: ({ latest }) => nameOf("destinations", latest.destination_id) || <span class="zero">–</span> },
    ...money,
    { key: "changes", head: "Changes", figure: true, roomy: true, help: "How often it changed since it began", show: ({ changes }) => <Amount value={changes} /> },
    { key: "transaction", head: "Transaction", roomy: true, show: ({ latest }) => (latest.transaction_id ? <code title={latest.transaction_id}>{short(latest.transaction_id)}</code> : <span class="zero">–</span>) },
    { key: "click", head: "Click", roomy: true, show: ({ latest }) => <ClickLink id={latest.click_id} /> },
  ];
}

function short(text: string): string {
  return text.length > 18 ? `${text.slice(0, 17)}…` : text;
}

function Status({ row: { now, latest } }: { row: Conversion }) {
  return (
    <>
      <span class={`tag tag-${TONES[now.status] ?? "plain"}`}>{now.status}</span>
      {now.repeated && <small> repeated</small>}
      {latest.event_type && <small> {latest.event_type}</small>}
    </>
  );
}
