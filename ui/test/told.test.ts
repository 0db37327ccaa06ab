import { expect, test } from "vitest";
import { begin } from "../src/parts/time";
import { about, period, said } from "../src/screens/costs/words";
import { count, numberOf } from "../src/screens/deliveries/queues";
import { told } from "../src/screens/entry/panel";
import { hostOf, sentence, type Wish } from "../src/screens/targets/words";

const ALL: Wish = { statuses: [], types: [], source_id: null, campaign_ids: [], network_ids: [], min_payout: "", max_payout: "", share: 100, payout_scale: 100, on: "created" };

test("what a target is told is a sentence", () => {
  expect(sentence(ALL)).toBe("Every conversion of any status, once.");
  expect(sentence({ ...ALL, statuses: ["lead"] })).toBe("Every lead, once.");
  expect(sentence({ ...ALL, statuses: ["lead", "sale", "hold"], types: ["deposit"], on: "status" })).toBe("Every lead, sale or hold of type deposit, and again when its status changes.");
  expect(sentence({ ...ALL, statuses: ["sale"], min_payout: "1", max_payout: "5", share: 50, payout_scale: 80 })).toBe("Every sale that pays 1 to 5, once; only 50 % of them; told with 80 % of its payout.");
  expect(sentence({ ...ALL, statuses: ["sale"], min_payout: "1" })).toBe("Every sale that pays 1 or more, once.");
});

test("a host is what a target is known by", () => {
  expect(hostOf("https://a.example:8443/x?y={z}")).toBe("a.example:8443");
  expect(hostOf("{nonsense}")).toBe("{nonsense}");
});

test("a target of the catalog has a number, another kind none", () => {
  expect([numberOf("postback:12"), numberOf("meta:3"), numberOf("postback:x")]).toEqual([12, 0, 0]);
  expect([count(undefined, "dead"), count({ states: { dead: 3 } } as never, "dead")]).toEqual([0, 3]);
});

test("a day begins at the zone's midnight, also where the clock was turned that night", () => {
  expect(new Date(begin("2026-11-22", "UTC")).toISOString()).toBe("2026-11-22T00:00:00.000Z");
  expect(new Date(begin("2026-11-22", "Europe/Berlin")).toISOString()).toBe("2026-11-21T23:00:00.000Z");
  expect(new Date(begin("2026-11-22", "Pacific/Auckland", 1)).toISOString()).toBe("2026-11-22T11:00:00.000Z");
  expect(new Date(begin("2026-10-25", "Europe/Berlin", 1)).toISOString()).toBe("2026-10-25T23:00:00.000Z");
});

test("a correction of cost says what it is about", () => {
  const cost = { currency: "USD", amount: 2.5 as never };
  expect(said({ ...cost, kind: "total" })).toBe("2.50 USD in all");
  expect(said({ ...cost, kind: "per_click" })).toBe("2.50 USD each");
  expect(said({ ...cost, kind: "add" })).toBe("+2.50 USD");
  expect(said({ ...cost, kind: "add", amount: -3 as never })).toBe("−3.00 USD");
  expect(about({ campaign_id: 0, filters: { country: ["DE", "AT"], sub1: { not_in: ["a"], contains: ["b", "c"] } } })).toBe("every campaign; country DE or AT; sub1 not a and with b or c");
});

test("whole days are dates, other periods say their times", () => {
  const us = (text: string): number => Date.parse(text) * 1000;
  expect(period(us("2026-11-16T23:00:00Z"), us("2026-11-17T23:00:00Z"), "Europe/Berlin")).toBe("2026-11-17");
  expect(period(us("2026-11-16T23:00:00Z"), us("2026-11-19T23:00:00Z"), "Europe/Berlin")).toBe("2026-11-17 to 2026-11-19");
  expect(period(us("2026-11-17T10:00:00Z"), us("2026-11-17T12:30:00Z"), "UTC")).toBe("2026-11-17 10:00 to 2026-11-17 12:30");
});

test("what an entry came to", () => {
  expect(told({ made: 3, changed: 0, known: 1 })).toBe("3 new, 1 known as they are");
  expect(told({ made: 0, changed: 0, known: 0 })).toBe("nothing");
});
