import { expect, test } from "vitest";
import type { CapReport, Destination, Rule } from "../src/api";
import { patch, same } from "../src/editing";
import { nextDay } from "../src/parts/time";
import { closed, tightest } from "../src/screens/destinations/state";
import { parts } from "../src/screens/lists/upload";
import { about, compared, subject, takesMissing } from "../src/screens/routing/changes";
import { factOf, GROUPS, OPERATORS, operatorsFor, unknowable } from "../src/screens/routing/facts";
import { spans } from "../src/screens/routing/schedule-edit";
import { answered, capped, hours, remembered, said, shared, weekdays, whom } from "../src/screens/routing/sentence";

const list = (id: number): string => `L${id}`;

test("rules read as a sentence, groups and negation and all", () => {
  expect(whom([], list)).toBe("takes every click that gets here");
  const mobile: Rule = { any: [{ fact: "device_type", operator: "eq", value: "mobile" }, { fact: "os", operator: "in", value: ["Android", "iOS"] }] };
  expect(whom([{ fact: "country", operator: "in", value: ["DE", "AT"] }, mobile], list)).toBe("when country is one of DE, AT and (device is mobile or system is one of Android, iOS)");
  expect(said({ ...mobile, negate: true }, list)).toBe("not (device is mobile or system is one of Android, iOS)");
  expect(said({ param: "zone", operator: "not_in_list", list_id: 4 }, list)).toBe("parameter zone is not in the list L4");
  expect(said({ fact: "bot", operator: "neq", value: "1" }, list)).toBe("the visitor is not a bot");
  expect(said({ fact: "header.x-app", operator: "exists" }, list)).toBe("header x-app is there");
  expect(said({ fact: "asn", operator: "in", value: ["1", "2", "3", "4", "5", "6", "7", "8"] }, list)).toBe("network number is one of 1, 2, 3, 4, 5, 6 and 2 more");
  expect(said({ fact: "sub1", operator: "eq", value: "" }, list)).toBe("sub1 is …");
});

test("schedules, caps, strategies, answers and policies in words", () => {
  expect(weekdays([1, 2, 3, 4, 5])).toBe("Mon–Fri");
  expect(weekdays([7, 1, 3])).toBe("Mon, Wed, Sun");
  expect(weekdays([])).toBe("no day");
  expect(hours({ timezone: "Europe/Berlin", windows: [{ days: [5], begin: "22:00", end: "02:00" }] })).toBe("Fri 22:00–02:00 (+1 day) by Europe/Berlin");
  expect(hours({ last: "2026-05-01T08:00" })).toBe("until 2026-05-01 08:00 by UTC");
  expect(capped({ metric: "clicks", limit: "1000", timezone: "UTC" })).toBe("1,000 clicks a day by UTC");
  expect(capped({ metric: "revenue", limit: "12.5", currency: "USD", window_hours: 6 })).toBe("12.50 USD revenue in any 6 h");
  expect(shared({})).toBe("by weight");
  expect(shared({ strategy: "best_roi", fallback: "waterfall" })).toBe("the best ROI of 1 d; below 100 clicks the first one that is open");
  expect(answered({}, list)).toBe("redirect 302");
  expect(answered({ kind: "campaign", campaign_id: 2 }, list)).toBe("goes on in L2");
  expect(remembered(null)).toBe("");
  expect(remembered({ user_key: "visitor", exhausted_mode: "no_destination" })).toBe("none twice for one visitor in 1 d, then nothing");
});

test("a week shows windows over midnight on both days, and Sunday's on Monday", () => {
  const night = [{ days: [7], begin: "22:00", end: "02:00" }];
  expect(spans(night, 7)).toEqual([[1320, 1440]]);
  expect(spans(night, 1)).toEqual([[0, 120]]);
  expect(spans(night, 2)).toEqual([]);
  expect(spans([{}], 3)).toEqual([[0, 1440]]);
});

