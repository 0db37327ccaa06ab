/** One interpreted event: what the network knew, revision by revision, and what was told of each. */

import { useAsk } from "../../ask";
import { Copy } from "../../parts/copy";
import { Amount } from "../../parts/figure";
import { shown } from "../../parts/number";
import { Panel } from "../../parts/panel";
import { set } from "../../route";
import { may, me } from "../../session";
import { Told } from "../deliveries/told";
import { moment } from "../records/page";
import type { EventRevision } from "./event";
import { Fate } from "./events";

export function EventPanel({ id }: { id: string }) {
  const asked = useAsk("events.get", { id });
  const rows = (asked.value?.revisions ?? []) as unknown as EventRevision[];
  const last = rows.at(-1);
  return (
    <Panel title="What became of this event" wide onClose={() => set({ open: null })}>
      {asked.fault && <p class="wrong" role="alert">{asked.fault.message}</p>}
      {!asked.value && !asked.fault && <p class="dim" role="status">Looking for it…</p>}
      {asked.value && !last && <p class="dim">It arrives here in a second or two.</p>}
      {last && <Whole rows={rows} last={last} />}
    </Panel>
  );
}

function Whole({ rows, last }: { rows: readonly EventRevision[]; last: EventRevision }) {
  const money = me.value?.sees_money !== false;
  const facts: readonly (readonly [string, string])[] = [
    ["Network", [last.network, last.nw_account_name || last.nw_account_id].filter(Boolean).join(", ")], ["Campaign", [last.campaign_name, last.campaign_id].filter(Boolean).join(", ")], ["Pixel", last.pixel_id],
    ["Traffic source", last.traffic_source], ["Click id there", last.ts_click_id], ["Ad set", last.adset_id], ["Ad", last.ad_id], ["Where", [last.city, last.region, last.country_code].filter(Boolean).join(", ")],
    ["Domain", last.domain_name], ["Category", last.category], ["Vertical", last.vertical], ["Came by", last.intake],
  ]; // prettier-ignore
  return (
    <>
      <p class="row"><Fate row={last} /> <strong>{last.keyword_clicked || "no keyword"}</strong> <span class="dim">click of {moment(last.at_us)}</span></p>
      {last.lost && <p class="warned">Went down: {last.lost}. A platform cannot be told that; what it knows stays.</p>}
      <h3>Revisions</h3>
      <ol class="tried">
        {[...rows].reverse().map((row) => (
          <li key={`${row.known_at_us} ${row.revision}`} class={row.reports ? "at-good" : row.valid ? "at-zero" : "at-loss"}>
            <span class="dim">{moment(row.known_at_us)}</span> <strong>{shown(row.conversions)} conversion{row.conversions === 1 ? "" : "s"}{money && <>, <Amount value={row.revenue} shape="money" /> USD</>}</strong>{" "}
            <span class="dim">{row.lander_visitors > 0 && `${shown(row.lander_visitors)} visitors, ${shown(row.lander_searches)} searches; `}{row.reports > 0 ? <>told as {shown(row.reports)} event{row.reports === 1 ? "" : "s"}: {shown(row.reported_conversions)} conversion{row.reported_conversions === 1 ? "" : "s"} more{money && <>, <Amount value={row.reported_amount} shape="money" /> USD</>}</> : row.invalid_reason || "nothing was told"}</span>
          </li>
        ))}
      </ol>
      {may("deliveries.read") && <><h3>What was told</h3><Told conversion={last.id} /></>}
      <h3>What it said</h3>
      <dl class="facts">{facts.filter(([, value]) => value).map(([name, value]) => <div key={name}><dt>{name}</dt><dd class="told-value">{value}</dd></div>)}</dl>
      <h3>Its key</h3>
      <Copy text={`${last.session_id}-${last.keyword_clicked}`} label="the key" plain />
    </>
  );
}
