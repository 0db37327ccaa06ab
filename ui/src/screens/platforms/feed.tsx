/** The file that Google Ads fetches by itself: its address, shown once, and what it holds. */

import { useState } from "preact/hooks";
import type { AccountReport, AdAccount } from "../../api";
import { perform } from "../../editing";
import { Copy } from "../../parts/copy";
import { note } from "../../parts/notes";
import { shown } from "../../parts/number";
import { href } from "../../route";
import { may } from "../../session";
import { placeOfDeliveries } from "../deliveries/queues";
import { MASK } from "./secret-edit";
import { titleOf } from "./words";

const made = new Map<number, string>();

interface Props {
  account: AdAccount;
  standing: AccountReport | undefined;
  put: (account: AdAccount) => void;
}

export function Feed({ account, standing, put }: Props) {
  const [url, setUrl] = useState(made.get(account.id) ?? "");
  const [asking, ask] = useState<"renew" | "close">();
  const has = Boolean(account.feed_hash);
  const renew = (): void =>
    void perform("ad_accounts.renew_feed", { id: account.id }, (answer) => {
      made.set(account.id, answer.url);
      setUrl(answer.url);
      ask(undefined);
      put({ ...account, revision: answer.revision, feed_hash: MASK });
      note(has ? "The address before it opens nothing any more." : `Google Ads fetches the events of ${titleOf(account)} from now on.`);
    });
  const close = (): void =>
    void perform("ad_accounts.close_feed", { id: account.id }, (answer) => {
      made.delete(account.id);
      setUrl("");
      ask(undefined);
      put(answer);
      note(`The file of ${titleOf(answer)} is gone. Its account is in dry run.`);
    });
  return (
    <>
      <h3>A file that Google fetches</h3>
      {has ? <Holds account={account} standing={standing} /> : <p class="dim">Instead of being sent, conversions can stand in a file that Google Ads fetches by itself. It needs no token and no approval; only clicks with a gclid are listed.</p>}
      {url && (
        <>
          <p><strong>Shown once: keep it now.</strong></p>
          <Copy text={url} label="the address of the file" />
          <p class="dim">In Google Ads: Tools → Conversions → Uploads → Schedules → HTTPS.</p>
        </>
      )}
      {asking ? (
        <div class="trouble stack" role="alert">
          <p>{asking === "close" ? "Google finds the file no more. The account goes to dry run, and what happens from then on is for its interface." : has ? "The address that Google has stops working at once." : "From then on nothing of this account is sent: its events stand in the file."}</p>
          <p class="row">
            <button type="button" onClick={() => ask(undefined)}>Leave it</button>
            {asking === "close" ? <button type="button" class="loses" onClick={close}>End the file</button> : <button type="button" class={has ? "loses" : "main"} onClick={renew}>Make {has ? "a new" : "the"} address</button>}
          </p>
        </div>
      ) : (
        <p class="row">
          {may("tokens.write") ? <button type="button" onClick={() => ask("renew")}>{has ? "Make a new address…" : "Make an address…"}</button> : !has && <span class="dim">Who may make tokens makes its address here.</span>}
          {has && may("ad_accounts.write") && <button type="button" class="loses" onClick={() => ask("close")}>End the file…</button>}
        </p>
      )}
    </>
  );
}

function Holds({ account, standing }: { account: AdAccount; standing: AccountReport | undefined }) {
  const targets = (standing?.pixels ?? []).map((each) => `feed:${each.pixel_id}`);
  const listed = (state: string, many: number, words: string) => (many ? <a href={href(placeOfDeliveries(targets, state))}>{shown(many)} {words}</a> : <>0 {words}</>);
  return (
    <>
      <p>
        Google Ads fetches this account's events; nothing is sent.{" "}
        {standing && targets.length > 0 ? <>{listed("delivered", standing.accepted, "listed")}, {listed("pending", standing.queued, "to be listed")}, {listed("dead", standing.refused, "refused")}.</> : "Without a pixel nothing is listed."}
        {account.dry_run && " In a dry run nothing is listed."}
      </p>
      <p class="dim">The file holds what was listed in the last 14 days, the newest 20,000. What Google made of it is in its upload history. The address holds a token and is kept as a digest: if nobody knows it any more, make a new one.</p>
    </>
  );
}
