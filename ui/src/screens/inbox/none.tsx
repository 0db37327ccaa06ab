/** No postback in the period: the line that makes one. */

import { useAll } from "../../all";
import { useAsk } from "../../ask";
import { Copy } from "../../parts/copy";
import { href } from "../../route";
import { may } from "../../session";
import { postbackCurl } from "../campaigns/links";

export function NoPostbacks() {
  const about = useAsk("system.about", {});
  const networks = useAll("networks", may("networks.read") ? {} : false);
  const clicks = useAsk("clicks.list", { limit: 1 });
  const first = networks.value?.find((each) => each.status === "active");
  const click = (clicks.value?.items[0] as { id: string } | undefined)?.id ?? "CLICK_ID";
  return (
    <section class="teach">
      <h2>No postback in this period</h2>
      <p>Whatever networks send is kept here as it arrived, with what became of it and why. {may("networks.read") && <>Give a network <a href={href("/networks")}>its postback URL</a>, or send one as a network would:</>}</p>
      {about.value && <Copy text={postbackCurl(about.value.public, first?.slug ?? "NETWORK", click)} label="the postback" />}
    </section>
  );
}
