import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { type LiveEvent, merged, Pace, Steps } from "../src/feed";
import { following } from "../src/ask";
import { Refusal, Rpc, type Wire } from "../src/rpc";

class Line implements Wire {
  onopen: Wire["onopen"] = null;
  onmessage: Wire["onmessage"] = null;
  onclose: Wire["onclose"] = null;
  sent: Record<string, unknown>[] = [];
  send(text: string): void {
    this.sent.push(JSON.parse(text));
  }
  close(): void {}
  say(message: unknown): void {
    this.onmessage?.({ data: JSON.stringify(message) });
  }
}

let wires: Line[];
let heard: unknown[];
let rpc: Rpc;

beforeEach(() => {
  vi.useFakeTimers();
  wires = [];
  heard = [];
  const open = (): Wire => (wires.push(new Line()), wires.at(-1) as Line);
  rpc = new Rpc(open, (method, params) => heard.push([method, params]), () => {}, () => 1);
  rpc.start();
});
afterEach(() => {
  vi.useRealTimers();
});

test("a call made before the socket is open is sent when it is, and answered by its number", async () => {
  const first = rpc.call("system.about", {});
  const second = rpc.call("campaigns.list", { limit: 5 });
  expect(wires[0]?.sent).toEqual([]);
  wires[0]?.onopen?.();
  expect(wires[0]?.sent.map((each) => each["method"])).toEqual(["system.about", "campaigns.list"]);
  wires[0]?.say({ jsonrpc: "2.0", id: 2, result: { total: 0 } });
  wires[0]?.say({ jsonrpc: "2.0", id: 1, error: { code: -32000, message: "x", data: { error: { code: "forbidden", message: "no", fields: [] } } } });
  expect(await second).toEqual({ total: 0 });
  await expect(first).rejects.toMatchObject({ code: "forbidden", message: "no" });
});

test("a lost socket fails what is under way, waits longer each time, and says when it is back", async () => {
  wires[0]?.onopen?.();
  const asked = rpc.call("system.about", {});
  wires[0]?.onclose?.({ code: 1006 });
  await expect(asked).rejects.toMatchObject({ code: "lost" });
  expect(rpc.state.value).toBe("lost");
  for (const [index, delay] of [500, 1000, 2000].entries()) {
    vi.advanceTimersByTime(delay - 1);
    expect(wires).toHaveLength(index + 1);
    vi.advanceTimersByTime(1);
    expect(wires).toHaveLength(index + 2);
    if (index < 2) wires.at(-1)?.onclose?.({ code: 1006 });
  }
  const waits = rpc.call("system.about", {});
  wires.at(-1)?.onopen?.();
  expect(rpc.opened.value).toBe(2);
  wires.at(-1)?.say({ jsonrpc: "2.0", id: 2, result: "back" });
  expect(await waits).toBe("back");
});

test("a late word of an earlier socket changes nothing, and hurry does not open a second one", () => {
  wires[0]?.onopen?.();
  rpc.hurry();
  expect(wires).toHaveLength(1);
  wires[0]?.onclose?.({ code: 1006 });
  rpc.hurry();
  expect(wires).toHaveLength(2);
  wires[1]?.onopen?.();
  wires[0]?.onclose?.({ code: 1006 });
  expect(rpc.state.value).toBe("open");
  vi.advanceTimersByTime(60_000);
  expect(wires).toHaveLength(2);
});

test("notifications are handed on; a call without an answer is given up; stopped is stopped", async () => {
  wires[0]?.onopen?.();
  wires[0]?.say({ jsonrpc: "2.0", method: "live.frame", params: { subscription: 1 } });
  expect(heard).toEqual([["live.frame", { subscription: 1 }]]);
  const asked = rpc.call("system.about", {});
  vi.advanceTimersByTime(30_000);
  await expect(asked).rejects.toBeInstanceOf(Refusal);
  rpc.stop();
  wires[0]?.onclose?.({ code: 1000 });
  vi.advanceTimersByTime(60_000);
  expect(wires).toHaveLength(1);
});

test("pace is honest from its first second on and falls to nothing", () => {
  const pace = new Pace(5);
  expect(pace.rate(0)).toBe(0);
  pace.add(1000, 3);
  expect(pace.rate(1000)).toBe(3);
  pace.add(3000, 3);
  expect(pace.rate(3000)).toBe(3);
  expect(pace.rate(20_000)).toBe(0);
});

test("steps forget what is older than they are long", () => {
  const steps = new Steps(60, 3);
  steps.add(0, 1);
  steps.add(61_000, 2);
  steps.add(125_000, 4);
  expect(steps.values(125_000)).toEqual([1, 2, 4]);
  steps.add(185_000, 8);
  expect(steps.values(185_000)).toEqual([2, 4, 8]);
});

test("events come newest first and once, also when a resync repeats them", () => {
  const event = (id: string, at: string): LiveEvent => ({ topic: "clicks", id, at }) as LiveEvent;
  const [a, b, c] = [event("a", "1"), event("b", "2"), event("c", "3")];
  expect(merged([b, a], [b, c], 10).map((each) => each.id)).toEqual(["c", "b", "a"]);
  expect(merged([b, a], [c], 2).map((each) => each.id)).toEqual(["c", "b"]);
});

test("totals are read when what happened has arrived, again while more happens, and once more at the end", () => {
  let read = 0;
  const { poke } = following(() => (read += 1), 5000);
  vi.advanceTimersByTime(60_000);
  expect(read).toBe(0);
  poke();
  vi.advanceTimersByTime(2000);
  expect(read).toBe(1);
  poke();
  poke();
  vi.advanceTimersByTime(5000);
  expect(read).toBe(2);
  vi.advanceTimersByTime(60_000);
  expect(read).toBe(3);
});
