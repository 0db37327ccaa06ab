/** Records of the postback log as postbacks: each as it arrived, and what became of it since. */

import type { PostbackLife } from "../../api";

/** One record of postbacks.list, as far as it is shown. */
export interface LogRow {
  id: string;
  at_us: number;
  known_at_us: number;
  stage: "received" | "refused" | "processed";
  outcome: string;
  reason: string;
  network_id: number;
  method: string;
  params: Record<string, string> | null;
  address: string;
  request_id: string;
  click_id: string;
  transaction_id: string;
  conversion_id: string;
}

export interface Postback {
  id: string;
  /** As it arrived, with its parameters; missing where only what became of it was asked for. */
  arrived: LogRow | undefined;
  /** The newest word on it. */
  latest: LogRow;
  /** All that is known of it, oldest first. */
  steps: readonly LogRow[];
}

/** Rows in any order → postbacks in the order in which each was first met. */
export function postbacksOf(rows: readonly LogRow[]): Postback[] {
  const found = new Map<string, LogRow[]>();
  for (const row of rows) found.set(row.id, [...(found.get(row.id) ?? []), row]);
  return [...found].map(([id, all]) => {
    const steps = [...all].sort((a, b) => rank(a) - rank(b) || a.known_at_us - b.known_at_us);
    return { id, arrived: steps.find((row) => row.stage !== "processed"), latest: steps.at(-1) as LogRow, steps };
  });
}

/** The answer of postbacks.get as one. */
export function postbackOf(id: string, { received, outcomes }: PostbackLife): Postback | undefined {
  const none: LogRow = { id, at_us: 0, known_at_us: 0, stage: "processed", outcome: "", reason: "", network_id: 0, method: "", params: null, address: "", request_id: "", click_id: "", transaction_id: "", conversion_id: "" };
  const at = { at_us: received?.at_us ?? outcomes[0]?.known_us ?? 0, network_id: received?.network_id ?? 0 };
  // At the door its arrival and its end are one record.
  const away = received?.stage === "refused";
  const arrived: LogRow[] = received ? [{ ...none, ...received, ...at, stage: away ? "refused" : "received", known_at_us: at.at_us, reason: away ? (outcomes[0]?.reason ?? "") : "" }] : [];
  const since = outcomes.slice(away ? 1 : 0).map((each): LogRow => ({ ...none, ...at, ...each, known_at_us: each.known_us }));
  return postbacksOf([...arrived, ...since])[0];
}

function rank(row: LogRow): number {
  return row.stage === "processed" ? 1 : 0;
}

export type Tone = "good" | "loss" | "warn" | "zero" | "plain";

const VERDICTS: Readonly<Record<string, readonly [words: string, tone: Tone]>> = {
  conversion: ["counted", "good"],
  attributed: ["click found", "good"],
  duplicate: ["nothing new", "zero"],
  waiting: ["waits for its click", "warn"],
  click_unknown: ["click unknown", "loss"],
  refused: ["refused", "loss"],
};

/** What became of it, in a word or two. */
export function verdict({ latest }: Postback): readonly [words: string, tone: Tone] {
  return latest.stage === "refused" ? ["turned away", "loss"] : worded(latest.outcome, latest.reason);
}

export function worded(outcome: string, reason: string): readonly [words: string, tone: Tone] {
  if (outcome === "conversion" && /unknown word|not replaced/.test(reason)) return ["counted, but", "warn"];
  return VERDICTS[outcome] ?? ["under way", "plain"];
}

/** Faults → what mends them. The first that fits the reason is said. */
const REMEDIES: readonly (readonly [RegExp, string])[] = [
  [/secret is missing/i, "The network sends no secret. Copy the postback URL from the network's panel again: it has the secret where it belongs."],
  [/secret is wrong|secret/i, "The network sends another secret than the one set here. Set it again on both sides; while you change it, both may be valid."],
  [/address|not allowed/i, "The network sends from an address that is not on its list of allowed ones. Add it, if it is really the network's."],
  [/signature|decrypt|hmac/i, "The signature does not fit: compare the secret with the one in the network's account, letter by letter."],
  [/click_id: missing|click id is missing/i, "The network's URL has no click id in it, or its macro stands under another name. Paste the postback URL from the network's panel, and put the click id macro into the offer's URL."],
  [/not one of our click ids/i, "What came as click id is not Weir's. The offer's URL must hand over {click_id}, and the network must give that very parameter back."],
  [/no such transaction is known/i, "It names a transaction that nobody has reported before, and no click. The first postback of a sale needs the click id."],
  [/macro was not replaced/i, "A macro arrived as it stands: the network does not know it. Compare it with the network's list of macros, letter by letter."],
  [/^payout/i, "The amount cannot be read. Look which parameter the network sends it in, and map that one."],
  [/^currency/i, "The currency is no ISO code such as USD. Map another parameter, or give the network one currency of its own."],
  [/unknown word/i, "Weir does not know this status word, so it is held: counted, but no money yet. Say below what it means."],
  [/no such click came in time|too many postbacks wait/i, "No click with this id came. Was it made by another tracker, or is it older than what is kept? A network can be told to count sales without their click."],
  [/may not become/i, "The network's transitions forbid this change. Allow it in the network's settings if it is meant."],
  [/already known/i, "The same was said before. Networks repeat themselves; nothing is counted twice."],
  [/the first one stays/i, "This network's later postbacks of a sale are ignored, as its settings say."],
  [/names another click/i, "It names another click than the one its conversion belongs to; that one stays."],
];

export function remedy({ latest }: Postback): string {
  if (latest.outcome === "waiting") return "Its click is not in yet. It is looked for again and again, and refused only when its time is over.";
  return REMEDIES.find(([fault]) => fault.test(latest.reason))?.[1] ?? "";
}

/** The query that it came with, as one line. */
export function asQuery(params: Readonly<Record<string, string>>): string {
  return new URLSearchParams(params).toString();
}

/** What somebody typed to find it by → the field that it is. */
export function sought(text: string): Record<string, string> {
  const given = text.trim();
  if (!given) return {};
  if (/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(given)) return { click_id: given.toLowerCase() };
  if (/^[0-9a-f]{32}$/.test(given)) return { conversion_id: given };
  return { transaction_id: given };
}
