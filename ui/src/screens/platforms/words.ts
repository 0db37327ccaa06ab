/** Ad platforms in words: what each calls its things, what an account of it may be told, what a pixel reports. */

import type { AdAccount, AdPlatform, EventRow, Pixel } from "../../api";
import { nameOf } from "../../names";

export type PlatformName = AdAccount["platform"];

interface Known {
  title: string;
  token: string;
  /** What a pixel's code is there. */
  code: string;
  /** Where to find the token. */
  where: string;
  /** What its test events need, "" where it has none. */
  tests: string;
}

const KNOWN: Readonly<Record<string, Known>> = {
  meta: { title: "Meta", token: "Access token", code: "Pixel (dataset) id", where: "Events Manager → the dataset → Settings → Conversions API → Generate access token. A system user's token does not expire.", tests: "The code shown under Test events, such as TEST12345." },
  tiktok: { title: "TikTok", token: "Access token", code: "Pixel code", where: "Events Manager → the pixel → Settings → Generate access token.", tests: "The code shown under Test events." },
  google: { title: "Google Ads", token: "OAuth token", code: "Conversion action id", where: "The refresh token of an OAuth client with the scope datamanager, whose id and secret stand below; without these two an access token, which lasts an hour.", tests: "Any word." },
  openai: { title: "OpenAI Ads", token: "API key", code: "Pixel id", where: "In the ads account's conversion settings.", tests: "Any word." },
  microsoft: { title: "Microsoft Advertising", token: "Token", code: "UET tag id", where: "In the UET tag's Conversions API settings.", tests: "" },
  snapchat: { title: "Snapchat", token: "Conversions API token", code: "Pixel id", where: "Business details → Conversions API tokens.", tests: "Any word." },
  pinterest: { title: "Pinterest", token: "Conversion access token", code: "Ad account id", where: "Conversions → Set up API → Generate token.", tests: "Any word." },
  taboola: { title: "Taboola", token: "Token", code: "Account id", where: "", tests: "" },
  outbrain: { title: "Outbrain", token: "Token", code: "A label of yours", where: "", tests: "" },
};

const SETTINGS: Readonly<Record<string, readonly [words: string, example?: string]>> = {
  app_secret: ["App secret"], api_version: ["Version of the API"], url: ["Address of a proxy", "https://…"], event_source: ["Event source", "web"], partner_name: ["Partner name"],
  customer_id: ["Customer id", "123-456-7890"], login_customer_id: ["Manager account", "123-456-7890"], user_project: ["Cloud project"], token_url: ["Address that gives out tokens", "https://…"], client_id: ["OAuth client id"], client_secret: ["OAuth client secret"],
};

export function wordsOfSetting(name: string): string {
  return SETTINGS[name]?.[0] ?? name.replaceAll("_", " ");
}

export function exampleOfSetting(name: string): string {
  return SETTINGS[name]?.[1] ?? "";
}

export const PLATFORM_NAMES = Object.keys(KNOWN) as readonly PlatformName[];

export function known(platform: string): Known {
  return KNOWN[platform] ?? { title: platform, token: "Token", code: "Code", where: "", tests: "" };
}

export function titleOf(account: Pick<AdAccount, "name" | "platform" | "id">): string {
  return account.name || `${known(account.platform).title} ${account.id}`;
}

export function nameOfPixel(pixel: Pick<Pixel, "name" | "code" | "id">): string {
  return pixel.name || pixel.code || `Pixel ${pixel.id}`;
}

type Wish = Pick<Pixel, "statuses" | "types" | "source_ids" | "campaign_ids" | "network_ids">;

