/** Everything that the doctor found, of networks and campaigns. */

import { Words } from "../../parts/form";
import { shown } from "../../parts/number";
import { param, set } from "../../route";
import { Tabs } from "../networks/networks";
import { Findings, useFindings } from "./findings";

export function Doctor() {
  const muted = param("muted") === "1";
  const found = useFindings({}, muted);
  return (
    <>
      <header class="head">
        <h1>Doctor</h1>
        <span class="dim">{found.items && shown(found.items.length)}</span>
        <button type="button" onClick={found.again}>Look again</button>
      </header>
      <div class="tools" role="search">
        <Tabs />
        <Words label="Which" value={param("muted")} options={[["", "To be mended"], ["1", "Never said again"]]} onPick={(word) => set({ muted: word })} />
      </div>
      <Findings found={found} named muted={muted} />
      {found.items?.length === 0 && (
        <section class="teach">
          <h2>{muted ? "Nothing is kept quiet" : "Nothing is wrong"}</h2>
          <p>Every postback and conversion is looked at as it passes: macros that nobody replaced, ids that changed places, words that nobody knows, secrets in the wrong place, a network that fell silent. What is found stands here, with what mends it.</p>
        </section>
      )}
    </>
  );
}
