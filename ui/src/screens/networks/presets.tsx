/** The networks that Weir knows, to begin with one; or one of one's own. */

import { useState } from "preact/hooks";
import type { Network, NetworkPresets } from "../../api";
import { attempt } from "../../editing";
import { Editor } from "../../parts/editor";
import { Text } from "../../parts/form";
import { Panel } from "../../parts/panel";
import { set } from "../../route";
import { made, remember } from "./fresh";

type Preset = NetworkPresets["items"][number];

interface Props {
  presets: NetworkPresets | undefined;
  networks: readonly Network[];
  saved: (network: Network) => void;
  onClose: () => void;
}

export function PresetPicker({ presets, networks, saved, onClose }: Props) {
  const [search, setSearch] = useState("");
  const [chosen, choose] = useState<Preset>();
  const wanted = search.trim().toLowerCase();
  const found = (presets?.items ?? []).filter((each) => `${each.title} ${each.name}`.toLowerCase().includes(wanted));
  if (chosen) return <Connecting preset={chosen} networks={networks} saved={saved} onClose={() => choose(undefined)} />;
  return (
    <Panel title="Connect a network" wide onClose={onClose}>
      <Text label="Which network?" type="search" value={search} placeholder="Everflow, ClickBank, AdCombo…" onText={setSearch} />
      <ul class="presets">
        <li><button type="button" onClick={() => set({ edit: "own" })}><strong>Another one</strong><small>you say how it speaks</small></button></li>
        {found.map((each) => (
          <li key={each.name}>
            <button type="button" onClick={() => choose(each)} title={each.note || each.query}>
              <strong>{each.title}</strong>
              <small>{each.polled ? "sends no postbacks" : each.paste || "posts fields of its own"}</small>
            </button>
          </li>
        ))}
      </ul>
      {presets && !found.length && <p class="dim">Weir does not know “{search}”. Take “Another one”: most networks fill in macros of their own in a postback URL that you give them.</p>}
    </Panel>
  );
}

/** `slug`, or with a number behind it where that is taken. */
function free(slug: string, networks: readonly Network[]): string {
  const taken = new Set(networks.map((each) => each.slug));
  for (let number = 1; ; number += 1) {
    const tried = number === 1 ? slug : `${slug}-${number}`;
    if (!taken.has(tried)) return tried;
  }
}

function Connecting({ preset, networks, saved, onClose }: { preset: Preset; networks: readonly Network[]; saved: (network: Network) => void; onClose: () => void }) {
  // Whoever guesses an address without a secret reports sales that never were.
  const ours = preset.query !== "";
  const [draft, setDraft] = useState(() => ({ name: preset.title, slug: free(preset.name.replaceAll("_", "-"), networks), currency: preset.currency, secret: ours ? made() : "" }));
  const put = (more: Partial<typeof draft>): void => setDraft((held) => ({ ...held, ...more }));
  const save = () =>
    attempt("networks.create_from_preset", { preset: preset.name, ...draft }, (answer) => {
      if (draft.secret && ours) remember(answer.id, draft.secret);
      saved(answer);
    });
  return (
    <Editor title={`Connect ${preset.title}`} wide changed={["a new network"]} save={save} onClose={onClose} saveWords="Make it, show me what to paste">
      {preset.note && <p class="trouble">{preset.note}</p>}
      <div class="fields">
        <Text label="Name" path="name" value={draft.name} onText={(name) => put({ name })} />
        <Text label="Slug: /pb/…" path="slug" mono value={draft.slug} onText={(slug) => put({ slug: slug.trim() })} />
        <Text label="Its currency" path="currency" value={draft.currency} placeholder="USD" hint="where it names none" onText={(text) => put({ currency: text.trim().toUpperCase() })} class="short" />
      </div>
      <Text label="Secret" path="secret" mono value={draft.secret} placeholder={preset.signature ? "the secret key in your account there" : "none"} onText={(secret) => put({ secret: secret.trim() })}
            hint={preset.signature ? "What it sends is signed with it." : ours ? "Made up for you; it will stand in the postback URL, and nobody without it is believed." : "If it can send one: nobody without it is believed."} />
    </Editor>
  );
}
