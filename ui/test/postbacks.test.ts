import { expect, test } from "vitest";
import { changed, conversionsOf, type Revision, stepsOf } from "../src/screens/conversions/conversion";
import { asQuery, type LogRow, postbackOf, postbacksOf, remedy, sought, verdict } from "../src/screens/inbox/postback";
import { around, onPage } from "../src/screens/records/page";

function logged(id: string, more: Partial<LogRow>): LogRow {
  return { id, at_us: 1, known_at_us: 1, stage: "processed", outcome: "", reason: "", network_id: 1, method: "GET", params: {}, address: "", request_id: "", click_id: "", transaction_id: "", conversion_id: "", ...more };
}

test("the records of a postback are one, and the newest says what became of it", () => {
  const rows = [
    logged("b", { outcome: "refused", reason: "click_id: missing" }),
    logged("a", { outcome: "attributed", known_at_us: 9 }),
    logged("a", { outcome: "waiting", known_at_us: 3 }),
    logged("a", { stage: "received", params: { click_id: "x" } }),
    logged("b", { stage: "received" }),
  ];
  const [b, a] = postbacksOf(rows);
  expect(a?.steps.map((row) => row.outcome)).toEqual(["", "waiting", "attributed"]);
  expect(a?.arrived?.params).toEqual({ click_id: "x" });
  expect(a && verdict(a)).toEqual(["click found", "good"]);
  expect(b && verdict(b)).toEqual(["refused", "loss"]);
  expect(b && remedy(b)).toContain("no click id in it");
});

test("what was only half understood is no plain success, and what was turned away says so", () => {
  const of = (more: Partial<LogRow>) => postbacksOf([logged("a", more)])[0] as ReturnType<typeof postbacksOf>[0];
  expect(verdict(of({ outcome: "conversion", reason: "status: unknown word, taken as hold" }))[1]).toBe("warn");
  expect(verdict(of({ outcome: "conversion", reason: "hold to sale" }))).toEqual(["counted", "good"]);
  expect(verdict(of({ stage: "refused", reason: "The secret is wrong." }))).toEqual(["turned away", "loss"]);
  expect(remedy(of({ stage: "refused", reason: "The secret is missing." }))).toContain("Copy the postback URL");
  expect(verdict(of({ stage: "received" }))[0]).toBe("under way");
});

test("what is typed to find a postback is the id that it looks like", () => {
  expect(sought(" 01A201DC-0c92-7bd0-8060-0e54d6026f6b ")).toEqual({ click_id: "01a201dc-0c92-7bd0-8060-0e54d6026f6b" });
  expect(sought("0".repeat(32))).toEqual({ conversion_id: "0".repeat(32) });
  expect(sought("T-1")).toEqual({ transaction_id: "T-1" });
  expect(sought(" ")).toEqual({});
  expect(asQuery({ a: "1 2", b: "{x}" })).toBe("a=1+2&b=%7Bx%7D");
});

function revision(number: number, more: Partial<Revision>): Revision {
  return {
    id: "c", revision: number, at_us: 1, known_at_us: number, click_at_us: 1, status: "sale", original_status: "", event_type: "", count: 0, revenue: 0, hold: 0,
    currency: "USD", transaction_id: "t", click_id: "", campaign_id: 1, stream_id: 0, destination_id: 0, source_id: 0, network_id: 1, entered: 0, repeated: 0,
    upsell: "", original_payout: 0, original_currency: "", rate: "", ...more,
  };
}

test("a conversion is the sum of its revisions, whatever their order", () => {
  const rows = [
    revision(3, { known_at_us: 5, status: "sale", count: 1, revenue: 1.1, entered: 1 }),
    revision(2, { known_at_us: 5, status: "hold", hold: -0.3, entered: -1 }),
    revision(1, { known_at_us: 1, status: "hold", hold: 0.3, entered: 1 }),
  ];
  const [found] = conversionsOf(rows);
  expect(found?.now).toMatchObject({ status: "sale", count: 1, revenue: 1.1, hold: 0 });
  expect(found).toMatchObject({ changes: 1, gone: false });
  const steps = stepsOf(rows);
  expect(steps.map(changed)).toEqual(["began as hold", "hold became sale"]);
  expect(steps[0]?.after.hold).toBe(0.3);
});

test("one that left what was asked for is gone, and money is of its newest currency", () => {
  const left = [revision(2, { known_at_us: 5, status: "hold", entered: -1 }), revision(1, { status: "hold", entered: 1 })];
  expect(conversionsOf(left)[0]?.gone).toBe(true);
  const changedCurrency = [
    revision(1, { revenue: 10, entered: 1 }),
    revision(2, { known_at_us: 2, revenue: -10, entered: -1 }),
    revision(3, { known_at_us: 2, revenue: 9, currency: "EUR", entered: 1 }),
  ];
  expect(conversionsOf(changedCurrency)[0]?.now).toMatchObject({ revenue: 9, currency: "EUR" });
  expect(changed(stepsOf(changedCurrency)[1] as ReturnType<typeof stepsOf>[0])).toBe("USD became EUR");
  expect(conversionsOf([revision(1, { revenue: null, entered: 1 })])[0]?.now.revenue).toBeNull();
  expect(conversionsOf([revision(1, {}), revision(2, {})])[0]?.gone).toBe(false); // of the first version
});

test("a page has each thing once, whole, also those whose records lie around its border", () => {
  expect(around(0)).toEqual({ offset: 0, limit: 150 });
  expect(around(100)).toEqual({ offset: 50, limit: 200 });
  const rows = Array.from({ length: 300 }, (_, index) => ({ id: `p${Math.floor(index / 3)}` }));
  const made = (all: readonly { id: string }[]) => [...new Map(all.map((row) => [row.id, { id: row.id, many: all.filter((each) => each.id === row.id).length }])).values()];
  const page = (from: number) => onPage(rows.slice(around(from).offset, around(from).offset + around(from).limit), from, made);
  const all = [...page(0), ...page(100), ...page(200)];
  // 33 things and the one across the border begin on the first page.
  expect(all.map((each) => each.id)).toEqual(Array.from({ length: 100 }, (_, index) => `p${index}`));
  expect(all.every((each) => each.many === 3)).toBe(true);
});

test("what postbacks.get answers is the same postback, also one that was turned away", () => {
  const received = { id: "a", at_us: 5, stage: "received", network_id: 3, method: "GET", params: { x: "1" }, address: "", request_id: "r" };
  const became = { known_us: 7, outcome: "conversion", reason: "", click_id: "c", transaction_id: "t", conversion_id: "v" };
  const whole = postbackOf("a", { received, outcomes: [became, { ...became, known_us: 9, outcome: "duplicate" }], conversion: null });
  expect(whole?.arrived?.params).toEqual({ x: "1" });
  expect(whole?.steps.map((row) => row.outcome)).toEqual(["", "conversion", "duplicate"]);
  expect(whole?.latest).toMatchObject({ network_id: 3, at_us: 5, known_at_us: 9 });
  const refused = { ...became, outcome: "refused", reason: "The secret is wrong." };
  const away = postbackOf("a", { received: { ...received, stage: "refused" }, outcomes: [refused], conversion: null });
  expect(away?.steps).toHaveLength(1);
  expect(away && verdict(away)[0]).toBe("turned away");
  expect(away?.latest.reason).toBe("The secret is wrong.");
  expect(postbackOf("a", { received: null, outcomes: [became], conversion: null })?.arrived).toBeUndefined();
});
