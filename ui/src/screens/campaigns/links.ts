/** Addresses that people take along: of a tracked link, of a postback. */

import type { Campaign } from "../../api";

export function trackedLink(origin: string, campaign: Pick<Campaign, "slug">): string {
  return `${origin}/c/${encodeURIComponent(campaign.slug)}`;
}

/** A shell line that reports a sale for a click. */
export function postbackCurl(origin: string, network: string, click: string): string {
  const fields = `click_id=${click}&transaction_id=${click}&payout=1.50&currency=USD&status=approved`;
  return `curl "${origin}/pb/${encodeURIComponent(network)}?${fields}"`;
}
