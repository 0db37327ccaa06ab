/** Changes on their way to the appliance: saved with the revision that was seen, refused beside their fields. */

import { useState } from "preact/hooks";
import type { Api, Name } from "./api";
import { call } from "./live";
import type { Fault } from "./parts/editor";
import { complain, note } from "./parts/notes";
import { Refusal } from "./rpc";

/** Calls an operation; what it refuses comes back as what a form shows. */
export async function attempt<N extends Name>(name: N, params: Api[N]["request"], done: (answer: Api[N]["answer"]) => void): Promise<Fault | undefined> {
  try {
    done(await call(name, params));
    return undefined;
  } catch (fault) {
    if (!(fault instanceof Refusal)) throw fault;
    if (fault.code === "conflict") return { message: `${fault.message}. Somebody else saved in between: open it again.`, fields: fault.fields };
    return { message: fault.message, fields: fault.fields };
  }
}

/** The same without a form: what is refused is said at the bottom. */
export async function perform<N extends Name>(name: N, params: Api[N]["request"], done: (answer: Api[N]["answer"]) => void): Promise<void> {
  const fault = await attempt(name, params, done);
  if (fault) complain(fault.fields.length ? fault.fields.map((each) => `${each.path}: ${each.message}`).join("; ") : fault.message);
}

/** The fields in which two states differ, with the later values. */
export function patch<T extends object>(before: T, after: T): Partial<T> {
  const keys = Object.keys(after) as (keyof T)[];
  return Object.fromEntries(keys.filter((key) => !same(before[key], after[key])).map((key) => [key, after[key]])) as Partial<T>;
}

export function same(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== "object" || typeof b !== "object" || !a || !b || Array.isArray(a) !== Array.isArray(b)) return false;
  const [x, y] = [a as Record<string, unknown>, b as Record<string, unknown>];
  return [...new Set([...Object.keys(x), ...Object.keys(y)])].every((key) => same(x[key], y[key]));
}

export type Switched = { id: number; revision: number; name: string; status: "active" | "paused" };
export type Toggle<E extends Switched = Switched> = { busy: ReadonlySet<number>; run: (entity: E, on: boolean) => void };

/** Pause or start; the note has the way back. The catalog's revision keeps two people from undoing each other. */
export function useToggle<E extends Switched>(noun: "ad_accounts" | "campaigns" | "destinations" | "networks" | "pixels" | "streams" | "subscriptions" | "targets", put: (entity: E) => void): Toggle<E> {
  const [busy, setBusy] = useState<ReadonlySet<number>>(new Set());
  const run = (entity: E, on: boolean): void => {
    setBusy((before) => new Set(before).add(entity.id));
    const status = on ? "active" : "paused";
    void perform(`${noun}.change`, { id: entity.id, revision: entity.revision, status }, (answer) => {
      const made = answer as unknown as E;
      put(made);
      note(`${made.name || (made as { slug?: string }).slug || `Stream ${made.id}`} is ${status}.`, () => run(made, !on));
    }).finally(() => setBusy((before) => new Set([...before].filter((each) => each !== entity.id))));
  };
  return { busy, run };
}
