/** What to paste where: the click id for the offer's address, the postback URL for the network, code for pages. */

import type { Network } from "../../api";
import { useAsk } from "../../ask";
import { Copy } from "../../parts/copy";
import { href } from "../../route";
import { may } from "../../session";
import { remembered } from "./fresh";

export function Connect({ network }: { network: Network }) {
  const asked = useAsk("networks.urls", { id: network.id });
  const secret = remembered(network.id);
  const found = asked.value;
  if (asked.fault) return <p class="wrong" role="alert">{asked.fault.message}</p>;
  if (!found) return <p class="dim">–</p>;
  const open = found.postbacks.some((each) => /=SECRET(&|$)/.test(each.url));
  const whole = (url: string): string => (secret ? url.replace(/=SECRET(?=&|$)/, `=${encodeURIComponent(secret)}`) : url);
  return (
    <>
      <h3>1. Into the offer's address</h3>
      <Copy text={found.paste} label="the click id for the offer's address" />
      <p class="dim">{found.paste.includes("=") ? "Append it to the URL of each destination: the network keeps it as our click id, and gives it back with the sale." : "Put it into the parameter that the network gives back: a sub id of its."}</p>
      {!found.postbacks.length && may("conversions.write") && <p><a href={href("/conversions?edit=enter")}>Enter its conversions</a>, one by one or from its list.</p>}
      {found.postbacks.length > 0 && <h3>2. Postback URL, into your account there</h3>}
      {found.postbacks.map((each) => (
        <div key={each.title}>
          {each.title && <h4>For {each.title}</h4>}
          <Copy text={whole(each.url)} label={each.title ? `the URL for ${each.title}` : "the postback URL"} />
        </div>
      ))}
      {found.postbacks.some((each) => each.url.includes("{click_id}")) && !network.preset && <p class="dim">In the place of each <code>{"{…}"}</code> put the network's own macro.</p>}
      {open && (secret ? <p class="warned">The secret is in it. Copy it now: once this window is closed nobody can read it any more.</p> : <p class="dim">Put the secret in the place of SECRET. If nobody knows it any more, set another one.</p>)}
      {found.note && <p class="trouble">{found.note}</p>}
      {found.pixel && (
        <details class="more">
          <summary>For pages that cannot send postbacks</summary>
          <h4>A pixel on the page after the sale</h4>
          <Copy text={found.pixel} label="the pixel" />
          <h4>Or a script</h4>
          <Copy text={found.script} label="the script" />
        </details>
      )}
    </>
  );
}
