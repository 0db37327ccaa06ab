/** Rules, schedules, caps, strategies and answers as people say them. Pure. */

import type { Answer, Cap, CostModel, Distribution, Rule, Schedule, Stream, UniquePolicy, Window } from "../../api";
import { shown } from "../../parts/number";
import { duration } from "../../parts/time";
import { factOf, type Operator, spoken, takes } from "./facts";

const MOST = 6;
export type ListName = (id: number) => string;

/** All rules of a stream: "takes every click", "when … and …". */
export function whom(rules: readonly Rule[], listName: ListName): string {
  return rules.length ? `when ${rules.map((rule) => said(rule, listName)).join(" and ")}` : "takes every click that gets here";
}

export function said(rule: Rule, listName: ListName): string {
  const words = rule.all?.length || rule.any?.length ? grouped(rule, listName) : rule.schedule ? `it is ${hours(rule.schedule)}` : tested(rule, listName);
  return rule.negate ? `not (${words.replace(/^\((.*)\)$/s, "$1")})` : words;
}

function grouped(rule: Rule, listName: ListName): string {
  const members = (rule.all?.length ? rule.all : rule.any) ?? [];
  return `(${members.map((each) => said(each, listName)).join(rule.all?.length ? " and " : " or ")})`;
}

function tested(rule: Rule, listName: ListName): string {
  const fact = factOf(rule);
  const operator: Operator = rule.operator ?? "";
  if (fact.kind === "flag" && (operator === "eq" || operator === "neq") && (rule.value === "1" || rule.value === "0")) {
    const yes = (rule.value === "1") === (operator === "eq");
    return `the visitor is ${yes ? "" : "not "}${flagWords(fact.name)}`;
  }
  const what = takes(operator) === "list" ? (rule.list_id ? listName(rule.list_id) : "…") : takes(operator) === "nothing" ? "" : several(rule.value);
  return `${fact.words} ${spoken(operator)}${what && ` ${what}`}`;
}

function flagWords(name: string): string {
  return { bot: "a bot", datacenter: "in a data centre", prefetch: "a prefetch", unique_campaign: "new to the campaign", unique_stream: "new to the stream" }[name] ?? name;
}

function several(value: Rule["value"]): string {
  const all = Array.isArray(value) ? value : [value ?? ""];
  if (!all.length || (all.length === 1 && all[0] === "")) return "…";
  const more = all.length - MOST;
  return more > 0 ? `${all.slice(0, MOST).join(", ")} and ${shown(more)} more` : all.join(", ");
}

const DAYS = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

/** [1,2,3,4,5] → Mon–Fri; [1,3] → Mon, Wed. */
export function weekdays(days: readonly number[]): string {
  const sorted = [...new Set(days)].sort((a, b) => a - b);
  if (sorted.length === 7) return "every day";
  const runs: number[][] = [];
  for (const day of sorted) {
    const last = runs.at(-1);
    if (last && last.at(-1) === day - 1) last.push(day);
    else runs.push([day]);
  }
  const name = (day: number | undefined): string => DAYS[(day ?? 1) - 1] ?? "";
  return runs.map((run) => (run.length > 2 ? `${name(run[0])}–${name(run.at(-1))}` : run.map(name).join(", "))).join(", ") || "no day";
}

/** All days where a window names none. */
export function daysOf(window: Window): readonly number[] {
  return window.days ?? [1, 2, 3, 4, 5, 6, 7];
}

export function hours(schedule: Schedule): string {
  const spans = (schedule.windows ?? []).map((window) => {
    const [begin, end] = [window.begin ?? "00:00", window.end ?? "24:00"];
    const span = begin === "00:00" && end === "24:00" ? "all day" : `${begin}–${end}${end <= begin ? " (+1 day)" : ""}`;
    return `${weekdays(daysOf(window))} ${span}`;
  });
  const bounds = [schedule.first && `from ${schedule.first.replace("T", " ")}`, schedule.last && `until ${schedule.last.replace("T", " ")}`].filter(Boolean);
  return [spans.join(" or ") || (bounds.length ? "" : "always"), ...bounds, `by ${schedule.timezone ?? "UTC"}`].filter(Boolean).join(", ").replace(/, by/, " by");
}

