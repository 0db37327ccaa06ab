/** Time as people read it, always in a zone that is on the screen. */

import { effect, signal } from "@preact/signals";

const formats = new Map<string, Intl.DateTimeFormat>();

function format(zone: string, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const key = `${zone} ${JSON.stringify(options)}`;
  let found = formats.get(key);
  if (!found) formats.set(key, (found = new Intl.DateTimeFormat("en-GB", { ...options, timeZone: zone })));
  return found;
}

export const ownZone = Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";

export const zones: readonly string[] = [...new Set([ownZone, "UTC", ...Intl.supportedValuesOf("timeZone")])];

/** Whether the browser knows the zone; an unknown one would throw in every format. */
export function isZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat("en-GB", { timeZone: name });
    return true;
  } catch {
    return false;
  }
}

/** 2026-11-22 in `zone`; `days` later or, negative, earlier. */
export function day(at: Date, zone: string, days = 0): string {
  const [year, month, date] = parts(at, zone);
  return new Date(Date.UTC(year, month - 1, date + days)).toISOString().slice(0, 10);
}

function parts(at: Date, zone: string): [number, number, number] {
  const found = format(zone, { year: "numeric", month: "2-digit", day: "2-digit" }).formatToParts(at);
  const part = (type: string): number => Number(found.find((each) => each.type === type)?.value ?? 0);
  return [part("year"), part("month"), part("day")];
}

/** When the next calendar day of `zone` begins. */
export function nextDay(at: Date, zone: string): Date {
  return new Date(begin(day(at, zone, 1), zone));
}

/** When a day (2026-11-22) begins in `zone`, or one so many days later; unix milliseconds. */
export function begin(date: string, zone: string, days = 0): number {
  const utc = Date.parse(`${date}T00:00:00Z`) + days * 86_400_000;
  const first = utc - offset(new Date(utc), zone);
  return utc - offset(new Date(first), zone);
}

/** Milliseconds that the zone's clock is ahead of UTC then. */
function offset(at: Date, zone: string): number {
  const options = { year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" } as const;
  const found = format(zone, options).formatToParts(at);
  const part = (type: string): number => Number(found.find((each) => each.type === type)?.value ?? 0);
  return Date.UTC(part("year"), part("month") - 1, part("day"), part("hour"), part("minute"), part("second")) - Math.trunc(at.getTime() / 1000) * 1000;
}

/** 14:05 or 14:05:09. */
export function clock(at: Date, zone: string, seconds = false): string {
  return format(zone, { hour: "2-digit", minute: "2-digit", ...(seconds ? { second: "2-digit" } : {}) }).format(at);
}

/** 22 Nov 2026, 14:05:09 with the zone's name: what a relative time shows on hover. */
export function full(at: Date, zone: string): string {
  const options = { day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit",
                    second: "2-digit" } as const; // prettier-ignore
  return `${format(zone, options).format(at)} ${zone}`;
}

/** "now", "12 s", "4 min", "3 h", "5 d" ago. */
export function ago(at: Date, now: Date): string {
  const seconds = Math.max(0, Math.round((now.getTime() - at.getTime()) / 1000));
  if (seconds < 2) return "now";
  return `${duration(seconds)} ago`;
}

/** 12 s, 4 min, 3 h 20 min, 5 d 2 h. */
export function duration(seconds: number): string {
  if (seconds < 1) return seconds > 0 ? "<1 s" : "0 s";
  if (seconds < 60) return `${Math.round(seconds)} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return minutes % 60 ? `${hours} h ${minutes % 60} min` : `${hours} h`;
  const days = Math.floor(hours / 24);
  return hours % 24 ? `${days} d ${hours % 24} h` : `${days} d`;
}

/** The time, once a second while anybody looks. */
export const now = signal(new Date());

effect(() => {
  const timer = setInterval(() => (now.value = new Date()), 1000);
  return () => clearInterval(timer);
});
