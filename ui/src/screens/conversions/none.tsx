/** No conversion in the period: the line that makes one. */

import { useAll } from "../../all";
import { useAsk } from "../../ask";
import { Copy } from "../../parts/copy";
import { href } from "../../route";
import { may, seesAll } from "../../session";
import { postbackCurl } from "../campaigns/links";

export function NoConversions() {
  const about = useAsk("system.about", {});
  const networks = useAll("networks", may("networks.read") ? {} : false);
  const clicks = useAsk("clicks.list", { limit: 1 });
  const network = networks.value?.find((each) => each.status === "active");
  const click = (clicks.value?.items[0] as { id: string } | undefined)?.id;
  return (
    <section class="teach">
      <h2>No conversion in this period</h2>
      <p>
        A conversion begins with a network's postback. {may("networks.read") && <><a href={href("/networks")}>Networks</a> has the URL to give to each. </>}
        {seesAll() && <>If sales are missing, the <a href={href("/inbox")}>inbox</a> says of every postback why it was not counted.</>}
      </p>
      {about.value && network && <><p>Report one as the network would{click ? ", for the newest click" : ""}:</p><Copy text={postbackCurl(about.value.public, network.slug, click ?? "CLICK_ID")} label="the postback" /></>}
    </section>
  );
}
