/** A file of interpreted events in parts that one request takes each; their answers added up. Pure but for `ask`. */

import type { Taken } from "../../api";
import { parts } from "../lists/upload";

/** Characters of a file that a browser hands in; beyond, `weir events send` does. */
export const LARGEST_FILE = 20_000_000;

export type Sum = Taken;

/** Why a file cannot be handed in here; "" when it can. An array is not taken apart: its numbers might not survive. */
export function unfit(text: string, largest: number): string {
  if (text.length > LARGEST_FILE) return "This file is too large for a browser: put it into the watched folder, or use weir events send.";
  if (text.trimStart().startsWith("[") && text.length > largest) return "An array of this size cannot be taken apart: write one object a line, or use weir events send.";
  return "";
}

/** Raises what `ask` raises; what was taken until then stays taken, and the same file again counts once. */
export async function handIn(text: string, largest: number, ask: (part: string) => Promise<Taken>, told: (part: number) => void): Promise<Sum> {
  let sum: Sum = { read: 0, kept: 0, unchanged: 0, reports: 0, labels: {}, refused: [], again: true };
  const all = parts(text, largest);
  let line = 0;
  for (const [index, part] of all.entries()) {
    sum = added(sum, await ask(part), line);
    line += part.split("\n").length - (part.endsWith("\n") ? 1 : 0);
    told((index + 1) / all.length);
  }
  return sum;
}

/** `before` and one more answer, whose first line is the one behind `line`. */
export function added(before: Sum, it: Taken, line: number): Sum {
  const labels = { ...before.labels };
  for (const [label, count] of Object.entries(it.labels)) labels[label] = (labels[label] ?? 0) + count;
  return {
    read: before.read + it.read, kept: before.kept + it.kept, unchanged: before.unchanged + it.unchanged, reports: before.reports + it.reports, labels,
    refused: [...before.refused, ...it.refused.map((each) => ({ ...each, line: each.line + line }))], again: before.again && it.again,
  }; // prettier-ignore
}
