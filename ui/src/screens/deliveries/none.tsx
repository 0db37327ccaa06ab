/** No delivery yet: what makes one. */

import { href } from "../../route";
import { may } from "../../session";

export function NoDeliveries() {
  return (
    <section class="teach">
      <h2>Nobody was told of a conversion yet</h2>
      <p>Every conversion that a target wants to hear of becomes a delivery, stored together with it: told until it is acknowledged, and each attempt is kept here with its request and its answer.</p>
      {may("targets.read") && <p><a href={href("/targets?edit=new")}>Make a target</a>, and send a postback.</p>}
    </section>
  );
}