test("a rule keeps what still fits when its operator or fact changes", () => {
  const rule: Rule = { fact: "country", operator: "in", value: ["DE", "AT"], negate: true };
  expect(compared(rule, "eq")).toEqual({ fact: "country", operator: "eq", value: "DE", negate: true });
  expect(compared(compared(rule, "eq"), "in").value).toEqual(["DE"]);
  expect(compared(rule, "in_list")).toEqual({ fact: "country", operator: "in_list", list_id: null, negate: true });
  expect(compared(rule, "exists")).toEqual({ fact: "country", operator: "exists", negate: true });
  expect(about(rule, "any")).toEqual({ any: [{ fact: "country", operator: "in", value: ["DE", "AT"] }], negate: true });
  expect(about({ any: [rule] }, "all")).toEqual({ all: [rule] });
  expect(about(rule, "bot")).toEqual({ fact: "bot", operator: "eq", value: "1", negate: true });
  expect(about({ fact: "sub1", operator: "mask", value: ["a*"] }, "sub2")).toEqual({ fact: "sub2", operator: "mask", value: ["a*"] });
  for (const [rule, word] of [[{ param: "x" }, "param"], [{ fact: "query.x" }, "param"], [{ fact: "header.x" }, "header"], [{ schedule: {} }, "schedule"], [{ fact: "city" }, "city"]] as [Rule, string][]) expect(subject(rule)).toBe(word);
});

test("who lacks the value matches what says not, unless it is turned round", () => {
  expect(takesMissing({ fact: "city", operator: "eq" })).toBe(false);
  expect(takesMissing({ fact: "city", operator: "not_in" })).toBe(true);
  expect(takesMissing({ fact: "city", operator: "eq", negate: true })).toBe(true);
  expect(takesMissing({ fact: "city", operator: "neq", negate: true })).toBe(false);
});

test("facts that nobody tells are found inside groups; every operator is offered for every fact", () => {
  expect(unknowable({ all: [{ fact: "country" }, { any: [{ fact: "city" }] }] }, new Set(["city"]))).toEqual(["city"]);
  for (const fact of Object.values(GROUPS).flat()) {
    const { usual, others } = operatorsFor(fact.kind);
    expect(usual.length + others.length).toBe(OPERATORS.length);
    expect(factOf({ fact: fact.name })).toBe(fact);
  }
});

test("only what changed is sent, by value and not by identity", () => {
  expect(patch({ a: 1, b: [{ c: 2 }], d: null as object | null }, { a: 1, b: [{ c: 2 }], d: {} })).toEqual({ d: {} });
  expect(same([1, 2], [2, 1])).toBe(false);
  expect(same({ a: undefined }, {})).toBe(true);
  expect(same([], {})).toBe(false);
});

test("a calendar day ends at its own midnight, also when the clock changes in it", () => {
  expect(nextDay(new Date("2026-11-22T14:00:00Z"), "Europe/Berlin").toISOString()).toBe("2026-11-22T23:00:00.000Z");
  expect(nextDay(new Date("2026-03-29T00:30:00Z"), "Europe/Berlin").toISOString()).toBe("2026-03-29T22:00:00.000Z");
  expect(nextDay(new Date("2026-10-24T23:30:00Z"), "Europe/Berlin").toISOString()).toBe("2026-10-25T23:00:00.000Z");
  expect(nextDay(new Date("2026-11-22T23:59:59.900Z"), "UTC").toISOString()).toBe("2026-11-23T00:00:00.000Z");
});

test("a file is cut between lines, and nothing of it is lost", () => {
  expect(parts("a\nbb\nccc\n", 5)).toEqual(["a\nbb\n", "ccc\n"]);
  expect(parts("aaaaaaaa\nb", 3)).toEqual(["aaaaaaaa\n", "b"]);
  expect(parts("\n \n", 10)).toEqual([]);
  const text = Array.from({ length: 5000 }, (_, index) => `pub-${index}`).join("\n");
  expect(parts(text, 999).join("")).toBe(text);
});

test("a destination says why it is closed; its tightest cap is the one nearest to its limit", () => {
  const cap = (metric: string, used: number, reached = false): CapReport => ({ destination_id: 1, metric, window_hours: 0, timezone: "UTC", currency: "", limit: 100, used, lent: 0, reached, exceeded: false, holders: [] });
  expect(tightest([cap("clicks", 10), cap("cost", 90)])?.metric).toBe("cost");
  expect(tightest([cap("clicks", 100, true), cap("cost", 300)])?.metric).toBe("clicks");
  const made = { status: "active", probe: null } as unknown as Destination;
  expect(closed(made, { destination_id: 1, state: "unhealthy" }, [])).toBe("");
  expect(closed({ ...made, probe: {} }, { destination_id: 1, state: "unhealthy" }, [])).toBe("Unhealthy");
  expect(closed(made, undefined, [cap("clicks", 100, true)])).toBe("Cap on clicks reached");
});
