/** No target yet: what one is for. */

import { Copy } from "../../parts/copy";
import { set } from "../../route";
import { may } from "../../session";

export function NoTargets() {
  return (
    <section class="teach">
      <h2>Nobody is told of conversions yet</h2>
      <p>A target is an address that hears of every conversion you want it to: a traffic source that learns which of its clicks sold, so that it can send more like them, or a system of your own. What it did not acknowledge is told again.</p>
      {may("targets.write") && <p><button type="button" class="main" onClick={() => set({ edit: "new" })}>Choose a source</button> or from a shell:</p>}
      <Copy label="the command" text={`weir call targets.create '{"name": "Source", "url": "https://offer.example/?cid={source_click_id}&payout={payout}"}'`} />
    </section>
  );
}
