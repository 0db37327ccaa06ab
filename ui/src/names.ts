/** Names of what events and figures refer to by number; asked for once, and again when an unknown one comes. */

import { signal } from "@preact/signals";
import type { Name } from "./api";
import { call } from "./live";

export type Noun = "ad_accounts" | "campaigns" | "destinations" | "lists" | "networks" | "pixels" | "sources" | "streams" | "targets" | "templates";
type Entity = { id: number; name: string };

const PAGE = 1000;
/** Pages read at most: names beyond that are shown as numbers. */
const PAGES = 20;
const known = signal<Partial<Record<Noun, Map<number, string>>>>({});
const asked = new Set<string>();
const askers = new Map<Noun, () => void>();

/** Its name, "" for 0, "#12" while it is not known. Asking for it once fetches all names of the noun. */
export function nameOf(noun: Noun, id: number | undefined): string {
  if (!id) return "";
  const found = known.value[noun]?.get(id);
  if (found !== undefined) return found || `#${id}`;
  const key = `${noun} ${id}`;
  if (!asked.has(key)) {
    asked.add(key);
    let poke = askers.get(noun);
    if (!poke) askers.set(noun, (poke = soon(() => void fetch(noun))));
    poke();
  }
  return `#${id}`;
}

/** Somebody else may be signed in now. */
export function forgetNames(): void {
  known.value = {};
  asked.clear();
}

/** At once the first time, then at most once in so many milliseconds. */
const AGAIN = 2000;

function soon(act: () => void): () => void {
  let last = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;
  return () => {
    timer ??= setTimeout(
      () => {
        timer = undefined;
        last = Date.now();
        act();
      },
      Math.max(0, last + AGAIN - Date.now()),
    );
  };
}

async function fetch(noun: Noun): Promise<void> {
  const names = new Map<number, string>();
  try {
    for (const archived of [false, true]) {
      for (let page = 0; page < PAGES; page += 1) {
        const request = { limit: PAGE, offset: page * PAGE, archived } as never;
        const answer = (await call(`${noun}.list` as Name, request)) as { items: Entity[]; total: number };
        for (const each of answer.items) names.set(each.id, each.name);
        if ((page + 1) * PAGE >= answer.total) break;
      }
    }
  } catch {
    return; // not allowed, or lost: numbers do
  }
  known.value = { ...known.value, [noun]: names };
}
