/** The token with which programs hand in interpreted events: shown once, and how to use it. */

import { useState } from "preact/hooks";
import type { AdAccount } from "../../api";
import { perform } from "../../editing";
import { Copy } from "../../parts/copy";
import { note } from "../../parts/notes";

const made = new Map<number, string>();

/** A token that was just shown; forgotten with the page. */
export function remember(account: number, token: string): void {
  made.set(account, token);
}

export function IntakeToken({ account, put }: { account: AdAccount; put: (account: AdAccount) => void }) {
  const [token, setToken] = useState(made.get(account.id) ?? "");
  const [asking, ask] = useState(false);
  const has = Boolean(account.intake_hint);
  const renew = (): void =>
    void perform("ad_accounts.renew_intake_token", { id: account.id }, (answer) => {
      remember(account.id, answer.intake_token);
      setToken(answer.intake_token);
      ask(false);
      put({ ...account, revision: answer.revision, intake_hint: answer.intake_hint });
      note(has ? "The token before it opens nothing any more." : "Programs can hand in events now.");
    });
  const close = (): void =>
    void perform("ad_accounts.close_intake", { id: account.id }, (answer) => {
      made.delete(account.id);
      setToken("");
      put(answer);
      note("No program can hand in events of this account any more.");
    });
  return (
    <>
      <p class="dim">Interpreted events of networks, one JSON object a line, are handed in with a token of this account; each is filtered, checked and reported.</p>
      {has && !token && <p class="dim">The present one begins with <code>{account.intake_hint || "…"}</code>.</p>}
      {token && <><p><strong>Shown once: keep it now.</strong></p><Copy text={token} label="the intake token" /></>}
      <p class="dim">Send a file of them:</p>
      <Copy label="the command" text={`weir events send events.ndjson --url ${location.protocol}//your-domain --token ${token || "…"}`} />
      {asking ? (
        <div class="trouble stack" role="alert"><p>The present token stops working at once.</p><p class="row"><button type="button" onClick={() => ask(false)}>Keep it</button><button type="button" class="loses" onClick={renew}>Make a new one</button></p></div>
      ) : (
        <p class="row"><button type="button" onClick={() => (has ? ask(true) : renew())}>{has ? "Make a new token…" : "Make a token"}</button>{has && <button type="button" class="loses" onClick={close}>Take it back</button>}</p>
      )}
    </>
  );
}
