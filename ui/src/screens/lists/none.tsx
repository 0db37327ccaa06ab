/** No list yet: what one is for, and how it is made. */

import { Copy } from "../../parts/copy";
import { set } from "../../route";
import { may } from "../../session";

export function NoLists() {
  return (
    <section class="teach">
      <h2>No lists yet</h2>
      <p>A list holds up to a million publishers, addresses or user agents, and the rules of any number of campaigns ask for it. A change of the list is one change for all of them.</p>
      {may("lists.write") && <p><button type="button" class="main" onClick={() => set({ edit: "new" })}>New list</button> or from a shell:</p>}
      <Copy label="the command" text={`weir call lists.create '{"name": "Bad publishers", "of": "text"}'`} />
    </section>
  );
}
