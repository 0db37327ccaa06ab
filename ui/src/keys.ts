/** The keyboard: one listener; screens add what their letters do. */

import { signal } from "@preact/signals";

export interface Key {
  keys: string;
  words: string;
  run: () => void;
}

const held = signal<readonly Key[]>([]);
export const keys = held;
/** Milliseconds in which the second letter of `g d` must follow. */
const SECOND = 1200;

/** Offer keys until the returned function is called. */
export function offer(...offered: Key[]): () => void {
  held.value = [...held.value, ...offered];
  return () => (held.value = held.value.filter((each) => !offered.includes(each)));
}

let first = "";
let firstAt = 0;

/** Which key a press means, or undefined. Pure but for the memory of the first letter. */
export function pressed(key: string, at: number, offered: readonly Key[]): Key | undefined {
  const pair = first && at - firstAt < SECOND ? `${first} ${key}` : "";
  first = "";
  const found = offered.findLast((each) => each.keys === pair) ?? offered.findLast((each) => each.keys === key);
  if (!found && offered.some((each) => each.keys.startsWith(`${key} `))) {
    first = key;
    firstAt = at;
  }
  return found;
}

/** Called once. */
export function listen(): void {
  document.addEventListener("keydown", (event) => {
    if (event.metaKey || event.ctrlKey || event.altKey || event.defaultPrevented) return;
    const on = event.target as HTMLElement | null;
    if (on?.closest("input, select, textarea, dialog, [contenteditable], [popover]")) return;
    // Enter and space belong to what has the focus.
    if ((event.key === "Enter" || event.key === " ") && on?.closest("a, button, summary")) return;
    const found = pressed(event.key, event.timeStamp, held.value);
    if (found) {
      event.preventDefault();
      found.run();
    }
  });
}
