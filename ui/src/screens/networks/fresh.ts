/** Secrets that were set in this window: the appliance never tells one again, and a ready URL needs it. */

import { signal } from "@preact/signals";

const known = signal<ReadonlyMap<number, string>>(new Map());

export function remember(network: number, secret: string): void {
  known.value = new Map(known.value).set(network, secret);
}

/** "" when nobody typed it here. */
export function remembered(network: number): string {
  return known.value.get(network) ?? "";
}

const LETTERS = "abcdefghjkmnpqrstuvwxyz23456789";

/** Hard to guess, easy to read aloud; no letter of it needs an encoding in a URL. */
export function made(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(20)), (each) => LETTERS[each % LETTERS.length]).join("");
}
