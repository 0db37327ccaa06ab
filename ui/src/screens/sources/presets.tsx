/** The sources that Weir knows, to begin with one; or one of one's own. */

import { useState } from "preact/hooks";
import type { Presets, Source } from "../../api";
import { attempt } from "../../editing";
import type { Fault } from "../../parts/editor";
import { Text } from "../../parts/form";
import { Panel } from "../../parts/panel";
import { set } from "../../route";

interface Props {
  presets: Presets | undefined;
  saved: (source: Source) => void;
  onClose: () => void;
}

export function PresetPicker({ presets, saved, onClose }: Props) {
  const [search, setSearch] = useState("");
  const [busy, setBusy] = useState("");
  const [fault, setFault] = useState<Fault>();
  const wanted = search.trim().toLowerCase();
  const found = (presets?.items ?? []).filter((each) => `${each.title} ${each.name}`.toLowerCase().includes(wanted));
  const make = async (preset: string): Promise<void> => {
    setBusy(preset);
    setFault(await attempt("sources.create_from_preset", { preset }, saved));
    setBusy("");
  };
  return (
    <Panel title="New source" wide onClose={onClose}>
      <Text label="Which source?" type="search" value={search} placeholder="PropellerAds, Taboola, Facebook…" onText={setSearch} />
      {fault && <p class="wrong" role="alert">{fault.message}{fault.fields.map((each) => ` ${each.path}: ${each.message}`)}</p>}
      <ul class="presets">
        <li><button type="button" onClick={() => set({ edit: "own" })}><strong>Another one</strong><small>its parameters typed in</small></button></li>
        {found.map((each) => (
          <li key={each.name}>
            <button type="button" disabled={busy !== ""} onClick={() => void make(each.name)} title={each.note || each.query}>
              <strong>{each.title}</strong>
              <small>{busy === each.name ? "Making it…" : `${each.parameters.length} parameters`}</small>
            </button>
          </li>
        ))}
      </ul>
      {presets && !found.length && <p class="dim">Weir does not know “{search}”. Take “Another one” and type in what its parameters are called.</p>}
    </Panel>
  );
}
