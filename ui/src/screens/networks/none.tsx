/** No network yet: what one is for. */

import { set } from "../../route";
import { may } from "../../session";

export function NoNetworks() {
  return (
    <section class="teach">
      <h2>No networks yet</h2>
      <p>A network pays for what your clicks do. Choose yours, copy two lines, its postback URL and the click id for the offer's address, and its sales arrive here by themselves.</p>
      {may("networks.write") && <p><button type="button" class="main" onClick={() => set({ edit: "new" })}>Connect a network</button></p>}
    </section>
  );
}
