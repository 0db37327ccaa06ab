/** One source: the link to give it, what its parameters mean, what arrived unfilled and what to do about it. */

import type { Presets, Source, Unexpanded } from "../../api";
import { useAll } from "../../all";
import { useAsk } from "../../ask";
import { perform } from "../../editing";
import { Copy } from "../../parts/copy";
import { note } from "../../parts/notes";
import { shown } from "../../parts/number";
import { Panel } from "../../parts/panel";
import { href, set } from "../../route";
import { may } from "../../session";
import { trackedLink } from "../campaigns/links";
import { costed } from "../routing/sentence";
import type { Line } from "./sources";

export function SourcePanel({ line: { source, unfilled }, presets }: { line: Line; presets: Presets | undefined }) {
  const about = useAsk("system.about", {});
  const campaigns = useAll("campaigns", { source_id: source.id });
  const preset = presets?.items.find((each) => each.name === source.preset) ?? presets?.items.find((each) => each.parameters.length > 0 && each.parameters.every((it) => source.params[it.field] === it.param) && each.parameters.length === Object.keys(source.params).length);
  const macros = new Map(preset?.parameters.map((each) => [each.field, each.macro]));
  const query = preset?.query ?? Object.values(source.params).map((name) => `${name}=…`).join("&");
  const first = campaigns.value?.[0];
  const link = `${first && about.value ? trackedLink(about.value.public, first) : "…"}${query && `?${query}`}`;
  const rows = Object.entries(source.params);
  return (
    <Panel title={source.name || `Source ${source.id}`} wide onClose={() => set({ open: null })}>
      <p class="row">
        <span class="dim grow">#{source.id}{preset && ` · as ${preset.title}`}</span>
        {may("sources.write") && <button type="button" onClick={() => set({ edit: "1" })}>Edit</button>}
      </p>
      {unfilled.length > 0 && <Unfilled all={unfilled} macros={macros} params={source.params} />}
      <h3>Link to give to the source</h3>
      {first ? <Copy text={link} label="the link" /> : <p class="dim">Give a campaign this source, and its link stands here. What goes behind it: <code>{query || "nothing"}</code></p>}
      {preset?.note && <p class="dim">{preset.note}</p>}
      <h3>What its parameters mean</h3>
      {rows.length ? (
        <table class="mapping">
          <caption class="unseen">Parameters</caption>
          <thead><tr><th scope="col">Its parameter</th><th scope="col">Kept as</th><th scope="col">Which is</th></tr></thead>
          <tbody>
            {rows.map(([field, name]) => <tr key={field}><td><code>{name}{macros.get(field) && `=${macros.get(field)}`}</code></td><td>{field}</td><td class="dim">{presets?.meanings[field] ?? ""}</td></tr>)}
          </tbody>
        </table>
      ) : (
        <p class="dim">The usual names: click_id, cost, sub1 and so on.</p>
      )}
      <h3>What a click costs</h3>
      <p>{sentence(costed(source.cost_model, source.currency))}</p>
      {source.transparent && <><h3>Transparent links</h3><p>The next hop in <code>{source.transparent.param ?? "lpurl"}</code> is followed{source.transparent.hosts?.length ? ` to ${source.transparent.hosts.join(", ")}` : ""}{source.secret ? " where it is signed" : ""}.</p></>}
      <h3>Campaigns</h3>
      {campaigns.value?.length ? <ul class="plainly">{campaigns.value.map((each) => <li key={each.id}><a href={href(`/campaigns/${each.id}`)}>{each.name || each.slug}</a></li>)}</ul> : <p class="dim">None buys from it yet: choose it in a campaign's settings.</p>}
      {may("sources.write") && campaigns.value?.length === 0 && <p><button type="button" class="loses" onClick={() => archive(source)}>Archive</button></p>}
    </Panel>
  );
}

function sentence(words: string): string {
  return `${words.slice(0, 1).toUpperCase()}${words.slice(1)}.`;
}

function archive(source: Source): void {
  void perform("sources.archive", { id: source.id, revision: source.revision }, (gone) => {
    set({ open: null });
    note(`${gone.name} is archived.`, () => void perform("sources.restore", { id: gone.id }, () => set({ open: String(gone.id) })));
  });
}

function Unfilled({ all, macros, params }: { all: readonly Unexpanded[]; macros: ReadonlyMap<string, string>; params: Record<string, string> }) {
  const right = (name: string): string => macros.get(Object.entries(params).find(([, each]) => each === name)?.[0] ?? "") ?? "";
  return (
    <div class="trouble" role="status">
      <strong>Macros arrived as they were, and are read as missing</strong>
      <ul class="plainly">
        {all.map((each) => (
          <li key={each.param}>
            <code>{each.param}</code> in {shown(each.clicks)} click{each.clicks === 1 ? "" : "s"}
            {right(each.param) ? <>: the source fills in <code>{right(each.param)}</code> and nothing else; compare it letter by letter</> : ": the source does not know that macro, or does not fill it in for this kind of campaign"}
          </li>
        ))}
      </ul>
      <p class="dim">Also a click that was tested by hand, with the link as it is, counts here. Counted since each edge started.</p>
    </div>
  );
}
