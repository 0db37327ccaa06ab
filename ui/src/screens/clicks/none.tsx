/** No click in the period: the line that makes one. */

import { useAsk } from "../../ask";
import { useAll } from "../../all";
import { Copy } from "../../parts/copy";
import { trackedLink } from "../campaigns/links";

export function NoClicks() {
  const about = useAsk("system.about", {});
  const campaigns = useAll("campaigns");
  const first = campaigns.value?.find((each) => each.status === "active");
  return (
    <section class="teach">
      <h2>No click in this period</h2>
      {first && about.value ? (
        <>
          <p>Each click is kept with everything that decided it. Open a tracked link to make one:</p>
          <Copy text={`${trackedLink(about.value.public, first)}?sub1=hello&cost=0.10`} label="a tracked link" />
        </>
      ) : (
        <p>There is no campaign yet that takes one.</p>
      )}
    </section>
  );
}
