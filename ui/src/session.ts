/** Who is signed in. The session itself is a cookie that no script can read. */

import { signal } from "@preact/signals";
import type { Me, SignedIn } from "./api";
import { Refusal } from "./rpc";

/** undefined: not known yet; null: nobody. */
export const me = signal<Me | null | undefined>(undefined);

export function may(permission: string): boolean {
  const who = me.value;
  return Boolean(who && (who.permissions === null || who.permissions.includes(permission)));
}

/** Whether he may see what belongs to no campaign, such as postbacks. */
export function seesAll(): boolean {
  return me.value?.campaigns === null;
}

export const RENEW_EVERY = 60 * 60 * 1000;

/** One request of the sign-in's REST door. Raises Refusal. */
export async function rest<T>(path: string, body?: unknown): Promise<T> {
  let answer: Response;
  const sent = body === undefined ? {} : { method: "POST", body: JSON.stringify(body),
                                           headers: { "Content-Type": "application/json" } }; // prettier-ignore
  try {
    answer = await fetch(`/api/${path}`, { credentials: "same-origin", cache: "no-store", ...sent });
  } catch {
    throw new Refusal("lost", "Weir cannot be reached; is it running?");
  }
  const read = (await answer.json().catch(() => ({}))) as Record<string, unknown>;
  if (answer.ok) return read as T;
  const error = (read["error"] ?? {}) as { code?: string; message?: string; fields?: Refusal["fields"] };
  throw new Refusal(error.code ?? "internal", error.message ?? `Weir answered ${answer.status}`, error.fields);
}

/** Why it is not known yet who this is; "" when it is. */
export const silent = signal("");
const LOOK_AGAIN = 2000;

/** Ask who this is. Only a Weir that says "nobody" signs out: one that starts or is away changes nothing. */
export async function look(): Promise<void> {
  try {
    me.value = await rest<Me>("me");
    silent.value = "";
  } catch (fault) {
    const { code, message } = fault as Refusal;
    if (code === "unauthenticated") {
      me.value = null;
      silent.value = "";
    } else if (me.value === undefined) {
      silent.value = message;
      setTimeout(() => void look(), LOOK_AGAIN);
    }
  }
}

export async function signedIn(answer: SignedIn): Promise<void> {
  me.value = answer.user;
}

export async function renew(): Promise<void> {
  try {
    me.value = (await rest<SignedIn>("session/renew", {})).user;
  } catch (fault) {
    if ((fault as Refusal).code === "unauthenticated") me.value = null;
  }
}

export async function signOut(): Promise<void> {
  await rest("session/sign_out", {}).catch(() => {});
  me.value = null;
}
