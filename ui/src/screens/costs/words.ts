/** A correction of cost as people read it. */

import type { Adjustment } from "../../api";
import { nameOf, type Noun } from "../../names";
import { shown } from "../../parts/number";
import { clock, day } from "../../parts/time";

const NOUNS: Readonly<Record<string, Noun>> = { campaign: "campaigns", stream: "streams", destination: "destinations", source: "sources", network: "networks" };

/** What can be asked of a click whose cost is corrected, and the noun of those that are ids. */
export const FILTERS: readonly string[] = [
  "source", "stream", "destination", "network", "country", "region", "city", "isp", "device_type", "device_brand", "os", "browser", "language", "connection_type",
  "referrer_host", "host", "hour_of_day", "weekday", ...Array.from({ length: 30 }, (_, index) => `sub${index + 1}`), "utm_source", "utm_medium", "utm_campaign", "utm_term", "utm_content",
]; // prettier-ignore
export const NUMBERS = new Set(["hour_of_day", "weekday", "link"]);

export function nounOf(filter: string): Noun | undefined {
  return NOUNS[filter];
}

/** "+12.50 USD", "250.00 USD in all", "0.05 USD each". */
export function said(it: Pick<Adjustment, "kind" | "amount" | "currency">): string {
  const amount = Number(it.amount);
  if (it.kind === "per_click") return `${shown(amount, "fine")} ${it.currency} each`;
  if (it.kind === "total") return `${shown(amount, "money")} ${it.currency} in all`;
  return `${amount > 0 ? "+" : ""}${shown(amount, "money")} ${it.currency}`;
}

/** The clicks it is about: "Summer; country DE or AT; sub1 not 7". */
export function about(it: Pick<Adjustment, "campaign_id" | "filters">): string {
  const filters = Object.entries(it.filters as Record<string, unknown>).map(([name, given]) => `${name} ${condition(name, given)}`);
  return [it.campaign_id ? nameOf("campaigns", it.campaign_id) : "every campaign", ...filters].join("; ");
}

function condition(name: string, given: unknown): string {
  if (Array.isArray(given)) return either(name, given);
  const words: Readonly<Record<string, string>> = { in: "", not_in: "not ", contains: "with ", not_contains: "without " };
  return Object.entries(given as Record<string, unknown[]>).map(([operator, values]) => `${words[operator] ?? ""}${either(name, values)}`).join(" and ");
}

function either(name: string, values: readonly unknown[]): string {
  const noun = nounOf(name);
  return values.map((each) => (noun && typeof each === "number" ? nameOf(noun, each) || "none" : String(each))).join(" or ");
}

/** "2026-11-17", "2026-11-17 to 2026-11-19", with the times where it does not begin and end at midnight. */
export function period(fromUs: number, toUs: number, zone: string): string {
  const [from, to] = [new Date(fromUs / 1000), new Date(toUs / 1000)];
  const whole = [from, to].every((each) => clock(each, zone) === "00:00");
  if (!whole) return `${day(from, zone)} ${clock(from, zone)} to ${day(to, zone)} ${clock(to, zone)}`;
  const last = day(new Date(to.getTime() - 1), zone);
  return day(from, zone) === last ? last : `${day(from, zone)} to ${last}`;
}
