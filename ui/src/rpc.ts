/** JSON-RPC 2.0 over one WebSocket that comes back by itself. Knows no screen and no session. */

import { signal } from "@preact/signals";
import type { Api, FieldProblem, Name } from "./api";

/** What a WebSocket is to us; tests give another. */
export interface Wire {
  onopen: (() => void) | null;
  onmessage: ((event: { data: string }) => void) | null;
  onclose: ((event: { code: number }) => void) | null;
  send(text: string): void;
  close(code?: number): void;
}

/** An error of an operation, in the one shape that every door has. */
export class Refusal extends Error {
  constructor(
    readonly code: string,
    message: string,
    readonly fields: readonly FieldProblem[] = [],
  ) {
    super(message);
  }
}

export type State = "connecting" | "open" | "lost";
type Waiting = { done: (answer: unknown) => void; failed: (fault: Refusal) => void; timer: Timer };
type Timer = ReturnType<typeof setTimeout>;
export type Notified = (method: string, params: Record<string, unknown>) => void;

const DELAYS = [500, 1000, 2000, 4000, 8000, 15000];
/** Milliseconds until a call is given up. */
export const PATIENCE = 30_000;
/** The server closes with this when the session has ended. */
export const SESSION_OVER = 4401;

export class Rpc {
  readonly state = signal<State>("connecting");
  /** How often it was opened: whoever shows figures asks again when it changes. */
  readonly opened = signal(0);
  /** When the next attempt is made, in milliseconds since 1970. */
  readonly retryAt = signal(0);

  private wire: Wire | null = null;
  private timer: Timer | undefined;
  private attempt = 0;
  private number = 0;
  private stopped = true;
  private readonly waiting = new Map<number, Waiting>();
  private queue: string[] = [];

  constructor(
    private readonly open: () => Wire,
    private readonly notified: Notified,
    private readonly closed: (code: number) => void = () => {},
    private readonly dice: () => number = Math.random,
  ) {}

  start(): void {
    this.stopped = false;
    if (!this.wire) this.connect();
  }

  /** No more attempts, no more calls. */
  stop(): void {
    this.stopped = true;
    clearTimeout(this.timer);
    this.wire?.close(1000);
    this.drop("the session is over");
    this.state.value = "connecting";
    this.attempt = 0;
  }

  /** Try at once: the machine woke up, or somebody asked. */
  hurry(): void {
    if (this.stopped || this.wire) return;
    clearTimeout(this.timer);
    this.connect();
  }

  /** Raises Refusal, also when the socket is lost before the answer: then nothing is known of the call. */
  call<N extends Name>(name: N, params: Api[N]["request"]): Promise<Api[N]["answer"]> {
    const id = ++this.number;
    const text = JSON.stringify({ jsonrpc: "2.0", id, method: name, params });
    return new Promise((done, failed) => {
      const timer = setTimeout(() => {
        this.waiting.delete(id);
        failed(new Refusal("unavailable", "Weir does not answer; try again"));
      }, PATIENCE);
      this.waiting.set(id, { done: done as (answer: unknown) => void, failed, timer });
      if (this.wire && this.state.value === "open") this.wire.send(text);
      else this.queue.push(text);
    });
  }

  private connect(): void {
    const wire = (this.wire = this.open());
    wire.onopen = () => {
      this.attempt = 0;
      this.state.value = "open";
      const queued = this.queue;
      this.queue = [];
      for (const text of queued) wire.send(text);
      this.opened.value += 1;
    };
    wire.onmessage = (event) => this.heard(event.data);
    wire.onclose = (event) => {
      if (this.wire !== wire) return;
      this.drop("the connection was lost");
      if (this.stopped) return;
      this.state.value = "lost";
      const longest = DELAYS[Math.min(this.attempt, DELAYS.length - 1)] ?? 0;
      this.attempt += 1;
      const delay = longest * (0.5 + this.dice() / 2);
      this.retryAt.value = Date.now() + delay;
      this.timer = setTimeout(() => this.connect(), delay);
      this.closed(event.code);
    };
  }

  private drop(why: string): void {
    this.wire = null;
    this.queue = [];
    for (const each of this.waiting.values()) {
      clearTimeout(each.timer);
      each.failed(new Refusal("lost", why));
    }
    this.waiting.clear();
  }

  private heard(text: string): void {
    const message = JSON.parse(text) as Record<string, unknown>;
    if (typeof message["method"] === "string") {
      this.notified(message["method"], (message["params"] ?? {}) as Record<string, unknown>);
      return;
    }
    const asked = this.waiting.get(message["id"] as number);
    if (!asked) return;
    this.waiting.delete(message["id"] as number);
    clearTimeout(asked.timer);
    if (message["error"]) asked.failed(refusal(message["error"]));
    else asked.done(message["result"]);
  }
}

/** A JSON-RPC error; `data` has our own shape, or its body. */
export function refusal(error: unknown): Refusal {
  const { message, data } = error as { message?: string; data?: Record<string, unknown> };
  const body = (data?.["error"] ?? data ?? {}) as { code?: string; message?: string; fields?: FieldProblem[] };
  return new Refusal(body.code ?? "internal", body.message ?? message ?? "Weir failed", body.fields ?? []);
}