/** "Every sale or lead from Facebook in Summer." */
export function sentence(it: Wish): string {
  const which = it.statuses.length ? either(it.statuses) : "conversion of any status";
  const names = (noun: "sources" | "campaigns" | "networks", ids: readonly number[]): string => either(ids.map((id) => nameOf(noun, id)));
  const said = [
    "Every", which,
    it.types.length ? `of type ${either(it.types)}` : "",
    it.source_ids.length ? `from ${names("sources", it.source_ids)}` : "",
    it.campaign_ids.length ? `in ${names("campaigns", it.campaign_ids)}` : "",
    it.network_ids.length ? `by ${names("networks", it.network_ids)}` : "",
  ].filter(Boolean).join(" "); // prettier-ignore
  // With neither of the two a pixel hears of the clicks that its own platform sent.
  return `${said}${it.source_ids.length || it.campaign_ids.length ? "" : ", from a click of its platform"}.`;
}

export function either(words: readonly string[]): string {
  return words.length < 2 ? (words[0] ?? "") : `${words.slice(0, -1).join(", ")} or ${words.at(-1)}`;
}

/** What becomes of events with a test code. */
export function ofTests(title: string, tests: AdPlatform["tests"] | undefined): string {
  switch (tests) {
    case "checked":
      return `${title} checks them and counts none.`;
    case "counted":
      return `${title} shows them among its test events and counts them like any other.`;
    case "unknown":
      return `${title} shows them among its test events; whether it counts them is not known.`;
    case "none":
      return `${title} has no test events: nothing is sent.`;
    case undefined:
      return "";
  }
}

/** What the button asks, and what the platform makes of it; `code`: a test code of the operator's, "" for none. */
export function triedWith(title: string, { tests, trial }: Pick<AdPlatform, "tests" | "trial">, code: string): string {
  if (code && tests === "counted") return `With the code ${code} ${title} takes an event, shows it among its test events and counts it like any other.`;
  if (code && tests === "unknown") return `With the code ${code} ${title} takes an event and shows it among its test events; whether it counts it is not known.`;
  switch (trial) {
    case "event":
      return `Has ${title} check an event. Nothing is counted.`;
    case "old":
      return `Asks ${title} with an event that it has to refuse for its age: that proves the token and the pixel. Nothing is counted.`;
    case "empty":
      return `Asks ${title} with a request of no events, which it refuses for that and not for the token. Nothing is counted.`;
    case "none":
      return `${title} asks nobody who he is: there is nothing to try.`;
  }
}

/** A row of the mapping with nothing left out. */
export type Row = Required<EventRow>;

export function wholeRow(row: EventRow): Row {
  return { network: "", when: "conversion", statuses: [], count: "1", value: "share", custom: {}, ...row };
}

export const COUNTS: Readonly<Record<Row["count"], string>> = { "1": "once", conversions: "once for each conversion", lander_visitors: "once for each visitor of the lander", lander_searches: "once for each search" };
export const VALUES: Readonly<Record<Row["value"], string>> = { share: "its share of the revenue", whole: "the whole revenue", none: "no value" };

/** "Tonic's interpreted event: Purchase, once for each conversion, with its share of the revenue." */
export function rowSentence(row: Row, names: Readonly<Record<string, string>> = {}): string {
  const [conversion, interpreted] = row.network ? [`a conversion of ${row.network}`, `an interpreted event of ${row.network}`] : ["a conversion", "an interpreted event"];
  const of = row.when === "interpreted" ? interpreted : row.statuses.length ? `${conversion} that is ${either(row.statuses)}` : conversion;
  return `For ${of}: ${called(row.event_name, names) || "…"} ${COUNTS[row.count]}, with ${VALUES[row.value]}.`;
}

/** Names of identifiers as people know them. */
export const IDENTIFIERS: Readonly<Record<string, string>> = {
  em: "e-mail", ph: "phone", external_id: "external id", fbc: "click id (fbc)", fbp: "browser id (fbp)", client_ip_address: "address", client_user_agent: "browser", ct: "city", st: "region",
  zp: "postal code", country: "country", fn: "first name", ln: "last name", ge: "gender", db: "date of birth", click: "click id",
};

/** "Purchase (there: CompletePayment)" */
export function called(event: string, names: Readonly<Record<string, string>>): string {
  const own = names[event];
  return own && own !== event ? `${event} (there: ${own})` : event;
}
