/** What lists of records share: their period, a page of them, how many came since, a time that opens its row. */

import { useEffect, useState } from "preact/hooks";
import type { Topic } from "../../feed";
import { watch } from "../../live";
import { shown } from "../../parts/number";
import { clock, day, full, now } from "../../parts/time";
import { days, isRange, type Range } from "../../range";
import { href, param, params, path, set } from "../../route";
import { zone } from "../../zone";

export const PAGE = 100;

/** The period of the URL; what is open from elsewhere says its own. */
export function usePeriod(otherwise: Range = "today"): { range: Range; period: { from: string; to: string }; words: string } {
  const range: Range = isRange(param("range")) ? (param("range") as Range) : otherwise;
  const period = days(range, now.value, zone.value);
  return { range, period, words: period.from === period.to ? period.from : `${period.from} to ${period.to}` };
}

export function useOffset(): number {
  return Math.max(0, Number(param("from")) || 0);
}

/** How many of `topic` came since the list was read: it does not move under the eye. */
export function useFresh(topic: Topic, counts: readonly string[] = [topic]): { count: number; reset: () => void } {
  const [count, setCount] = useState(0);
  useEffect(
    () => watch([topic], (frame) => setCount((seen) => seen + (frame.resync ? 0 : counts.reduce((sum, name) => sum + (frame.counts[name] ?? 0), 0)))),
    [],
  );
  return { count, reset: () => setCount(0) };
}

export function Fresh({ fresh, again }: { fresh: ReturnType<typeof useFresh>; again: () => void }) {
  return <button type="button" onClick={() => (fresh.reset(), set({ from: null }), again())}>{fresh.count ? `Show ${shown(fresh.count)} new` : "Read again"}</button>;
}

export function Pages({ from, total }: { from: number; total: number }) {
  if (total <= PAGE) return null;
  return (
    <p class="row pages">
      <button type="button" disabled={!from} onClick={() => set({ from: String(Math.max(0, from - PAGE)) })}>Newer</button>
      <button type="button" disabled={from + PAGE >= total} onClick={() => set({ from: String(from + PAGE) })}>Older</button>
      <span class="dim">{shown(from + 1)} to {shown(Math.min(total, from + PAGE))} of {shown(total)}</span>
    </p>
  );
}

/** When it was; opens its row. */
export function At({ us, open }: { us: number; open: string }) {
  const wanted = new URLSearchParams(params.value);
  wanted.set("open", open);
  return <a class="name" href={href(`${path.value}?${wanted}`)} title={full(new Date(us / 1000), zone.value)}>{moment(us)}</a>;
}

/** 14:05:09, with the day before it when that is not today. */
export function moment(us: number): string {
  const at = new Date(us / 1000);
  return `${day(at, zone.value) === day(now.peek(), zone.value) ? "" : `${day(at, zone.value).slice(5)} `}${clock(at, zone.value, true)}`;
}

/** Records of one thing may lie around the border of a page: so many more are asked for on both sides. */
const BESIDE = 50;

/** What to ask for so that every thing whose first row is on the page is whole. */
export function around(from: number): { offset: number; limit: number } {
  const offset = Math.max(0, from - BESIDE);
  return { offset, limit: from - offset + PAGE + BESIDE };
}

/** The things whose first row is on the page that begins at `from`. */
export function onPage<R extends { id: string }, T extends { id: string }>(rows: readonly R[], from: number, made: (rows: readonly R[]) => T[]): T[] {
  const { offset } = around(from);
  const first = new Map<string, number>();
  rows.forEach((row, index) => first.has(row.id) || first.set(row.id, offset + index));
  return made(rows).filter((each) => {
    const place = first.get(each.id) ?? 0;
    return place >= from && place < from + PAGE;
  });
}
