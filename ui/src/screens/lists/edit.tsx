/** A new list: a name, and what its entries are. */

import { useState } from "preact/hooks";
import type { NamedList } from "../../api";
import { attempt } from "../../editing";
import { Editor } from "../../parts/editor";
import { Choose, Text } from "../../parts/form";

const HINTS: Readonly<Record<NamedList["of"], string>> = {
  text: "A value is in the list when it equals an entry, capitals and all.",
  address: "Addresses, networks such as 10.0.0.0/8 and ranges such as 10.0.0.1-10.0.0.9; # begins a comment.",
  mask: "A * stands for any run of characters: *bot* finds every text with bot in it.",
};

export function ListEditor({ saved, onClose }: { saved: (list: NamedList) => void; onClose: () => void }) {
  const [name, setName] = useState("");
  const [of, setOf] = useState<NamedList["of"]>("text");
  return (
    <Editor title="New list" changed={name ? ["name"] : []} save={() => attempt("lists.create", { name, of }, saved)} onClose={onClose} saveWords="Make it">
      <Text label="Name" path="name" value={name} placeholder="Bad publishers" onText={setName} />
      <Choose label="Its entries are" path="of" value={of} options={[["text", "exact texts"], ["address", "addresses, networks, ranges"], ["mask", "masks"]]} onPick={(word) => setOf(word as NamedList["of"])} hint={`${HINTS[of]} It stays so.`} />
    </Editor>
  );
}
