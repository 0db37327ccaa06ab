import { expect, test } from "vitest";
import { change, shown } from "../src/parts/number";
import { ago, clock, day, duration, isZone } from "../src/parts/time";
import { days } from "../src/range";
import { lines, matching, sorted, summed } from "../src/screens/campaigns/lines";
import { branches, place, remedy, worst } from "../src/screens/system/tree";
import { type Key, pressed } from "../src/keys";
import type { Campaign, SystemStatus } from "../src/api";

test("a figure says what it is, and unknown is not zero", () => {
  expect(shown(1234567)).toBe("1,234,567");
  expect(shown(-12.5, "money")).toBe("−12.50");
  expect(shown(-0.001, "money")).toBe("0.00");
  expect(shown(0.0123, "fine")).toBe("0.0123");
  expect(shown(388.66, "percent")).toBe("388.7");
  expect(shown(0.004, "rate")).toBe("<0.01");
  expect(shown(0, "rate")).toBe("0");
  expect(shown(53_000_000_000, "bytes")).toBe("53.0 GB");
  for (const unknown of [null, undefined, Number.NaN]) expect(shown(unknown, "money")).toBe("–");
});

test("a change is a share of what was there, and of a loss there is none", () => {
  expect(change(112, 100)).toBe("+12 %");
  expect(change(50, 100)).toBe("−50 %");
  expect(change(5000, 100)).toBe("50×");
  expect(change(5, 0)).toBe("new");
  expect(change(0, 0)).toBe("");
  expect(change(5, -5)).toBe("");
});

test("a day is a day of the zone", () => {
  const at = new Date("2026-11-21T23:30:00Z");
  expect(day(at, "UTC")).toBe("2026-11-21");
  expect(day(at, "Europe/Berlin")).toBe("2026-11-22");
  expect(day(at, "Europe/Berlin", -1)).toBe("2026-11-21");
  expect(day(new Date("2026-03-01T12:00:00Z"), "UTC", -1)).toBe("2026-02-28");
  expect(clock(at, "Europe/Berlin")).toBe("00:30");
  expect(isZone("Europe/Berlin")).toBe(true);
  expect(isZone("Middle/Earth")).toBe(false);
});

test("time spans in words", () => {
  expect(duration(0.2)).toBe("<1 s");
  expect(duration(59)).toBe("59 s");
  expect(duration(3 * 3600 + 20 * 60)).toBe("3 h 20 min");
  expect(duration(5 * 86400)).toBe("5 d");
  expect(ago(new Date(0), new Date(61_000))).toBe("1 min ago");
});

test("ranges", () => {
  const at = new Date("2026-03-15T12:00:00Z");
  expect(days("7d", at, "UTC")).toEqual({ from: "2026-03-09", to: "2026-03-15" });
  expect(days("month", at, "UTC")).toEqual({ from: "2026-03-01", to: "2026-03-15" });
  expect(days("last-month", at, "UTC")).toEqual({ from: "2026-02-01", to: "2026-02-28" });
});

const campaign = (id: number, name: string, status: Campaign["status"] = "active"): Campaign => ({
  id, name, status, revision: 1, archived: false, owner_id: null, slug: `s${id}`, public_id: "", source_id: null,
  currency: "", trafficback_url: "", rotation: "position", sticky: "none", sticky_hours: 24, uniqueness: {}, click_cookie_days: 0, secret: "",
}); // prettier-ignore

test("campaigns without a click are lines too; what is unknown sorts last both ways; ratios are of the sums", () => {
  const all = lines(
    [campaign(1, "B"), campaign(2, "a", "paused"), campaign(3, "C")],
    [
      { campaign: 1, clicks: 100, conversions: 2, revenue: 30, cost: 10, profit: 20, cr: 2, roi: 200, epc: 0.3 },
      { campaign: 3, clicks: 300, conversions: 0, revenue: 0, cost: 30, profit: -30, cr: 0, roi: -100, epc: 0 },
    ],
    true,
  );
  const order = (key: "name" | "roi" | "clicks", down: boolean) => sorted(all, key, down).map((each) => each.campaign.id);
  expect(order("name", false)).toEqual([2, 1, 3]);
  expect(order("roi", true)).toEqual([1, 3, 2]);
  expect(order("roi", false)).toEqual([3, 1, 2]);
  expect(order("clicks", true)).toEqual([3, 1, 2]);
  expect(matching(all, " S2 ", "").map((each) => each.campaign.id)).toEqual([2]);
  expect(matching(all, "", "paused")).toHaveLength(1);
  expect(summed(all)).toMatchObject({ clicks: 400, cr: 0.5, profit: -10, roi: -25, epc: 0.075 });
  expect(summed(lines([campaign(1, "B")], [], false))).toMatchObject({ clicks: 0, profit: null, roi: null });
});

