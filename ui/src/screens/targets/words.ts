/** What a target is told, as a sentence. */

import type { PostbackTarget } from "../../api";
import { nameOf } from "../../names";

export const STATUSES = ["lead", "sale", "hold", "rejected", "trash", "refund", "chargeback"] as const;
export const OCCASIONS = { created: "once", status: "and again when its status changes", payout: "and again when its status or payout changes" } as const;

export type Wish = Pick<PostbackTarget, "statuses" | "types" | "source_id" | "campaign_ids" | "network_ids" | "min_payout" | "max_payout" | "share" | "payout_scale" | "on">;

/** "Every lead or sale of PropellerAds in Summer, once; with 80 % of its payout." */
export function sentence(it: Wish): string {
  const which = it.statuses.length ? either(it.statuses) : "conversion of any status";
  const of = [
    it.types.length ? `of type ${either(it.types)}` : "",
    it.source_id ? `from ${nameOf("sources", it.source_id)}` : "",
    it.campaign_ids.length ? `in ${either(it.campaign_ids.map((id) => nameOf("campaigns", id)))}` : "",
    it.network_ids.length ? `by ${either(it.network_ids.map((id) => nameOf("networks", id)))}` : "",
    between(it.min_payout, it.max_payout),
  ].filter(Boolean);
  const share = it.share === 100 ? "" : `; only ${it.share} % of them`;
  const scale = it.payout_scale === 100 ? "" : `; told with ${it.payout_scale} % of its payout`;
  return `${["Every", which, ...of].join(" ")}, ${OCCASIONS[it.on]}${share}${scale}.`;
}

function between(least: string, most: string): string {
  if (least && most) return `that pays ${least} to ${most}`;
  return least ? `that pays ${least} or more` : most ? `that pays ${most} or less` : "";
}

function either(words: readonly string[]): string {
  return words.length < 2 ? (words[0] ?? "") : `${words.slice(0, -1).join(", ")} or ${words.at(-1)}`;
}

/** The host that is told; the whole text when it is no URL. */
export function hostOf(url: string): string {
  return /^https?:\/\/([^/?#]+)/.exec(url)?.[1] ?? url;
}
