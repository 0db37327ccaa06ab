/** A postback that is only tried: what is found in it, which click, what would become of it. Nothing is stored. */

import { useState } from "preact/hooks";
import type { Api } from "../../api";
import { attempt } from "../../editing";
import type { Fault } from "../../parts/editor";
import { Area } from "../../parts/form";
import { href } from "../../route";
import { nameOf } from "../../names";
import { Verdict } from "./verdict";
import { Change } from "./standing";

type Tested = Api["postbacks.test"]["answer"];

type Request = Api["postbacks.test"]["request"];

export function Try({ network, example }: { network: number; example: string }) {
  const [text, setText] = useState("");
  const given = text.trim();
  return (
    <details class="more">
      <summary>Try a postback</summary>
      <Area label="Its URL, or what follows the question mark, or a JSON body" mono rows={3} value={text} placeholder={example} onText={setText} />
      <Run words="Try it" request={given ? { network_id: network, ...(given.startsWith("{") ? { body: given, content_type: "application/json" } : { url: given.includes("?") ? given : `?${given}` }) } : undefined} />
    </details>
  );
}

/** A button, and what came of it. */
export function Run({ words, request }: { words: string; request: Request | undefined }) {
  const [tested, setTested] = useState<Tested>();
  const [fault, setFault] = useState<Fault>();
  const [busy, setBusy] = useState(false);
  const run = async (): Promise<void> => {
    if (!request) return;
    setBusy(true);
    const failed = await attempt("postbacks.test", request, setTested);
    setFault(failed);
    if (failed) setTested(undefined);
    setBusy(false);
  };
  return (
    <>
      <p class="row"><button type="button" disabled={busy || !request} onClick={() => void run()}>{busy ? "Trying…" : words}</button><span class="dim">Nothing is stored.</span></p>
      {fault && <p class="wrong" role="alert">{fault.message}{fault.fields.map((each) => ` ${each.path}: ${each.message}`)}</p>}
      {tested && <Result tested={tested} />}
    </>
  );
}

function Result({ tested }: { tested: Tested }) {
  const { click, before, after } = tested;
  const fields = Object.entries(tested.fields);
  return (
    <div class="block" role="status">
      <p><Verdict outcome={tested.outcome} reason={[tested.reason, ...tested.notes].join("; ")} /> {tested.reason}</p>
      {(before || after) && <p>{before ? "Its conversion: " : "A new conversion: "}<Change before={before} after={after ?? before} /></p>}
      <p>
        {!click ? "It names no click." : click.found ? <>Its click is known: <a href={href(`/clicks?open=${click.id}`)}>{nameOf("campaigns", click.campaign_id) || "a click"}</a>.</> : <>No click <code>{click.id}</code> is known.</>}
        {tested.status && <> Its status is <strong>{tested.status}</strong>.</>}
      </p>
      {tested.notes.length > 0 && <ul class="plainly warned">{tested.notes.map((each) => <li key={each}>{each}</li>)}</ul>}
      {fields.length > 0 && (
        <table class="mapping">
          <caption class="unseen">What was found in it</caption>
          <thead><tr><th scope="col">Field</th><th scope="col">Found</th></tr></thead>
          <tbody>{fields.map(([name, value]) => <tr key={name}><td>{name}</td><td><code>{value}</code></td></tr>)}</tbody>
        </table>
      )}
    </div>
  );
}
