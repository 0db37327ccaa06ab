/** Where the sources that Weir knows want to hear of conversions; what only the account knows is asked for. */

import { useState } from "preact/hooks";
import type { PostbackTarget, TargetsPreset, TargetsPresets } from "../../api";
import { useAll } from "../../all";
import { attempt } from "../../editing";
import { Editor } from "../../parts/editor";
import { Choose, Text } from "../../parts/form";
import { Panel } from "../../parts/panel";
import { set } from "../../route";
import { may } from "../../session";
import { hostOf } from "./words";

interface Props {
  presets: TargetsPresets | undefined;
  saved: (target: PostbackTarget) => void;
  onClose: () => void;
}

export function PresetPicker({ presets, saved, onClose }: Props) {
  const [search, setSearch] = useState("");
  const [chosen, choose] = useState<TargetsPreset>();
  const wanted = search.trim().toLowerCase();
  const found = (presets?.items ?? []).filter((each) => `${each.title} ${each.name}`.toLowerCase().includes(wanted));
  if (chosen) return <FromPreset preset={chosen} saved={saved} onClose={() => choose(undefined)} />;
  return (
    <Panel title="New target" wide onClose={onClose}>
      <Text label="Who shall hear of conversions?" type="search" value={search} placeholder="PropellerAds, MGID, Zeropark…" onText={setSearch} />
      <ul class="presets">
        <li><button type="button" onClick={() => set({ edit: "own" })}><strong>Any URL</strong><small>typed in, with macros</small></button></li>
        {found.map((each) => (
          <li key={each.name}>
            <button type="button" onClick={() => choose(each)}><strong>{each.title}</strong><small>{each.url ? hostOf(each.url) : "shown in your account"}</small></button>
          </li>
        ))}
      </ul>
      {presets && !found.length && <p class="dim">Weir does not know “{search}”. Take “Any URL” and paste what the source says its postback is.</p>}
    </Panel>
  );
}

function FromPreset({ preset, saved, onClose }: { preset: TargetsPreset; saved: Props["saved"]; onClose: () => void }) {
  const sources = useAll("sources", may("sources.read") ? {} : false);
  const same = sources.value?.find((each) => each.preset === preset.name);
  const [values, setValues] = useState<Readonly<Record<string, string>>>({});
  const [picked, pick] = useState<number | null>();
  const source = picked === undefined ? (same?.id ?? null) : picked;
  if (!preset.url) {
    return (
      <Panel title={preset.title} wide onClose={onClose}>
        <p>{preset.note}</p>
        <p class="row"><button type="button" class="main" onClick={() => set({ edit: "own" })}>Paste the address</button></p>
      </Panel>
    );
  }
  const url = preset.url.replace(/<([a-z_]+)>/g, (blank, name: string) => values[name] || blank);
  const save = () => attempt("targets.create_from_preset", { preset: preset.name, values: { ...values }, source_id: source }, saved);
  return (
    <Editor title={`${preset.title} hears of conversions`} wide changed={[preset.title]} save={save} onClose={onClose} saveWords="Make it">
      {preset.note && <p class="dim">{preset.note}</p>}
      {preset.blanks.length > 0 && (
        <div class="fields">
          {preset.blanks.map((blank) => <Text key={blank} label={`Your ${blank.replaceAll("_", " ")} there`} path={`values.${blank}`} mono value={values[blank] ?? ""} onText={(text) => setValues((held) => ({ ...held, [blank]: text.trim() }))} />)}
        </div>
      )}
      <Choose label="Conversions of clicks from" path="source_id" value={String(source ?? "")} options={[["", "every source"], ...(sources.value ?? []).map((each) => [String(each.id), each.name || `#${each.id}`] as const)]} onPick={(id) => pick(Number(id) || null)}
              hint={same || !sources.value ? undefined : `None of your sources was made as ${preset.title}: without one it would hear of everybody's conversions.`} />
      <div class="item"><span class="dim">What it will be asked</span><code class="wire">{url}</code></div>
      <small>Leads and sales, each once. Everything of it can be changed afterwards.</small>
    </Editor>
  );
}
