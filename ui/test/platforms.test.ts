import { expect, test } from "vitest";
import { graveOf, placeOf, wordsOf } from "../src/screens/alerts/words";
import type { AccountReport } from "../src/api";
import { said, toneOf } from "../src/screens/deliveries/attempt";
import { nameOfTarget, numberOf, pixelOf, placeOfDeliveries } from "../src/screens/deliveries/queues";
import { fate } from "../src/screens/events/event";
import { handIn, unfit } from "../src/screens/events/hand-in";
import { how, lackOf } from "../src/screens/platforms/standing";
import { either, known, nameOfPixel, ofTests, PLATFORM_NAMES, rowSentence, sentence, titleOf, triedWith, wholeRow } from "../src/screens/platforms/words";

const ALL = { statuses: [], types: [], source_ids: [], campaign_ids: [], network_ids: [] };

test("what a pixel reports is a sentence", () => {
  expect(sentence(ALL)).toBe("Every conversion of any status, from a click of its platform.");
  expect(sentence({ ...ALL, statuses: ["sale", "lead"], types: ["deposit"] })).toBe("Every sale or lead of type deposit, from a click of its platform.");
  expect(either([])).toBe("");
});

test("a row of the mapping is a sentence, whatever it leaves out", () => {
  expect(rowSentence(wholeRow({ event_name: "Lead" }))).toBe("For a conversion: Lead once, with its share of the revenue.");
  expect(rowSentence(wholeRow({ event_name: "Purchase", statuses: ["sale", "hold"], network: "net", value: "whole" }))).toBe("For a conversion of net that is sale or hold: Purchase once, with the whole revenue.");
  expect(rowSentence(wholeRow({ event_name: "", when: "interpreted", network: "tonic", count: "conversions", value: "none" }))).toBe("For an interpreted event of tonic: … once for each conversion, with no value.");
});

test("an account and a pixel have a name also without one", () => {
  expect(titleOf({ name: "", platform: "google", id: 3 })).toBe("Google Ads 3");
  expect(nameOfPixel({ name: "", code: "", id: 4 })).toBe("Pixel 4");
  expect(known("nonsense" as never).title).toBe("nonsense");
  expect(new Set(PLATFORM_NAMES.map((each) => known(each).title)).size).toBe(PLATFORM_NAMES.length);
});

test("deliveries know pixels from targets", () => {
  expect([pixelOf("pixel:12"), pixelOf("postback:12"), numberOf("pixel:12")]).toEqual([12, 0, 0]);
  expect(nameOfTarget("pixel:12")).toBe("Pixel 12");
});

test("an alert says where to look", () => {
  expect(placeOf({ kind: "token_dead", about: "account:3" })).toBe("/platforms?open=3");
  expect(placeOf({ kind: "dead_letters", about: "postback:7" })).toBe("/deliveries?target=postback%3A7&state=dead");
  expect(placeOf({ kind: "queue_old", about: "postback:7" })).toBe("/targets?open=7");
  expect(placeOf({ kind: "intake_failing", about: "intake:report" })).toBe("/events?of=intakes");
  expect(placeOf({ kind: "network_ill", about: "network 4 secret_wrong" })).toBe("/networks?open=4");
  expect(placeOf({ kind: "disk_low", about: "data" })).toBe("/system");
  expect([graveOf({ kind: "token_dead" }), graveOf({ kind: "new_kind" }), wordsOf("new_kind")]).toEqual([true, false, "new kind"]);
});

test("what became of an interpreted event", () => {
  const row = { valid: 1, invalid_reason: "", reports: 3, lost: "" };
  expect(fate(row)).toEqual(["good", "3 events"]);
  expect(fate({ ...row, reports: 1 })).toEqual(["good", "1 event"]);
  expect(fate({ ...row, valid: 0, reports: 0, invalid_reason: "Invalid pixel" })).toEqual(["loss", "Invalid pixel"]);
  expect(fate({ ...row, reports: 0, lost: "revenue" })).toEqual(["warn", "not reportable"]);
  expect(fate({ ...row, reports: 0 })).toEqual(["zero", "nothing new"]);
});

