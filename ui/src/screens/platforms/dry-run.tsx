/** Nothing is sent until somebody says so, in words that say what it means. */

import { useState } from "preact/hooks";
import type { AccountReport, AdAccount } from "../../api";
import { perform } from "../../editing";
import { note } from "../../parts/notes";
import { shown } from "../../parts/number";
import { may } from "../../session";
import { known, titleOf } from "./words";

export function DryRun({ account, standing, put }: { account: AdAccount; standing: AccountReport | undefined; put: (account: AdAccount) => void }) {
  const [asking, ask] = useState(false);
  const platform = known(account.platform).title;
  const turn = (dry_run: boolean): void =>
    void perform("ad_accounts.change", { id: account.id, revision: account.revision, dry_run, ...(!dry_run && standing?.experimental ? { accept_experimental: true } : {}) }, (made) => {
      put(made);
      ask(false);
      note(dry_run ? `${titleOf(made)} is in dry run: nothing is sent.` : `${titleOf(made)} reports for real.`, dry_run ? undefined : () => turn2(made, put));
    });
  if (!account.dry_run) {
    return <p class="row"><span class="grow">{account.feed_hash ? `For real: ${platform} counts what it fetches.` : `Reports for real: ${platform} counts what it accepts.`}</span>{may("ad_accounts.write") && <button type="button" onClick={() => turn(true)}>Back to dry run</button>}</p>;
  }
  return (
    <div class="trouble stack" role="status">
      <strong>{account.feed_hash ? `Dry run: nothing is put into the file that ${platform} fetches.` : `Dry run: nothing is sent to ${platform}.`}</strong>
      <p>Every event is made and checked as if it were, and kept under Deliveries{!account.feed_hash && " with its masked request"}.{standing && standing.not_sent > 0 && ` ${shown(standing.not_sent)} so far.`}</p>
      {may("ad_accounts.write") && (asking ? (
        <div role="alert" class="stack">
          {standing?.experimental && <p>What {platform} demands could not be verified by us: compare its own figures.</p>}
          <p>From then on {platform} counts every conversion and its campaigns learn from it. What was told cannot be taken back. Events of the dry run stay unsent unless you tell them again.</p>
          <p class="row"><button type="button" onClick={() => ask(false)}>Stay in dry run</button><button type="button" class="main" onClick={() => turn(false)}>Report for real</button></p>
        </div>
      ) : <p class="row"><button type="button" onClick={() => ask(true)}>Report for real…</button></p>)}
    </div>
  );
}

/** The way back of the note: with the revision that was made. */
function turn2(account: AdAccount, put: (account: AdAccount) => void): void {
  void perform("ad_accounts.change", { id: account.id, revision: account.revision, dry_run: true }, put);
}
