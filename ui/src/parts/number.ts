/** Figures as people read them. `–` is unknown, never zero. */

const whole = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });
const money = new Intl.NumberFormat("en-US", { minimumFractionDigits: 2, maximumFractionDigits: 2 });
const fine = new Intl.NumberFormat("en-US", { minimumFractionDigits: 2, maximumFractionDigits: 4 });
const oneDigit = new Intl.NumberFormat("en-US", { minimumFractionDigits: 1, maximumFractionDigits: 1 });
const tenth = new Intl.NumberFormat("en-US", { maximumFractionDigits: 1 });

export const UNKNOWN = "–";
const MINUS = "−";

export type Shape = "count" | "money" | "fine" | "percent" | "ratio" | "rate" | "bytes";

/** `value` as text; `shape` decides on digits. */
export function shown(value: number | null | undefined, shape: Shape = "count"): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return UNKNOWN;
  return written(value, shape).replace("-", MINUS);
}

function written(value: number, shape: Shape): string {
  switch (shape) {
    case "count":
      return whole.format(value);
    case "money":
      return money.format(cleared(value, 2));
    case "fine":
      return fine.format(cleared(value, 4));
    case "percent":
      return oneDigit.format(cleared(value, 1));
    case "ratio":
      return money.format(cleared(value, 2));
    case "rate":
      return value >= 100 ? whole.format(value) : value >= 10 ? tenth.format(value) : rate(value);
    case "bytes":
      return bytes(value);
  }
}

/** No "-0.00": what rounds to nothing is nothing. */
function cleared(value: number, digits: number): number {
  return Math.abs(value) < 0.5 * 10 ** -digits ? 0 : value;
}

function rate(value: number): string {
  if (value === 0) return "0";
  return value < 0.01 ? "<0.01" : value < 1 ? value.toFixed(2) : value.toFixed(1);
}

function bytes(value: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let at = 0;
  let left = value;
  while (left >= 1000 && at < units.length - 1) {
    left /= 1000;
    at += 1;
  }
  return `${left >= 100 || at === 0 ? Math.round(left) : left.toFixed(1)} ${units[at]}`;
}

/** How `now` compares with `before`: "+12 %", "−4 %", "new"; "" when there is nothing to say. */
export function change(now: number, before: number): string {
  if (now === before) return now === 0 ? "" : "same";
  if (before === 0) return "new";
  if (before < 0 || now < 0) return ""; // a share of a loss says nothing
  const percent = ((now - before) / Math.abs(before)) * 100;
  if (percent >= 1000) return `${whole.format(now / before)}×`;
  return `${percent > 0 ? "+" : MINUS}${whole.format(Math.abs(percent))} %`;
}
