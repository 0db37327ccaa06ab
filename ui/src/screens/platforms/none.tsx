/** No account yet: what one is for. */

import { Copy } from "../../parts/copy";
import { set } from "../../route";
import { may } from "../../session";

export function NoAccounts() {
  return (
    <section class="teach">
      <h2>No ad platform hears of conversions yet</h2>
      <p>An account is reported to from the server: each conversion becomes an event of one of its pixels, under an id that counts once, sent before its window ends. It begins with a dry run: everything is made and checked, nothing is sent.</p>
      {may("ad_accounts.write") && <p><button type="button" class="main" onClick={() => set({ edit: "new" })}>Add an account</button> or from a shell:</p>}
      <Copy label="the command" text={`weir call ad_accounts.create '{"name": "Summer", "platform": "meta", "token": "EAAB…"}'`} />
    </section>
  );
}
