/** Revisions as conversions: what each is now, and how it became that. */

/** One record of conversions.list: a change, to be added up. */
export interface Revision {
  id: string;
  revision: number;
  at_us: number;
  known_at_us: number;
  click_at_us: number;
  status: string;
  original_status: string;
  event_type: string;
  count: number;
  revenue: number | null;
  hold: number | null;
  currency: string;
  transaction_id: string;
  click_id: string;
  campaign_id: number;
  stream_id: number;
  destination_id: number;
  source_id: number;
  network_id: number;
  entered: number;
  repeated: number;
  upsell: string;
  original_payout: number | null;
  original_currency: string;
  rate: string;
}

export interface State {
  status: string;
  count: number;
  revenue: number | null;
  hold: number | null;
  currency: string;
  campaign_id: number;
  at_us: number;
  repeated: boolean;
}

export interface Conversion {
  id: string;
  latest: Revision;
  now: State;
  /** How often it changed since it began. */
  changes: number;
  /** It counts nothing any more: its postbacks are another's, or it left what was asked for. */
  gone: boolean;
}

export interface Step {
  known_at_us: number;
  /** undefined: it began. */
  before: State | undefined;
  after: State;
  rows: readonly Revision[];
}

/** What revisions come to; of one conversion, in the order of their numbers. */
function summed(rows: readonly Revision[]): State {
  const last = rows.at(-1) as Revision;
  // A change of currency leaves with the old one and enters with the new.
  const same = rows.filter((row) => row.currency === last.currency);
  const money = (of: (row: Revision) => number | null): number | null =>
    same.some((row) => of(row) === null) ? null : cleared(same.reduce((sum, row) => sum + (of(row) ?? 0), 0));
  return {
    status: last.status, currency: last.currency, campaign_id: last.campaign_id, at_us: last.at_us, repeated: Boolean(last.repeated),
    count: rows.reduce((sum, row) => sum + row.count, 0), revenue: money((row) => row.revenue), hold: money((row) => row.hold),
  }; // prettier-ignore
}

/** Micro-units exactly: sums of decimals leave dust. */
function cleared(value: number): number {
  return Math.round(value * 1e6) / 1e6 || 0;
}

function entered(rows: readonly Revision[]): number {
  return rows.reduce((sum, row) => sum + row.entered, 0);
}

/** Revisions in any order → conversions in the order in which each was first met. */
export function conversionsOf(rows: readonly Revision[]): Conversion[] {
  const found = new Map<string, Revision[]>();
  for (const row of rows) found.set(row.id, [...(found.get(row.id) ?? []), row]);
  return [...found].map(([id, all]) => {
    const ordered = inOrder(all);
    const told = ordered.some((row) => row.entered !== 0); // rows of the first version say nothing of that
    return { id, latest: ordered.at(-1) as Revision, now: summed(ordered), changes: new Set(all.map((row) => row.known_at_us)).size - 1, gone: told && entered(ordered) <= 0 };
  });
}

/** How one conversion became what it is, oldest first: rows that became known together are one step. */
export function stepsOf(rows: readonly Revision[]): Step[] {
  const ordered = inOrder(rows);
  const steps: Step[] = [];
  let from = 0;
  while (from < ordered.length) {
    const known = (ordered[from] as Revision).known_at_us;
    let to = from;
    while (to < ordered.length && (ordered[to] as Revision).known_at_us === known) to += 1;
    steps.push({ known_at_us: known, before: steps.at(-1)?.after, after: summed(ordered.slice(0, to)), rows: ordered.slice(from, to) });
    from = to;
  }
  return steps;
}

function inOrder(rows: readonly Revision[]): Revision[] {
  return [...rows].sort((a, b) => a.revision - b.revision);
}

/** What a step changed, in words without amounts. */
export function changed({ before, after, rows }: Step): string {
  if (!before) return `began as ${after.status}${rows.some((row) => row.campaign_id || row.click_at_us) && !after.campaign_id ? ", its click not known" : ""}`;
  const found: string[] = [];
  if (entered(rows) < 0) return "became void: its postbacks belong to another conversion now";
  if (before.status !== after.status) found.push(`${before.status} became ${after.status}`);
  if (before.campaign_id !== after.campaign_id) found.push(before.campaign_id ? "moved to another campaign" : "its click was found");
  if (before.currency !== after.currency) found.push(`${before.currency} became ${after.currency}`);
  if (before.repeated !== after.repeated) found.push(after.repeated ? "marked as repeated" : "no longer a repetition");
  if (before.at_us !== after.at_us) found.push("began earlier");
  if (!found.length) found.push("amount corrected");
  return found.join(", ");
}

export const TONES: Readonly<Record<string, string>> = { sale: "good", lead: "plain", hold: "warn", rejected: "loss", trash: "loss", refund: "loss", chargeback: "loss" };
