/** The period that a screen is about, as a word in the URL. */

import { day } from "./parts/time";

export const RANGES = {
  today: "Today",
  yesterday: "Yesterday",
  "7d": "7 days",
  "30d": "30 days",
  month: "This month",
  "last-month": "Last month",
} as const;

export type Range = keyof typeof RANGES;

export function isRange(word: string): word is Range {
  return word in RANGES;
}

/** Its first and last day in `zone`. */
export function days(range: Range, at: Date, zone: string): { from: string; to: string } {
  const today = day(at, zone);
  switch (range) {
    case "today":
      return { from: today, to: today };
    case "yesterday":
      return { from: day(at, zone, -1), to: day(at, zone, -1) };
    case "7d":
      return { from: day(at, zone, -6), to: today };
    case "30d":
      return { from: day(at, zone, -29), to: today };
    case "month":
      return { from: `${today.slice(0, 8)}01`, to: today };
    case "last-month": {
      const last = new Date(`${today.slice(0, 8)}01T00:00:00Z`);
      last.setUTCDate(0);
      const to = last.toISOString().slice(0, 10);
      return { from: `${to.slice(0, 8)}01`, to };
    }
  }
}
