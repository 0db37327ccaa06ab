/** What the dashboard keeps of the feed: pace, the last hour in minutes, the newest events. */

import { signal } from "@preact/signals";
import { type Frame, type LiveEvent, merged, Pace, Steps } from "../../feed";

const EVENTS = 100;
export const MINUTES = 60;

export class Pulse {
  readonly clicks = new Pace(5);
  readonly conversions = new Pace(60);
  readonly spark = new Steps(1, 60);
  readonly clickMinutes = new Steps(60, MINUTES);
  readonly conversionMinutes = new Steps(60, MINUTES);
  readonly events = signal<readonly LiveEvent[]>([]);
  /** Changes with every frame. */
  readonly beat = signal(0);
  readonly sampled = signal(false);
  /** Minutes from here on are counted here completely. */
  readonly since = Date.now();

  /** Events from before the page was opened; they are in no count here. */
  remember(events: readonly LiveEvent[]): void {
    this.events.value = merged(this.events.value, events, EVENTS);
  }

  /** True when the frame says that something happened, so that totals have changed. */
  take(frame: Frame, at: number): boolean {
    const { clicks = 0, conversions = 0, changes = 0 } = frame.counts;
    this.clicks.add(at, clicks);
    this.conversions.add(at, conversions);
    this.spark.add(at, clicks);
    this.clickMinutes.add(at, clicks);
    this.conversionMinutes.add(at, conversions);
    if (frame.events.length) this.events.value = merged(this.events.value, frame.events, EVENTS);
    this.sampled.value = Boolean(frame.sampled);
    this.beat.value += 1;
    return Boolean(clicks || conversions || changes || frame.resync);
  }
}

/** One count per minute of the last hour: of the report, and of the feed where it is ahead. */
export function hour(at: number, reported: ReadonlyMap<number, number>, live: Steps): { times: number[]; values: number[] } {
  const last = Math.floor(at / 60_000) * 60;
  const times = Array.from({ length: MINUTES }, (_, index) => last - (MINUTES - 1 - index) * 60);
  return { times, values: times.map((time) => Math.max(reported.get(time) ?? 0, live.count(time))) };
}
