/** One postback: what the network sent, what became of it and when, what mends it. */

import type { PostbackLife } from "../../api";
import { useAsk } from "../../ask";
import { nameOf } from "../../names";
import { Copy } from "../../parts/copy";
import { Panel } from "../../parts/panel";
import { ago, full, now } from "../../parts/time";
import { href, set } from "../../route";
import { may } from "../../session";
import { zone } from "../../zone";
import { UnknownWords } from "../networks/unknown";
import { moment } from "../records/page";
import { asQuery, type LogRow, type Postback, postbackOf, remedy } from "./postback";
import { Change } from "./standing";
import { Run } from "./try";
import { Verdict } from "./verdict";

/** Far enough back for whatever is kept. */
export const EVER = "2020-01-01";

export function PostbackPanel({ id }: { id: string }) {
  const asked = useAsk("postbacks.get", { id });
  const found = asked.value && postbackOf(id, asked.value);
  return (
    <Panel title="What became of this postback" wide onClose={() => set({ open: null })}>
      {asked.fault && <p class="wrong" role="alert">{asked.fault.message} <button type="button" onClick={asked.again}>Look again</button></p>}
      {!found && !asked.fault && <p class="dim" role="status">Looking for it…</p>}
      {found && <Whole postback={found} conversion={asked.value?.conversion ?? null} />}
    </Panel>
  );
}

function Whole({ postback, conversion: standing }: { postback: Postback; conversion: PostbackLife["conversion"] }) {
  const { latest, arrived } = postback;
  const at = new Date(latest.at_us / 1000);
  const mends = remedy(postback);
  const conversion = latest.conversion_id;
  return (
    <>
      <p class="dim">
        <time dateTime={at.toISOString()} title={full(at, zone.value)}>{ago(at, now.value)}</time>, {full(at, zone.value)}
        {latest.network_id > 0 && <>{" · "}<a href={href(`/networks?open=${latest.network_id}`)}>{nameOf("networks", latest.network_id)}</a></>}
      </p>
      <div class="ending">
        <p><Verdict postback={postback} /></p>
        <strong>{latest.reason || (latest.stage === "received" ? "It has arrived, and is looked at in a moment." : "As it should be.")}</strong>
        {mends && <p>{mends}</p>}
      </div>
      {/unknown word/.test(latest.reason) && may("networks.read") && <NetworkWords id={latest.network_id} />}
      <p class="row">
        {conversion && <span><a href={href(`/conversions?open=${conversion}`)}>Its conversion</a>{standing && <> is now <Change before={null} after={standing} /></>}</span>}
        {latest.click_id && <a href={href(`/clicks?open=${latest.click_id}`)}>Its click</a>}
        {may("conversions.write") && <button type="button" class="link" onClick={() => set({ reprocess: postback.id })}>Process it again…</button>}
        {latest.network_id > 0 && <a href={href(`/inbox?network=${latest.network_id}&range=7d`)}>All of this network</a>}
      </p>
      <h3>What the network sent</h3>
      {arrived ? <Sent row={arrived} /> : <p class="dim">It is not kept any more.</p>}
      {arrived?.params && latest.network_id > 0 && may("records.read") && <Run words="What would become of it by the rules of now?" request={{ network_id: latest.network_id, params: arrived.params }} />}
      <h3>What happened</h3>
      <ol class="tried">
        {postback.steps.map((row) => (
          <li key={`${row.stage} ${row.known_at_us} ${row.outcome}`}>
            <span class="dim">{moment(row.stage === "processed" ? row.known_at_us : row.at_us)}</span> <strong>{told(row)}</strong>{row.reason && row.stage === "processed" ? `: ${row.reason}` : ""}
          </li>
        ))}
      </ol>
      {arrived?.request_id && <p class="dim">Request <code>{arrived.request_id}</code>, {arrived.method} from {arrived.address || "an address that is not shown"}</p>}
    </>
  );
}

/** The words of its network that nobody knows: here is where one is met. */
function NetworkWords({ id }: { id: number }) {
  const asked = useAsk("networks.get", { id });
  return asked.value ? <UnknownWords network={asked.value} put={asked.again} /> : null;
}

function told(row: LogRow): string {
  if (row.stage === "received") return "arrived";
  if (row.stage === "refused") return `turned away: ${row.reason}`;
  return row.outcome.replaceAll("_", " ");
}

/** Its parameters, and the same as a line to send again. The secret was never kept. */
function Sent({ row }: { row: LogRow }) {
  const fields = Object.entries(row.params ?? {});
  if (row.params === null) return <p class="dim">Amounts are in it, and those are not yours to see.</p>;
  if (!fields.length) return <p class="dim">Nothing at all.</p>;
  return (
    <>
      <table class="mapping">
        <caption class="unseen">Parameters</caption>
        <thead><tr><th scope="col">Parameter</th><th scope="col">Value</th></tr></thead>
        <tbody>{fields.map(([name, value]) => <tr key={name}><td><code>{name}</code></td><td>{value || <span class="zero">empty</span>}</td></tr>)}</tbody>
      </table>
      <Copy text={asQuery(row.params)} label="the parameters" plain />
    </>
  );
}