test("a file of events goes in parts, and their answers add up with the lines of the file", async () => {
  const line = (n: number): string => `{"n":${n}}`;
  const text = [0, 1, 2, 3, 4].map(line).join("\n");
  const sent: string[] = [];
  const ask = async (part: string) => {
    sent.push(part);
    return { read: 1, kept: 1, unchanged: 0, reports: 2, labels: { "Invalid pixel": 1 }, refused: [{ line: 2, field: "session_id", reason: "missing" }], again: false };
  };
  const told: number[] = [];
  const sum = await handIn(text, 16, ask, (part) => told.push(part));
  expect(sent.join("")).toBe(text);
  expect(sent.length).toBe(3);
  expect(told.at(-1)).toBe(1);
  expect([sum.read, sum.reports, sum.labels["Invalid pixel"], sum.again]).toEqual([3, 6, 3, false]);
  expect(sum.refused.map((each) => each.line)).toEqual([2, 4, 6]);
});

test("an array is not taken apart, and a file may be too large", () => {
  expect(unfit('  [{"n": 12345678901234567890}]', 10)).toContain("one object a line");
  expect(unfit("[]", 10)).toBe("");
  expect(unfit("{}\n".repeat(7_000_000), 10)).toContain("too large");
});

test("an attempt is good when nobody says a word against it, whatever the status", () => {
  const refused = { status: 200, error: "The event id is missing: 40002" };
  expect([toneOf(refused), said(refused)]).toEqual(["loss", "status 200 · The event id is missing: 40002"]);
  expect([toneOf({ status: 200, error: "" }), said({ status: 200, error: "" })]).toEqual(["good", "status 200"]);
  expect([toneOf({ status: 500, error: "" }), toneOf({ status: 0, error: "it did not answer" })]).toEqual(["loss", "loss"]);
  expect(toneOf({ status: 0, error: "dry run: nothing was sent" })).toBe("zero");
  expect([toneOf({ status: 0, error: "" }), said({ status: 0, error: "" })]).toEqual(["good", "listed in the file"]);
});

test("deliveries of several targets that died of the same are a place", () => {
  expect(placeOfDeliveries(["pixel:1", "feed:1"], "dead", "No click id, or so")).toBe("/deliveries?target=pixel%3A1%2Cfeed%3A1&state=dead&reason=No+click+id%2C+or+so");
  expect([pixelOf("feed:7"), nameOfTarget("feed:7")]).toEqual([7, "Pixel 7 (file)"]);
});

test("what a trial asks, and what becomes of events with a test code", () => {
  const meta = { tests: "counted", trial: "old" } as const;
  expect(triedWith("Meta", meta, "")).toContain("Nothing is counted.");
  expect(triedWith("Meta", meta, "TEST1")).toContain("counts it like any other");
  expect(triedWith("Snapchat", { tests: "checked", trial: "event" }, "x")).toContain("Nothing is counted.");
  expect([ofTests("Meta", "counted"), ofTests("Meta", undefined)]).toEqual(["Meta shows them among its test events and counts them like any other.", ""]);
});

test("an account that cannot report says why, and one that is paused by hand does not", () => {
  const held = { state: "held", reason: "" } as AccountReport;
  expect([lackOf(held), how(held)]).toEqual(["", ["", "paused by hand"]]);
  const sealed = { ...held, reason: "token was sealed with the key k1: put it back" };
  expect([lackOf(sealed), how(sealed)]).toEqual([`its token cannot be opened: ${sealed.reason}`, ["loss", "its token cannot be opened"]]);
  expect(how({ ...held, reason: "it has no token" })).toEqual(["loss", "it cannot report"]);
});
