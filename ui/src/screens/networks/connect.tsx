/** The two lines that connect a network: the click id for the offer's address, the postback URL for the network. */

import type { Network } from "../../api";
import { useAsk } from "../../ask";
import { Copy } from "../../parts/copy";

export function Connect({ network }: { network: Network }) {
  const about = useAsk("system.about", {});
  const url = about.value ? `${about.value.public}/pb/${encodeURIComponent(network.slug)}` : "";
  return (
    <>
      <h3>Into the offer's address</h3>
      <p class="dim">In whichever parameter the network gives back:</p>
      <Copy text="{click_id}" label="the click id's macro" />
      <h3>Postback URL to give to the network</h3>
      {url && <Copy text={`${url}?click_id=…&payout=…&status=…&transaction_id=…`} label="the postback URL" />}
    </>
  );
}
