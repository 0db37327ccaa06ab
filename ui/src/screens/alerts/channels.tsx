/** Who is told of alerts, and a test that shows whether it arrives. */

import { useState } from "preact/hooks";
import type { Channel } from "../../api";
import { attempt } from "../../editing";
import type { Fault } from "../../parts/editor";
import { ago, now } from "../../parts/time";
import { may } from "../../session";

export function Channels({ of, again }: { of: readonly Channel[]; again: () => void }) {
  const [tested, setTested] = useState<readonly Channel[]>();
  const [fault, setFault] = useState<Fault>();
  const [busy, setBusy] = useState(false);
  const test = async (): Promise<void> => {
    setBusy(true);
    setFault(await attempt("alerts.test", {}, (answer) => (setTested(answer.channels), again())));
    setBusy(false);
  };
  return (
    <section aria-label="Who is told">
      <h2>Who is told</h2>
      {of.length ? (
        <ul class="plainly">
          {of.map((each) => {
            const now_ = tested?.find((one) => one.name === each.name) ?? each;
            return <li key={each.name}><span class="state"><i class={`dot ${now_.error ? "loss" : now_.told_us ? "good" : ""}`} aria-hidden="true" /> {each.name} to {each.to}</span> <span class={now_.error ? "loss" : "dim"}>{now_.error || (tested ? "the test was taken" : now_.told_us ? `last told ${ago(new Date(now_.told_us / 1000), now.value)}` : "nothing told yet")}</span></li>;
          })}
        </ul>
      ) : (
        <p class="dim">Nobody: alerts stand here only. Name them in the configuration: <code>alerts.emails</code> and <code>alerts.webhook</code>.</p>
      )}
      {fault && <p class="wrong" role="alert">{fault.message}</p>}
      {may("alerts.write") && of.length > 0 && <p><button type="button" disabled={busy} onClick={() => void test()}>{busy ? "Sending…" : "Send a test"}</button></p>}
    </section>
  );
}