const status = (changes: Partial<SystemStatus>): SystemStatus =>
  ({ edges: [], consumers: [], actors: [], processes: [], rss_bytes: 5, catalog: { revision: 3 }, ...changes }) as unknown as SystemStatus;

test("the tree has the parent first, then the edges, then the core; who is away is said", () => {
  const process = (name: string, state = "running") => ({ name, pid: 7, state, restarts: 1, last_error: "died of SIGKILL" });
  const edge = { edge: 0, connected: false, taken_revision: 2, behind_revisions: 1, report: null };
  const all = branches(status({ processes: [process("parent"), process("edge-0"), process("core")], edges: [edge as never] }));
  expect(all.map((each) => [each.name, each.state])).toEqual([["parent", "running"], ["edge-0", "away"], ["core", "running"]]);
  expect(all[1]).toMatchObject({ restarts: 1, error: "died of SIGKILL", notes: ["table 2, 1 behind"] });
  expect(branches(status({})).map((each) => each.name)).toEqual(["core"]);
});

test("the worst lag is the oldest; one that is not known is none", () => {
  const lag = (behind: number, behind_seconds: number) => ({ consumer: "publisher", edge: 0, behind, behind_seconds }) as never;
  expect(worst([lag(-1, 0)])).toBeNull();
  expect(worst([lag(5, 1), lag(2, 9), lag(0, 0)])).toMatchObject({ events: 2, seconds: 9 });
});

test("every problem of the appliance has a remedy of its own", () => {
  const known = [
    "catalog: not loaded yet", "edges: none is connected and ready", "edge 0: not connected",
    "edge 1: keeps an older routing table: x", "edge 0: journal is in mode ring: full", "edge 0: 3 events unrecorded",
    "warehouse: down: x", "warehouse: 4 rows set aside; see ingestion_errors.list",
    "conversions: 2 journal entries are unreadable", "publisher of edge 0: held by an operator", "actor live: failed: x",
    "deliveries: postback:3 is paused after repeated failures", "deliveries: 4 more targets are paused", "deliveries: the disk is full",
    "destination 3: unhealthy: x", "destination 3: 4 clicks of a cap of 3", "list 1: the file of its entries is gone; replace them",
  ]; // prettier-ignore
  expect(new Set(known.map(remedy)).size).toBe(known.length);
});

test("a problem leads to where it is mended", () => {
  expect(place("deliveries: postback:12 is paused after repeated failures")).toBe("/targets?open=12");
  expect(place("deliveries: 4 more targets are paused")).toBe("/targets?only=ill");
  expect(place("destination 3: unhealthy: x")).toBe("/destinations?open=3");
  expect(place("campaign 3: its rules ask for isp")).toBe("/campaigns/3");
  expect(place("edge 0: not connected")).toBe("");
});

test("keys: one letter, or two within a moment", () => {
  const run = (): void => {};
  const keys: Key[] = [{ keys: "g c", words: "", run }, { keys: "c", words: "", run }, { keys: "?", words: "", run }];
  expect(pressed("?", 0, keys)?.keys).toBe("?");
  expect(pressed("g", 10, keys)).toBeUndefined();
  expect(pressed("c", 20, keys)?.keys).toBe("g c");
  expect(pressed("g", 30, keys)).toBeUndefined();
  expect(pressed("c", 9000, keys)?.keys).toBe("c");
  expect(pressed("x", 9001, keys)).toBeUndefined();
});
