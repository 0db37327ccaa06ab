/** What networks are made of, in words. */

import type { Network } from "../../api";
import type { Options } from "../../parts/form";

/** Fields of a postback that a template can map, and what each is. */
export const FIELDS: Readonly<Record<string, string>> = {
  click_id: "Weir's click id, as the offer got it",
  transaction_id: "the network's id of the sale",
  payout: "what the network pays",
  currency: "of the payout, such as USD",
  status: "the network's own word",
  event_type: "such as deposit or trial",
  event_id: "one event of several in a sale",
  upsell: "number of the upsell",
  time: "when it happened",
  notation: "how amounts are written: =. or =, or =cents",
  lead_status: "words for lead, with commas",
  sale_status: "words for sale, with commas",
  hold_status: "words for hold, with commas",
  rejected_status: "words for rejected, with commas",
  trash_status: "words for trash, with commas",
  secret: "what proves that it is the network",
  email: "who bought: sealed at once, never kept in clear",
  phone: "with its country code; sealed",
  first_name: "of who bought; sealed",
  last_name: "of who bought; sealed",
  city: "of who bought; sealed",
  region: "state or province; sealed",
  postal_code: "of who bought; sealed",
  country: "ISO code, of who bought; sealed",
  external_id: "who the buyer is to the shop; sealed",
  fbp: "Meta's cookie _fbp; sealed",
  fbc: "Meta's cookie _fbc; sealed",
  ttp: "TikTok's cookie _ttp; sealed",
  buyer_address: "the buyer's IP address; sealed",
  buyer_agent: "the buyer's user agent; sealed",
};

/** Parameters that are read where no template says otherwise. */
export const USUAL: Readonly<Record<string, string>> = {
  click_id: "click_id, cid, subid, sub_id", transaction_id: "transaction_id, tx, tid, order_id", payout: "payout, sum, amount, revenue",
  currency: "currency", status: "status", event_type: "event_type, event", event_id: "event_id", upsell: "upsell", time: "conversion_time", secret: "secret, token, key",
  email: "em, email", phone: "ph, phone", first_name: "fn", last_name: "ln", fbp: "fbp", fbc: "fbc", ttp: "ttp",
}; // prettier-ignore

export const STATUSES: Options = ["sale", "lead", "hold", "rejected", "trash", "refund", "chargeback"].map((each) => [each, each] as const);

export const DUPLICATES: Readonly<Record<Network["duplicates"], string>> = {
  edit: "changes the sale: the latest word counts",
  ignore: "is ignored: the first one stays",
  increment: "adds its payout to the sale",
  create: "is a sale of its own",
  repeat: "is a sale of its own, marked as repeated",
  event_id: "counts once per event id",
};

export const SIGNATURES: Options = [["", "none"], ["hmac_sha256", "HMAC-SHA256 of what it sends"], ["clickbank_ins", "ClickBank INS (encrypted)"], ["digistore24", "Digistore24 IPN (SHA-512)"]];

/** Its currency, words and rules, as sentences; only what is not as usual. */
export function rules(network: Network): string[] {
  const found = [`A further postback of the same sale ${DUPLICATES[network.duplicates]}.`];
  for (const [type, policy] of Object.entries(network.duplicates_by_type)) found.push(`Of the type ${type} it ${DUPLICATES[policy]}.`);
  if (network.claim_by.length) found.push(`${network.claim_by.map((each) => (each === "upsell" ? "The number of the upsell" : "The type of the event")).join(" and ")} makes a conversion of its own within a transaction.`);
  for (const [from, to] of Object.entries(network.transitions)) found.push(to.length ? `A ${from} may only become ${to.join(" or ")}.` : `A ${from} stays one.`);
  const hours = network.click_wait_hours === null ? "for the usual time" : `${network.click_wait_hours} hours`;
  found.push(network.unknown_click === "accept" ? `Without its click a sale is counted at once, and its click is looked for ${hours}.` : `Without its click it waits ${hours}, then it is refused.`);
  return found;
}
