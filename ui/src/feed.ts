/** What the live feed sends (appliance/model/live.py and reporting/feed.py), and figures kept from it. */

import type { SystemStatus } from "./api";

export type Topic = "clicks" | "conversions" | "postbacks" | "system";

export interface Frame {
  seq: number;
  at: string;
  /** How much time the frame sums up. */
  seconds: number;
  /** True counts, also when `events` is a sample. */
  counts: Record<string, number>;
  events: LiveEvent[];
  sampled?: boolean;
  resync?: boolean;
  skipped?: number;
  system?: SystemStatus;
}

interface Shared {
  id: string;
  at: string;
  campaign_id?: number;
  stream_id?: number;
  destination_id?: number;
  source_id?: number;
  network_id?: number;
  click_id?: string;
}

export interface LiveClick extends Shared {
  topic: "clicks";
  decision: string;
  reason: string;
  counted: boolean;
  cost: number | null;
  currency: string;
  facts?: Record<string, unknown>;
}

export interface LiveConversion extends Shared {
  topic: "conversions";
  revision: number;
  status: string;
  count: number;
  revenue: number | null;
  hold: number | null;
  currency: string;
  transaction_id: string;
}

export interface LivePostback extends Shared {
  topic: "postbacks";
  stage: string;
  outcome: string;
  reason: string;
  method: string;
  transaction_id: string;
}

export type LiveEvent = LiveClick | LiveConversion | LivePostback;

/** Counts per second over the last `span` seconds. Time is an argument, in milliseconds. */
export class Pace {
  private moments: { at: number; count: number }[] = [];
  private began = 0;

  constructor(private readonly span: number) {}

  add(at: number, count: number): void {
    if (!this.began) this.began = at;
    if (count) this.moments.push({ at, count });
    this.moments = this.moments.filter((each) => each.at > at - this.span * 1000);
  }

  /** Honest from the first second on: a shorter life divides by its length, at least by one second. */
  rate(at: number): number {
    if (!this.began) return 0;
    const seconds = Math.max(1, Math.min(this.span, (at - this.began) / 1000));
    const counted = this.moments.reduce((sum, each) => (each.at > at - this.span * 1000 ? sum + each.count : sum), 0);
    return counted / seconds;
  }
}

/** Counts in steps of `step` seconds, the last `length` of them: what a chart of "now" draws. */
export class Steps {
  private readonly counts = new Map<number, number>();

  constructor(
    private readonly step: number,
    private readonly length: number,
  ) {}

  add(at: number, count: number): void {
    const key = this.key(at);
    this.counts.set(key, (this.counts.get(key) ?? 0) + count);
    for (const old of this.counts.keys()) if (old <= key - this.length * this.step) this.counts.delete(old);
  }

  /** The unix second where the step of `at` begins. */
  key(at: number): number {
    return Math.floor(at / 1000 / this.step) * this.step;
  }

  count(key: number): number {
    return this.counts.get(key) ?? 0;
  }

  /** Oldest first, up to and with the step of `at`. */
  values(at: number): number[] {
    const last = this.key(at);
    return Array.from({ length: this.length }, (_, index) => this.count(last - (this.length - 1 - index) * this.step));
  }
}

/** Newest first, at most `most`; what is known by topic, id and revision comes once (a resync repeats). */
export function merged(known: readonly LiveEvent[], fresh: readonly LiveEvent[], most: number): LiveEvent[] {
  const seen = new Set<string>();
  const all: LiveEvent[] = [];
  for (const each of [...fresh].reverse().concat(known)) {
    const key = `${each.topic} ${each.id} ${each.topic === "conversions" ? each.revision : each.topic === "postbacks" ? each.stage : ""}`;
    if (!seen.has(key)) {
      seen.add(key);
      all.push(each);
    }
  }
  return all.sort((a, b) => (a.at < b.at ? 1 : a.at > b.at ? -1 : 0)).slice(0, most);
}
