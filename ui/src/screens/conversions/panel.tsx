/** One conversion: what it is, how it became that, what the network said, who was told. */

import { useAsk } from "../../ask";
import { nameOf } from "../../names";
import { Copy } from "../../parts/copy";
import { Amount, Figure } from "../../parts/figure";
import { Panel } from "../../parts/panel";
import { ago, full, now } from "../../parts/time";
import { href, set } from "../../route";
import { may, me, seesAll } from "../../session";
import { zone } from "../../zone";
import { Told } from "../deliveries/told";
import { EVER } from "../inbox/panel";
import { type LogRow, postbacksOf } from "../inbox/postback";
import { Verdict } from "../inbox/verdict";
import { moment } from "../records/page";
import { changed, conversionsOf, type Conversion, type Revision, type Step, stepsOf, TONES } from "./conversion";

export function ConversionPanel({ id }: { id: string }) {
  const asked = useAsk("conversions.list", { id, from: EVER, limit: 200, oldest_first: true });
  const rows = (asked.value?.items ?? []) as Revision[];
  const [found] = conversionsOf(rows);
  return (
    <Panel title="What happened to this conversion" wide onClose={() => set({ open: null })}>
      {asked.fault && <p class="wrong" role="alert">{asked.fault.message}</p>}
      {!found && !asked.fault && <p class="dim" role="status">{asked.value ? "There is no such conversion (yet: it takes a second or two to arrive here)." : "Looking for it…"}</p>}
      {found && <Whole conversion={found} rows={rows} />}
    </Panel>
  );
}

function Whole({ conversion: { id, latest, now: state, gone }, rows }: { conversion: Conversion; rows: readonly Revision[] }) {
  const money = me.value?.sees_money !== false;
  const paid = rows.filter((row) => row.original_currency === latest.original_currency).reduce((sum, row) => sum + (row.original_payout ?? 0), 0);
  const at = new Date(state.at_us / 1000);
  return (
    <>
      <p class="dim">
        <time dateTime={at.toISOString()} title={full(at, zone.value)}>{ago(at, now.value)}</time>, {full(at, zone.value)}
        {latest.network_id > 0 && <>{" · "}<a href={href(`/networks?open=${latest.network_id}`)}>{nameOf("networks", latest.network_id)}</a></>}
        {" · "}{state.campaign_id ? <a href={href(`/campaigns/${state.campaign_id}`)}>{nameOf("campaigns", state.campaign_id)}</a> : <span class="warned">its click is not known</span>}
      </p>
      <dl class="grid">
        <div class="stat"><dt>Status</dt><dd><span class="figures"><span class={`tag tag-${TONES[state.status] ?? "plain"}`}>{gone ? "void" : state.status}</span></span><span class="note">{latest.original_status && latest.original_status !== state.status ? `the network says “${latest.original_status}”` : ""}</span></dd></div>
        <Figure name="Counts as" value={state.count} note={state.repeated ? "repeated" : ""} />
        {money && <Figure name="Revenue" unit={state.currency} value={state.revenue} shape="money" loses note={latest.rate ? `${paid} ${latest.original_currency} at ${latest.rate}` : ""} />}
        {money && <Figure name="On hold" unit={state.currency} value={state.hold} shape="money" />}
      </dl>
      <p class="row">
        {latest.click_id && <a href={href(`/clicks?open=${latest.click_id}`)}>Why did its click go there?</a>}
        {latest.transaction_id && <span class="dim">Transaction <code>{latest.transaction_id}</code></span>}
        {latest.event_type && <span class="dim">Type <code>{latest.event_type}</code></span>}
        {latest.upsell && <span class="dim">Upsell <code>{latest.upsell}</code></span>}
      </p>
      <h3>How it became that</h3>
      <History rows={rows} />
      {seesAll() && <><h3>What the network said</h3><Postbacks id={id} /></>}
      {may("deliveries.read") && <><h3>Who was told</h3><Told conversion={id} /></>}
      <h3>Its id</h3>
      <Copy text={id} label="the conversion's id" plain />
    </>
  );
}

function History({ rows }: { rows: readonly Revision[] }) {
  return (
    <ol class="tried">
      {stepsOf(rows).map((step) => (
        <li key={step.known_at_us} class={`at-${TONES[step.after.status] === "plain" ? "good" : TONES[step.after.status]}`}>
          <span class="dim" title={full(new Date(step.known_at_us / 1000), zone.value)}>{moment(step.known_at_us)}</span> <strong>{changed(step)}</strong>
          {me.value?.sees_money !== false && <Money step={step} />}
        </li>
      ))}
    </ol>
  );
}

function Money({ step: { before, after } }: { step: Step }) {
  const parts = (["revenue", "hold"] as const).filter((what) => after[what] || (before && before[what] !== after[what]));
  return (
    <>
      {parts.map((what) => (
        <p key={what} class="dim">
          {what === "hold" ? "on hold " : "revenue "}
          {before && before.currency === after.currency && before[what] !== after[what] && <><Amount value={before[what]} shape="fine" /> → </>}
          <Amount value={after[what]} shape="fine" loses /> {after.currency}
        </p>
      ))}
    </>
  );
}

function Postbacks({ id }: { id: string }) {
  const asked = useAsk("postbacks.list", { conversion_id: id, from: EVER, limit: 200, oldest_first: true });
  const found = postbacksOf((asked.value?.items ?? []) as LogRow[]);
  if (asked.fault) return <p class="dim">{asked.fault.message}</p>;
  if (!found.length) return <p class="dim">{asked.value ? "None is kept any more." : "–"}</p>;
  return (
    <ul class="log">
      {found.map((each) => (
        <li key={each.id}>
          <a href={href(`/inbox?open=${each.id}`)}>{moment(each.latest.at_us)}</a>
          <span><Verdict postback={each} /></span>
          <span class="dim">{each.latest.reason}</span>
        </li>
      ))}
    </ul>
  );
}
