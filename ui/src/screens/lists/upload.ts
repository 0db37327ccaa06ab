/** A text file in parts that one request takes each: uploaded apart, then taken by the list all at once. */

import type { NamedList } from "../../api";
import { call } from "../../live";

/** Characters of a request's text; the server takes a million, and a socket's message 1 MiB of bytes. */
export const LARGEST = 250_000;
export type Deed = "append" | "remove" | "replace";

/** Parts of whole lines, each at most `largest` characters; a longer line is a part of its own. */
export function parts(text: string, largest = LARGEST): string[] {
  const found: string[] = [];
  let from = 0;
  while (from < text.length) {
    let to = Math.min(text.length, from + largest);
    if (to < text.length) {
      const line = text.lastIndexOf("\n", to - 1);
      if (line >= from) to = line + 1;
      else to = text.indexOf("\n", to) < 0 ? text.length : text.indexOf("\n", to) + 1;
    }
    found.push(text.slice(from, to));
    from = to;
  }
  return found.filter((part) => part.trim());
}

/** Raises Refusal. `told` hears how much has arrived, from 0 to 1. */
export async function send(list: NamedList, deed: Deed, text: string, told: (part: number) => void): Promise<NamedList> {
  const all = parts(text);
  const seen = { id: list.id, revision: list.revision };
  if (all.length <= 1) return call(`lists.${deed}`, { ...seen, text: all[0] ?? "" });
  const uploads: string[] = [];
  for (const [index, part] of all.entries()) {
    uploads.push((await call("lists.upload", { id: list.id, text: part })).digest);
    told((index + 1) / all.length);
  }
  return call(`lists.${deed}`, { ...seen, uploads });
}
