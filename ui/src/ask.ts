/** What a screen asks of the appliance and keeps showing while it asks again. */

import { signal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import type { Api, Name } from "./api";
import { call, rpc } from "./live";
import { Refusal } from "./rpc";

export interface Asked<T> {
  /** The last answer, also an old one. */
  value: T | undefined;
  fault: Refusal | undefined;
  /** A newer answer is under way. */
  busy: boolean;
  again: () => void;
}

/** Asks at first, whenever the parameters change, and after the socket came back. null asks nothing. */
export function useAsk<N extends Name>(name: N, params: Api[N]["request"] | null): Asked<Api[N]["answer"]> {
  const held = useRef<ReturnType<typeof made<Api[N]["answer"]>>>(null);
  held.current ??= made<Api[N]["answer"]>();
  const { value, fault, busy, turn } = held.current;
  const key = params === null ? "" : JSON.stringify(params);
  const opened = rpc.opened.value;
  const ask = (): void => {
    if (params === null) return;
    const mine = (turn.current += 1);
    busy.value = true;
    call(name, params).then(
      (answer) => {
        if (mine !== turn.current) return;
        value.value = answer;
        fault.value = undefined;
        busy.value = false;
      },
      (failed: unknown) => {
        if (mine !== turn.current) return;
        busy.value = false;
        const refused = failed instanceof Refusal ? failed : new Refusal("internal", String(failed));
        if (refused.code !== "lost") fault.value = refused; // the banner says it, and it is asked again
      },
    );
  };
  const latest = useRef(ask);
  latest.current = ask;
  useEffect(() => latest.current(), [name, key, opened]);
  useEffect(() => () => void (turn.current += 1), []);
  return { value: value.value, fault: fault.value, busy: busy.value, again: () => latest.current() };
}

function made<T>() {
  return {
    value: signal<T | undefined>(undefined),
    fault: signal<Refusal | undefined>(undefined),
    busy: signal(false),
    turn: { current: 0 },
  };
}

/** Milliseconds from an event until the reports have it, mostly; and until they have it on a bad day. */
const ARRIVES = 2000;
const SURELY = 12_000;

/**
 * Reads totals again after `poke`: when what happened has arrived in the reports, then at most once in `every`
 * milliseconds while more happens, and once more when all of it has surely arrived. Never while nothing happens.
 */
export function following(act: () => void, every: number): { poke: () => void; stop: () => void } {
  let last = 0;
  let next: ReturnType<typeof setTimeout> | undefined;
  let settled: ReturnType<typeof setTimeout> | undefined;
  const run = (): void => {
    next = undefined;
    last = Date.now();
    act();
  };
  return {
    poke: () => {
      next ??= setTimeout(run, Math.max(ARRIVES, last + every - Date.now()));
      clearTimeout(settled);
      settled = setTimeout(act, SURELY);
    },
    stop: () => {
      clearTimeout(next);
      clearTimeout(settled);
    },
  };
}
