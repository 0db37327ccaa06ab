/** An account tried with one button: the platform's cheapest harmless request, and what it answers. */

import { useState } from "preact/hooks";
import type { AdAccount, Api } from "../../api";
import { attempt } from "../../editing";
import type { Fault } from "../../parts/editor";
import { latency, Wire } from "../deliveries/wire";
import { known } from "./words";

type Tested = Api["ad_accounts.test"]["answer"];

export function TryAccount({ account }: { account: AdAccount }) {
  const [found, setFound] = useState<{ answer: Tested; revision: number }>();
  const [fault, setFault] = useState<Fault>();
  const [busy, setBusy] = useState(false);
  const run = async (): Promise<void> => {
    setBusy(true);
    setFault(await attempt("ad_accounts.test", { id: account.id }, (answer) => setFound({ answer, revision: account.revision })));
    setBusy(false);
  };
  return (
    <div class="try" role="group" aria-label="Try the token">
      <p class="row"><span class="grow dim">Asks {known(account.platform).title} whether the token opens the account. Nothing is counted.</span><button type="button" disabled={busy} onClick={() => void run()}>{busy ? "Asking…" : "Test it"}</button></p>
      {fault && <p class="wrong" role="alert">{fault.message}{fault.fields.map((each) => ` ${each.path}: ${each.message}`).join(";")}</p>}
      {found && <Answer of={found.answer} stale={found.revision !== account.revision} />}
    </div>
  );
}

function Answer({ of, stale }: { of: Tested; stale: boolean }) {
  return (
    <div class={`ending${of.ok ? "" : " back"}${stale ? " stale" : ""}`} role="status">
      <strong>{of.ok ? (of.sent ? "It works" : "Nothing to try") : of.label || "It does not work"}</strong>
      <span class="dim">{of.reason}{of.latency_us > 0 && ` · after ${latency(of.latency_us)}`}{of.trace && ` · trace ${of.trace}`}{stale && " · before the latest change"}</span>
      {of.request && <details class="more"><summary>Request and answer</summary><Wire text={of.request} label="The request" />{of.answer && <Wire text={of.answer} label="Its answer" />}</details>}
    </div>
  );
}
