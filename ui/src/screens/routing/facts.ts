/** The facts that a rule may ask for, and the operators that make sense for each (docs/reference/facts.md). */

import type { Rule } from "../../api";
import type { Options } from "../../parts/form";

export type Kind = "text" | "number" | "flag" | "address";

export interface Fact {
  name: string;
  /** In a sentence: "the country". */
  words: string;
  kind: Kind;
  help: string;
  offers?: readonly string[];
  /** Told by a database of addresses only. */
  placed?: boolean;
}

const place = (name: string, words: string, help: string, kind: Kind = "text", offers?: readonly string[]): Fact =>
  ({ name, words, kind, help, placed: true, ...(offers ? { offers } : {}) }); // prettier-ignore
const text = (name: string, words: string, help: string, offers?: readonly string[]): Fact =>
  ({ name, words, kind: "text", help, ...(offers ? { offers } : {}) }); // prettier-ignore
const flag = (name: string, words: string, help: string): Fact => ({ name, words, kind: "flag", help });

export const GROUPS: Readonly<Record<string, readonly Fact[]>> = {
  Place: [
    place("country", "country", "Two capital letters: DE", "text", ["US", "CA", "GB", "DE", "FR", "ES", "IT", "PL", "BR", "MX", "IN", "ID", "JP", "AU"]),
    place("region", "region", "English name: California"),
    place("city", "city", "English name: Munich"),
    place("isp", "provider", "The ISP, else the owner of the network"),
    place("asn", "network number", "Number of the autonomous system: 3320", "number"),
    place("connection_type", "connection", "How the address is connected", "text", ["cable", "cellular", "corporate", "dialup", "satellite"]),
    place("datacenter", "data centre", "The address belongs to a hosting company", "flag"),
    { name: "ip", words: "address", kind: "address", help: "The full address: addresses, networks (10.0.0.0/8) and ranges" },
    text("ip_version", "IP version", "4 or 6", ["4", "6"]),
  ],
  Device: [
    text("device_type", "device", "From the user agent and client hints", ["desktop", "mobile", "tablet", "tv", "console", "wearable"]),
    text("os", "system", "Windows, macOS, iOS, Android …", ["Android", "iOS", "Windows", "macOS", "Linux", "Chrome OS"]),
    { name: "os_version", words: "system version", kind: "number", help: "Major, or major.minor: 17.5" },
    text("browser", "browser", "Chrome, Safari, Facebook …", ["Chrome", "Safari", "Firefox", "Edge", "Opera", "Samsung Internet", "Facebook", "Instagram", "TikTok"]),
    { name: "browser_version", words: "browser version", kind: "number", help: "As of the system: 130, 17.5" },
    text("device_brand", "brand", "Apple, Samsung …", ["Apple", "Samsung", "Xiaomi", "Huawei", "Google"]),
    text("device_model", "model", "iPhone, SM-S918B …"),
    text("user_agent", "user agent", "The whole of it, 1,024 characters"),
    text("language", "language", "The preferred one, two or three small letters: de", ["en", "de", "fr", "es", "pt", "pl", "ru", "ja"]),
  ],
  Visitor: [
    flag("bot", "bot", "Says itself that it is a crawler or a program, or has no user agent"),
    flag("prefetch", "prefetch", "Fetched by a browser or mail program before anybody clicked"),
    flag("unique_campaign", "new to the campaign", "Not seen by this campaign within its window"),
    flag("unique_stream", "new to the stream", "Not seen by this stream within the campaign's window"),
    text("referrer_host", "referring host", "Small letters, with www.; empty without a referrer"),
    text("search_engine", "search engine", "google, bing …; empty for any other referrer", ["google", "bing", "yahoo", "duckduckgo", "yandex", "baidu"]),
    text("referrer", "referrer", "The whole address"),
  ],
  Traffic: [
    { name: "source", words: "source", kind: "number", help: "Number of the campaign's traffic source" },
    { name: "link", words: "link", kind: "number", help: "Number of the link, for /r/" },
    text("source_click_id", "source's click id", "The source's own id of this click"),
    ...["utm_source", "utm_medium", "utm_campaign", "utm_content", "utm_term"].map((name) => text(name, name, `The parameter ${name}`)),
    ...Array.from({ length: 30 }, (_, index) => text(`sub${index + 1}`, `sub${index + 1}`, `The parameter sub${index + 1}, or what the source calls it`)),
  ],
};

