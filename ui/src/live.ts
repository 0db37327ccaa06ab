/** The one socket of this page: calls, and the live feed with its place kept over reconnects. */

import { effect, signal, untracked } from "@preact/signals";
import type { Api, Name } from "./api";
import type { Frame, Topic } from "./feed";
import { type Notified, Refusal, Rpc, SESSION_OVER, type Wire } from "./rpc";
import { look, me } from "./session";

interface Watch {
  topics: Topic[];
  heard: (frame: Frame) => void;
  subscription: number | null;
  seq: number | null;
}

const watches = new Set<Watch>();
/** Milliseconds until a feed that was not there yet is asked for again. */
const AGAIN = 2000;

const notified: Notified = (method, params) => {
  if (method !== "live.frame") return;
  const frame = params["frame"] as Frame;
  for (const watch of watches) {
    if (watch.subscription !== params["subscription"]) continue;
    watch.seq = frame.seq;
    watch.heard(frame);
  }
};

function open(): Wire {
  const address = new URL("/ws", location.href);
  address.protocol = address.protocol === "https:" ? "wss:" : "ws:";
  return new WebSocket(address) as unknown as Wire;
}

export const rpc = new Rpc(open, notified, (code) => {
  for (const watch of watches) watch.subscription = null;
  if (code === SESSION_OVER) me.value = null;
  else void look(); // a refused handshake looks like a lost one from here
});

/** Whether the last call of a feed could not be made up for: totals are read again when it changes. */
export const resynced = signal(0);

export function call<N extends Name>(name: N, params: Api[N]["request"]): Promise<Api[N]["answer"]> {
  return rpc.call(name, params);
}

/** Follow the feed until the returned function is called. */
export function watch(topics: Topic[], heard: (frame: Frame) => void): () => void {
  const made: Watch = { topics, heard, subscription: null, seq: null };
  watches.add(made);
  if (untracked(() => rpc.state.value) === "open") void subscribe(made);
  return () => {
    watches.delete(made);
    if (made.subscription !== null) void told("live.unwatch", { subscription: made.subscription }).catch(() => {});
  };
}

async function subscribe(made: Watch): Promise<void> {
  const place = made.seq === null ? {} : { after: made.seq };
  try {
    const answer = await told("live.watch", { topics: made.topics, ...place });
    made.subscription = answer["subscription"] as number;
    made.seq ??= answer["seq"] as number;
    if (!watches.has(made)) void told("live.unwatch", { subscription: made.subscription }).catch(() => {});
  } catch (fault) {
    made.subscription = null; // lost again, or not allowed: the next opening tries again
    // A core that has just started may not have its feed yet, and the socket stays open.
    if (fault instanceof Refusal && fault.code === "unavailable") {
      setTimeout(() => {
        const idle = watches.has(made) && made.subscription === null;
        if (idle && untracked(() => rpc.state.value) === "open") void subscribe(made);
      }, AGAIN);
    }
  }
}

/** The feed's operations, untyped: their names are in api.ts only when the registry has them. */
function told(name: string, params: Record<string, unknown>): Promise<Record<string, unknown>> {
  return rpc.call(name as Name, params as never) as unknown as Promise<Record<string, unknown>>;
}

let seen = 0;
effect(() => {
  const opened = rpc.opened.value;
  if (opened === seen) return;
  seen = opened;
  for (const each of watches) void subscribe(each);
});

/** The socket lives while somebody who may do something is signed in. */
export function keepSocket(): void {
  effect(() => {
    const who = me.value;
    if (who && who.status === "active") rpc.start();
    else if (who === null || who) rpc.stop();
  });
  addEventListener("online", () => rpc.hurry());
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) rpc.hurry();
  });
}