export function capped(cap: Cap): string {
  const money = cap.metric === "cost" || cap.metric === "revenue";
  const unit = money ? `${cap.currency ?? ""} ${cap.metric}`.trim() : cap.metric;
  const limit = Number(cap.limit);
  return `${Number.isFinite(limit) && cap.limit ? shown(limit, money ? "money" : "count") : "…"} ${unit} ${span(cap.window_hours ?? 0, cap.timezone ?? "UTC")}`;
}

export function span(windowHours: number, timezone: string): string {
  return windowHours ? `in any ${windowHours > 72 && windowHours % 24 === 0 ? `${windowHours / 24} days` : `${windowHours} h`}` : `a day by ${timezone}`;
}

export function shared(distribution: Distribution): string {
  const window = `${duration((distribution.window_hours ?? 24) * 3600)}`;
  switch (distribution.strategy ?? "weighted") {
    case "weighted":
      return "by weight";
    case "waterfall":
      return "the first one that is open";
    case "round_robin":
      return "in turn";
    case "best_roi":
      return `the best ROI of ${window}; below ${shown(distribution.min_clicks ?? 100)} clicks ${shared({ strategy: distribution.fallback ?? "round_robin" })}`;
    case "adaptive":
      return `more to what brings ${distribution.goal ?? "conversions"} (${window}), at least ${distribution.floor_percent ?? 5} % to each`;
  }
}

export const ANSWERS: Readonly<Record<NonNullable<Answer["kind"]>, string>> = {
  redirect: "redirect", meta: "meta refresh", double_meta: "double meta refresh (referrer hidden)", js: "JavaScript redirect",
  iframe: "iframe", form_post: "form POST", text: "show text", html: "show HTML", json: "show JSON", status: "a status alone", campaign: "another campaign",
}; // prettier-ignore

/** The first six lead to a destination; the others are answers by themselves. */
export function leads(answer: Answer): boolean {
  return ["redirect", "meta", "double_meta", "js", "iframe", "form_post"].includes(answer.kind ?? "redirect");
}

export function answered(answer: Answer, campaignName: (id: number) => string): string {
  const kind = answer.kind ?? "redirect";
  if (kind === "redirect") return `redirect ${answer.status ?? 302}`;
  if (kind === "status") return `status ${answer.status ?? 302}`;
  if (kind === "campaign") return `goes on in ${answer.campaign_id ? campaignName(answer.campaign_id) : "another campaign"}`;
  return ANSWERS[kind];
}

export function remembered(policy: UniquePolicy | null): string {
  if (!policy || policy.enabled === false) return "";
  const repeat = policy.exhausted_mode === "no_destination" ? "then nothing" : "then again";
  return `none twice for one ${(policy.user_key ?? "source_click_id").replaceAll("_", " ")} in ${duration((policy.history_window_hours ?? 24) * 3600)}, ${repeat}${policy.skip_converted ? "; never what converted" : ""}`;
}

export function costed(model: CostModel, currency: string): string {
  const amount = `${model.amount || "…"} ${currency}`.trim();
  switch (model.kind ?? "parameter") {
    case "parameter":
      return "what the link's cost parameter says";
    case "cpc":
      return `${amount} for every click`;
    case "cpm":
      return `${amount} for a thousand clicks`;
    case "cpa":
      return `${amount} for every conversion, nothing for a click`;
    case "revshare":
      return `${model.amount || "…"} % of every conversion's revenue`;
  }
}

const KINDS = { forced: 0, regular: 1, default: 2 } as const;

/** The order in which streams are tried: forced, regular, default; each by position and number. */
export function inOrder(streams: readonly Stream[]): Stream[] {
  return [...streams].sort((a, b) => KINDS[a.kind] - KINDS[b.kind] || a.position - b.position || a.id - b.id);
}
