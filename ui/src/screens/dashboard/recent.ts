/** What happened before the page was opened, in the words of the live feed. */

import type { LiveEvent } from "../../feed";
import { call } from "../../live";
import { may } from "../../session";

const MOST = 20;
/** Hours back: the logs are asked for a short stretch, so that opening a page costs little. */
const HOURS = 24;

/** The newest clicks and conversions; nothing when the logs may not be read or cannot be. */
export async function recent(now: Date): Promise<LiveEvent[]> {
  if (!may("records.read")) return [];
  const from = new Date(now.getTime() - HOURS * 3_600_000).toISOString();
  try {
    const [clicks, conversions] = await Promise.all([
      call("clicks.list", { from, limit: MOST }),
      call("conversions.list", { from, limit: MOST }),
    ]);
    return [
      ...(clicks.items as Row[]).map((row) => event("clicks", row, row.at_us)),
      ...(conversions.items as Row[]).map((row) => event("conversions", row, row.known_at_us ?? row.at_us)),
    ].sort((a, b) => (a.at < b.at ? -1 : 1));
  } catch {
    return [];
  }
}

interface Row extends Record<string, unknown> {
  at_us: number;
  known_at_us?: number;
}

function event(topic: "clicks" | "conversions", row: Row, at_us: number): LiveEvent {
  return { ...row, topic, at: new Date(at_us / 1000).toISOString(), counted: Boolean(row["counted"]) } as unknown as LiveEvent;
}