const byName = new Map(Object.values(GROUPS).flat().map((fact) => [fact.name, fact]));

/** What a rule looks at, also when it is any parameter or header. */
export function factOf(rule: Rule): Fact {
  if (rule.param || rule.fact?.startsWith("query.")) {
    const name = rule.param || rule.fact?.slice(6) || "…";
    return text("query.", `parameter ${name}`, "A query parameter of the link, by its exact name");
  }
  if (rule.fact?.startsWith("header.")) return text("header.", `header ${rule.fact.slice(7) || "…"}`, "A header of the request, its name in any case");
  return byName.get(rule.fact ?? "") ?? text(rule.fact ?? "", rule.fact || "…", "");
}

export type Operator = NonNullable<Rule["operator"]>;
export type Takes = "one" | "several" | "number" | "list" | "nothing";

export const OPERATORS: readonly { name: Operator; words: string; takes: Takes; kinds: readonly Kind[] | null }[] = [
  { name: "in", words: "is one of", takes: "several", kinds: ["text", "number"] },
  { name: "not_in", words: "is none of", takes: "several", kinds: ["text", "number"] },
  { name: "eq", words: "is", takes: "one", kinds: ["text", "number", "flag"] },
  { name: "neq", words: "is not", takes: "one", kinds: ["text", "number", "flag"] },
  { name: "cidr", words: "is within", takes: "several", kinds: ["address"] },
  { name: "not_cidr", words: "is outside", takes: "several", kinds: ["address"] },
  { name: "gte", words: "is at least", takes: "number", kinds: ["number", "text"] },
  { name: "gt", words: "is above", takes: "number", kinds: ["number", "text"] },
  { name: "lte", words: "is at most", takes: "number", kinds: ["number", "text"] },
  { name: "lt", words: "is below", takes: "number", kinds: ["number", "text"] },
  { name: "contains", words: "contains", takes: "one", kinds: ["text"] },
  { name: "not_contains", words: "does not contain", takes: "one", kinds: ["text"] },
  { name: "starts_with", words: "begins with", takes: "one", kinds: ["text"] },
  { name: "ends_with", words: "ends with", takes: "one", kinds: ["text"] },
  { name: "mask", words: "fits a mask", takes: "several", kinds: ["text"] },
  { name: "not_mask", words: "fits no mask", takes: "several", kinds: ["text"] },
  { name: "regex", words: "matches the expression", takes: "one", kinds: ["text"] },
  { name: "in_list", words: "is in the list", takes: "list", kinds: ["text", "number", "address"] },
  { name: "not_in_list", words: "is not in the list", takes: "list", kinds: ["text", "number", "address"] },
  { name: "exists", words: "is there", takes: "nothing", kinds: ["text", "number", "address", "flag"] },
  { name: "not_exists", words: "is missing", takes: "nothing", kinds: ["text", "number", "address", "flag"] },
];

export function takes(operator: Operator): Takes {
  return OPERATORS.find((each) => each.name === operator)?.takes ?? "one";
}

export function spoken(operator: Operator): string {
  return OPERATORS.find((each) => each.name === operator)?.words ?? operator;
}

/** Those that make sense for the fact first; all others are there too. */
export function operatorsFor(kind: Kind): { usual: Options; others: Options } {
  const usual = OPERATORS.filter((each) => each.kinds?.includes(kind));
  const others = OPERATORS.filter((each) => !usual.includes(each));
  const pairs = (all: typeof usual): Options => all.map((each) => [each.name, each.words] as const);
  return { usual: pairs(usual), others: pairs(others) };
}

/** What a fresh rule about a fact asks. */
export function fresh(fact: Fact): Pick<Rule, "operator" | "value"> {
  if (fact.kind === "flag") return { operator: "eq", value: "1" };
  if (fact.kind === "address") return { operator: "cidr", value: [] };
  return fact.name.endsWith("version") && fact.kind === "number" ? { operator: "gte", value: "" } : { operator: "in", value: [] };
}

/** Facts of places in rules and their groups that `known` does not tell. */
export function unknowable(rule: Rule, lacking: ReadonlySet<string>): string[] {
  const own = rule.fact && lacking.has(rule.fact) ? [rule.fact] : [];
  return [...new Set([...own, ...[...(rule.all ?? []), ...(rule.any ?? [])].flatMap((each) => unknowable(each, lacking))])];
}

export const PLACED: readonly string[] = [...byName.values()].filter((fact) => fact.placed).map((fact) => fact.name);
