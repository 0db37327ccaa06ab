/** Interpreted events as rows: what the network knew at each revision, and what of it was reported. */

/** One record of events.list. Totals are what the event named; `reported_…` what this revision added. */
export interface EventRevision {
  id: string;
  revision: number;
  at_us: number;
  known_at_us: number;
  intake: string;
  network: string;
  nw_account_id: string;
  nw_account_name: string;
  traffic_source: string;
  pixel_id: string;
  campaign_id: string;
  campaign_name: string;
  adset_id: string;
  ad_id: string;
  session_id: string;
  keyword_clicked: string;
  ts_click_id: string;
  country_code: string;
  region: string;
  city: string;
  domain_name: string;
  category: string;
  vertical: string;
  conversions: number;
  revenue: number | null;
  lander_visitors: number;
  lander_searches: number;
  reported_conversions: number;
  reported_amount: number | null;
  reports: number;
  valid: number;
  invalid_reason: string;
  lost: string;
}

/** What became of a revision: a tone and a few words. */
export function fate(row: Pick<EventRevision, "valid" | "invalid_reason" | "reports" | "lost">): readonly [tone: string, words: string] {
  if (!row.valid) return ["loss", row.invalid_reason || "not valid"];
  if (row.reports > 0) return ["good", row.reports === 1 ? "1 event" : `${row.reports} events`];
  if (row.lost) return ["warn", "not reportable"];
  return ["zero", row.invalid_reason || "nothing new"];
}

export const LABELS = ["Invalid pixel", "Conversion older than 7 days", "Missing traffic source click id", "not reportable"] as const;
