/** No source yet: what one is for. */

import { set } from "../../route";
import { may } from "../../session";

export function NoSources() {
  return (
    <section class="teach">
      <h2>No traffic sources yet</h2>
      <p>A source says what the parameters of its links mean, its click id, its zones, its price, so that every report reads them alike. Weir knows the parameters of many.</p>
      {may("sources.write") && <p><button type="button" class="main" onClick={() => set({ edit: "new" })}>Choose a source</button></p>}
    </section>
  );
}
