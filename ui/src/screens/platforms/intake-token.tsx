/** The token with which programs hand in interpreted events: shown once, and how to use it. */

import { useState } from "preact/hooks";
import type { AdAccount } from "../../api";
import { useAsk } from "../../ask";
import { perform } from "../../editing";
import { Copy } from "../../parts/copy";
import { note } from "../../parts/notes";
import { may } from "../../session";

const made = new Map<number, string>();

/** A token that was just shown; forgotten with the page. */
export function remember(account: number, token: string): void {
  made.set(account, token);
}

/** What hands a file in, at the origin of the public port: a token in the command's words is seen in `ps` and kept by the shell. */
export function sending(origin: string): string {
  return `weir events send events.ndjson --url ${origin} --token-file intake-token`;
}

export function IntakeToken({ account, put }: { account: AdAccount; put: (account: AdAccount) => void }) {
  const [token, setToken] = useState(made.get(account.id) ?? "");
  const [asking, ask] = useState(false);
  const has = Boolean(account.intake_hint);
  const renews = may("tokens.write");
  const about = useAsk("system.about", {});
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
      {has && about.value && <><p class="dim">With the token in a file that nobody else reads, send a file of them:</p><Copy label="the command" text={sending(about.value.public)} /></>}
      {asking ? (
        <div class="trouble stack" role="alert"><p>The present token stops working at once.</p><p class="row"><button type="button" onClick={() => ask(false)}>Keep it</button><button type="button" class="loses" onClick={renew}>Make a new one</button></p></div>
      ) : (
        <p class="row">{renews && <button type="button" onClick={() => (has ? ask(true) : renew())}>{has ? "Make a new token…" : "Make a token"}</button>}{!renews && !has && <span class="dim">Who may make tokens makes one here.</span>}{has && may("ad_accounts.write") && <button type="button" class="loses" onClick={close}>Take it back</button>}</p>
      )}
    </>
  );
}
