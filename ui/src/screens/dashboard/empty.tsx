/** Nothing has happened yet: what to do to see the first click and the first conversion. */

import type { Campaign } from "../../api";
import { useAsk } from "../../ask";
import { Copy } from "../../parts/copy";
import { postbackCurl, trackedLink } from "../campaigns/links";

export function Empty({ campaign }: { campaign: Campaign | undefined }) {
  const about = useAsk("system.about", {});
  const networks = useAsk("networks.list", { limit: 1 });
  const origin = about.value?.public;
  const network = (networks.value?.items as { slug: string }[] | undefined)?.[0]?.slug;
  if (!origin) return null;
  return (
    <section class="teach" aria-labelledby="empty-title">
      <h2 id="empty-title">No clicks yet. Make the first one</h2>
      <ol>
        {campaign ? (
          <li>
            <p>Open the tracked link of <strong>{campaign.name || campaign.slug}</strong>. The click appears here within a second.</p>
            <Copy text={`${trackedLink(origin, campaign)}?sub1=hello&cost=0.10`} label="the tracked link" />
            <p><a href={`${trackedLink(origin, campaign)}?sub1=hello&cost=0.10`} target="_blank" rel="noreferrer">Open it in a new tab</a></p>
          </li>
        ) : (
          <li>
            <p>Make a campaign and give it a stream:</p>
            <Copy text={`weir call campaigns.create '{"name": "First", "slug": "first"}'`} label="the command" />
          </li>
        )}
        <li>
          <p>Report a sale as the network would, with the click id that the link handed over:</p>
          <Copy text={postbackCurl(origin, network ?? "NETWORK", "CLICK_ID")} label="the postback" />
        </li>
      </ol>
    </section>
  );
}
