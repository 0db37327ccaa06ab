/** No destination yet: how the first one is made. */

import { Copy } from "../../parts/copy";
import { set } from "../../route";
import { may } from "../../session";

export function NoDestinations() {
  return (
    <section class="teach">
      <h2>No destinations yet</h2>
      <p>A destination is an offer or a landing page: an address that clicks are sent to, with macros such as <code>{"{click_id}"}</code>, which its network gives back with a sale.</p>
      {may("destinations.write") && <p><button type="button" class="main" onClick={() => set({ edit: "new" })}>New destination</button> or from a shell:</p>}
      <Copy label="the command" text={`weir call destinations.create '{"name": "Offer", "url": "https://offer.example/?cid={click_id}"}'`} />
    </section>
  );
}
