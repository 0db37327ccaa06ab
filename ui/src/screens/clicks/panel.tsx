/** Why one click went where it went: the recorded inputs decided again, and the proof that it is the same. */

import type { Difference, Explanation } from "../../api";
import { useAsk } from "../../ask";
import { Copy } from "../../parts/copy";
import { Panel } from "../../parts/panel";
import { ago, full, now } from "../../parts/time";
import { href, set } from "../../route";
import { may } from "../../session";
import { zone } from "../../zone";
import { Ending } from "../campaign/outcome";
import { TraceTree } from "../routing/trace";

export function ClickPanel({ id }: { id: string }) {
  const asked = useAsk("routing.explain", { click_id: id });
  const found = asked.value;
  return (
    <Panel title="Why this click went there" wide onClose={() => set({ open: null })}>
      <Copy text={id} label="the click's id" plain />
      {asked.fault && (
        <div class="refused" role="alert">
          <strong>{asked.fault.message}</strong>
          {asked.fault.fields.length > 0 && <ul>{asked.fault.fields.map((each) => <li key={each.path}><code>{each.path}</code> {each.message}</li>)}</ul>}
          {asked.fault.code === "unavailable" && <p><button type="button" onClick={asked.again}>Ask again</button></p>}
        </div>
      )}
      {!found && !asked.fault && <p class="dim" role="status">Deciding it again…</p>}
      {found && <Explained found={found} />}
    </Panel>
  );
}

function Explained({ found }: { found: Explanation }) {
  const at = new Date(found.at_us / 1000);
  const { trace } = found;
  return (
    <>
      <p class="dim">
        <time dateTime={at.toISOString()} title={full(at, zone.value)}>{ago(at, now.value)}</time>, {full(at, zone.value)}
        {" · "}{trace.campaign_id > 0 && may("campaigns.read") ? <a href={href(`/campaigns/${trace.campaign_id}`)}>{trace.campaign || `campaign ${trace.campaign_id}`}</a> : trace.campaign}
        {" · "}{trace.counted ? "counted" : "not counted"}
      </p>
      <Ending trace={trace} />
      <Proof found={found} />
      <TraceTree trace={trace} hop={0} />
    </>
  );
}

function Proof({ found }: { found: Explanation }) {
  if (found.exact) {
    return (
      <p class="proof">
        <span class="sign held" aria-hidden="true">✓</span> Decided again with the configuration of revision {found.revision}: every recorded field came out the same
        {found.url_proven && ", and the address is the one that was sent"}.
      </p>
    );
  }
  return (
    <div class="refused">
      <strong>Not all came out the same{found.kernel !== found.kernel_now && `: it was decided by version ${found.kernel} of the deciding, this is ${found.kernel_now}`}.</strong>
      <dl class="differences">
        {found.differences.map((each) => <div key={each.field}><dt><code>{each.field}</code></dt><dd>recorded <b>{text(each.recorded)}</b>, now <b>{text(each.replayed)}</b></dd></div>)}
      </dl>
    </div>
  );
}

function text(value: Difference["recorded"]): string {
  return typeof value === "string" ? value || "nothing" : JSON.stringify(value);
}
