/** The supervision tree out of a status: processes, each with its actors. Pure. */

import type { ActorReport, ConsumerReport, SystemStatus } from "../../api";

export interface Branch {
  name: string;
  state: string;
  pid: number;
  restarts: number;
  error: string;
  /** Bytes, 0 for unknown. */
  memory: number;
  notes: string[];
  actors: readonly ActorReport[];
}

export function branches(status: SystemStatus): Branch[] {
  const processes = new Map(status.processes.map((each) => [each.name, each]));
  const told = (name: string, state: string, pid: number) => {
    const known = processes.get(name);
    return { name, state: known?.state ?? state, pid: known?.pid || pid, restarts: known?.restarts ?? 0, error: known?.last_error ?? "" };
  };
  const edges = status.edges.map((edge): Branch => ({
    ...told(`edge-${edge.edge}`, edge.connected ? "running" : "down", edge.report?.pid ?? 0),
    ...(edge.connected ? {} : { state: "away" }),
    memory: edge.report?.rss_bytes ?? 0,
    notes: [
      `table ${edge.taken_revision}${edge.behind_revisions ? `, ${edge.behind_revisions} behind` : ""}`,
      ...(edge.report ? [`${edge.report.connections} connections`, `${edge.report.requests.toLocaleString("en-US")} requests`] : []),
    ],
    actors: edge.report?.actors ?? [],
  }));
  const parent: Branch[] = processes.has("parent")
    ? [{ ...told("parent", "running", 0), memory: 0, notes: ["owns the public sockets"], actors: [] }]
    : [];
  const core: Branch = {
    ...told("core", "running", 0),
    memory: status.rss_bytes,
    notes: [`catalog revision ${status.catalog.revision}`],
    actors: status.actors,
  };
  return [...parent, ...edges, core];
}

export interface Lag {
  events: number;
  seconds: number;
  who: string;
}

/** The consumer that is furthest behind; null while none is known. */
export function worst(consumers: readonly ConsumerReport[]): Lag | null {
  let found: Lag | null = null;
  for (const each of consumers) {
    if (each.behind < 0) continue;
    const who = `${each.consumer}, ${each.edge < 0 ? "the core's outbox" : `edge ${each.edge}`}`;
    if (!found || each.behind_seconds > found.seconds || (each.behind_seconds === found.seconds && each.behind > found.events))
      found = { events: each.behind, seconds: each.behind_seconds, who };
  }
  return found;
}

/** What an operator can do about a problem; "" where nothing better than the log is known. */
export function remedy(problem: string): string {
  for (const [pattern, words] of REMEDIES) if (pattern.test(problem)) return words;
  return "The log of that part says more: journalctl -u weir, or where weir serve was started.";
}

/** Where a problem can be looked into and mended; "" where that is nowhere in particular. */
export function place(problem: string): string {
  const target = /^deliveries: postback:(\d+)/.exec(problem)?.[1];
  if (target) return `/targets?open=${target}`;
  if (problem.startsWith("deliveries:")) return "/targets?only=ill";
  const [, noun, number] = /^(destination|list|network|campaign) (\d+)/.exec(problem) ?? [];
  if (!noun) return "";
  return noun === "campaign" ? `/campaigns/${number}` : `/${noun}s?open=${number}`;
}

const REMEDIES: readonly [RegExp, string][] = [
  [/^catalog: not loaded/, "It loads at the start. If it stays like this, the log names what in catalog.db cannot be read."],
  [/^edges: none is/, "No visitor is served. Look at the edges below; the parent restarts what dies, and its log says why."],
  [/^edge \d+: not connected/, "It answers clicks from its last table. If its process is down, the parent restarts it; else wait for the link."],
  [/^edge \d+: keeps an older routing table/, "Correct what the message names in the catalog; every change is pushed again."],
  [/journal is in mode ring/, "The disk is full or failing: free space in the data directory. Clicks wait in memory until then."],
  [/journal is in mode/, "The edge is starting or stopping. If it stays, its log says why."],
  [/events unrecorded/, "These were answered but could not be kept, while the disk was full. Free space and watch that the number stands still."],
  [/^warehouse: opening/, "It opens at the start; clicks wait in the journals, nothing is lost."],
  [/^warehouse: .*rows set aside/, "Rows that no table takes. Reports lack them: weir call ingestion_errors.list shows each with its reason."],
  [/^warehouse:/, "Clicks wait in the journals, nothing is lost. Check its disk or server; it is tried again by itself."],
  [/journal entries are unreadable/, "A journal was damaged, most likely by the disk. The log names the file; check the disk."],
  [/held by an operator/, "Release it when you are done: weir call journal.release."],
  [/^deliveries: .* is paused/, "It is tried again from time to time, and what waits for it follows. Mend its address: then all are told at once."],
  [/^deliveries: \d+ more/, "The targets that fail, and why, are under Targets."],
  [/^deliveries:/, "What targets are to be told waits in the ledger; nothing is lost. Free space in the data directory."],
  [/^destination \d+: unhealthy/, "Its streams go elsewhere until its probe succeeds again. Its panel says what was answered."],
  [/^destination \d+: \d+ clicks of a cap/, "More clicks were sent than the cap allows, most likely because an edge was cut off. It is closed until the cap begins anew."],
  [/^list \d+/, "Rules that ask for this list match nobody until its entries are there again."],
  [/^actor /, "It is restarted by itself, with growing pauses. Its last error stands in the tree below."],
]; // prettier-ignore
