/** Conversions entered by hand: one, or as many as a network's list has. */

import { useState } from "preact/hooks";
import { useAll } from "../../all";
import { Choose, Words } from "../../parts/form";
import { may } from "../../session";
import { Many } from "./many";
import { One } from "./one";

export interface Entry {
  /** Whose conversions these are where nothing else says so. */
  network: number;
  usual: preact.ComponentChild;
  done: () => void;
  onClose: () => void;
}

export function EntryPanel({ done, onClose }: Pick<Entry, "done" | "onClose">) {
  const [many, setMany] = useState(false);
  const [network, setNetwork] = useState(0);
  const networks = useAll("networks", may("networks.read") ? {} : false);
  const usual = (
    <>
      <Words label="How many" value={many ? "many" : "one"} options={[["one", "One"], ["many", "A list"]]} onPick={(word) => setMany(word === "many")} />
      <Choose label="Of the network, where nothing else says so" path="network_id" value={String(network || "")} options={[["", "that of the click's destination"], ...(networks.value ?? []).map((each) => [String(each.id), each.name || each.slug] as const)]} onPick={(id) => setNetwork(Number(id) || 0)} />
    </>
  );
  const of: Entry = { network, usual, done, onClose };
  return many ? <Many {...of} /> : <One {...of} />;
}

/** What an answer says in one line. */
export function told({ made, changed, known }: { made: number; changed: number; known: number }): string {
  const parts = [made && `${made} new`, changed && `${changed} changed`, known && `${known} known as they are`].filter(Boolean);
  return parts.join(", ") || "nothing";
}
