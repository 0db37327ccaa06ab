/** Alerts in words: what kind it is, what to do about it, where to look. */

import type { ShownAlert } from "../../api";

interface Kind {
  words: string;
  /** Money is lost, or will be. */
  grave?: boolean;
  remedy: string;
}

const KINDS: Readonly<Record<string, Kind>> = {
  token_dead: { words: "Ad account refused", grave: true, remedy: "Replace its token: what is still inside its window is delivered then, the rest stays labelled." },
  pixel_dead: { words: "Pixel refused", grave: true, remedy: "Correct its code, or give the account's token the right to it: the account's other pixels go on." },
  not_received: { words: "Fewer received", grave: true, remedy: "Look at the platform's own diagnostics: it took the requests and left events out." },
  dead_letters: { words: "Dead letters", grave: true, remedy: "See what was said, mend the cause and tell them again." },
  queue_old: { words: "Waits too long", remedy: "Something downstream is slow or away. What waits is stored." },
  error_ratio: { words: "Too many errors", remedy: "The commonest reason stands in the text; it is often one wrong setting." },
  target_paused: { words: "Target silent", remedy: "Mend its address: then all that waits is told at once." },
  disk_low: { words: "Disk nearly full", grave: true, remedy: "Free space, or shorten what is kept: retention in the configuration." },
  warehouse_away: { words: "Reports away", remedy: "Clicks wait in the journals, nothing is lost. Check its disk or server." },
  not_ready: { words: "Weir does not work", grave: true, remedy: "System says which part, and its log why." },
  edge_away: { words: "Edge away", remedy: "The parent restarts it; if it stays so, its log says why." },
  edge_stale: { words: "Edge out of date", remedy: "Correct what the text names in the catalog; every change is pushed again." },
  journal: { words: "Journal fails", grave: true, remedy: "Free space in the data directory; clicks wait in memory until then." },
  actor_down: { words: "Part stopped", remedy: "It is restarted by itself; its last error stands under System." },
  intake_failing: { words: "Intake fails", remedy: "Look at its address and its rights; what it could not read comes again." },
  destination_ill: { words: "Destination ill", remedy: "Its streams go elsewhere until its probe succeeds again." },
  network_ill: { words: "Network ill", grave: true, remedy: "The doctor says what its postbacks lack." },
};

export function wordsOf(kind: string): string {
  return KINDS[kind]?.words ?? kind.replaceAll("_", " ");
}

export function graveOf(alert: Pick<ShownAlert, "kind">): boolean {
  return Boolean(KINDS[alert.kind]?.grave);
}

export function remedyOf(kind: string): string {
  return KINDS[kind]?.remedy ?? "";
}

/** Where it can be looked into and mended; "" where that is nowhere in particular. */
export function placeOf({ kind, about }: Pick<ShownAlert, "kind" | "about">): string {
  const number = /(\d+)/.exec(about)?.[1] ?? "";
  if (about.startsWith("account:")) return `/platforms?open=${number}`;
  if (about.startsWith("postback:")) return kind === "dead_letters" ? `/deliveries?target=${encodeURIComponent(about)}&state=dead` : `/targets?open=${number}`;
  if (about.startsWith("pixel:")) return `/deliveries?target=${encodeURIComponent(about)}&state=dead`;
  if (about.startsWith("intake:")) return "/events?of=intakes";
  if (about.startsWith("destination ")) return `/destinations?open=${number}`;
  if (about.startsWith("network ")) return `/networks?open=${number}`;
  return "/system";
}
