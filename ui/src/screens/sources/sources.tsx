/** Traffic sources: what their parameters mean, what a click costs, which macros arrived unfilled. */

import { useEffect, useMemo } from "preact/hooks";
import type { Source, Unexpanded } from "../../api";
import { useAll } from "../../all";
import { useAsk } from "../../ask";
import { offer } from "../../keys";
import { Amount } from "../../parts/figure";
import { shown } from "../../parts/number";
import { type Column, Table } from "../../parts/table";
import { usePicking } from "../../picking";
import { href, param, set } from "../../route";
import { may } from "../../session";
import { costed } from "../routing/sentence";
import { SourceEditor } from "./edit";
import { SourcePanel } from "./panel";
import { PresetPicker } from "./presets";
import { NoSources } from "./none";

/** A source with what arrived unfilled in its links, and how many campaigns buy from it. */
export interface Line {
  source: Source;
  unfilled: readonly Unexpanded[];
  campaigns: number;
}

export function Sources() {
  const all = useAll("sources");
  const campaigns = useAll("campaigns", may("campaigns.read") ? {} : false);
  const unexpanded = useAsk("sources.unexpanded", {});
  const presets = useAsk("sources.presets", {});
  const text = param("search");
  const lines = useMemo(() => {
    const wanted = text.trim().toLowerCase();
    return (all.value ?? [])
      .filter((source) => `${source.name} ${source.id}`.toLowerCase().includes(wanted))
      .map((source): Line => ({
        source,
        unfilled: (unexpanded.value?.items ?? []).filter((each) => each.source_id === source.id),
        campaigns: (campaigns.value ?? []).filter((each) => each.source_id === source.id).length,
      }))
      .sort((a, b) => a.source.name.localeCompare(b.source.name)); // prettier-ignore
  }, [all.value, campaigns.value, unexpanded.value, text]);
  const orphans = (unexpanded.value?.items ?? []).filter((each) => !each.source_id);
  const open = Number(param("open")) || null;
  const chosen = lines.find((line) => line.source.id === open);
  const editing = param("edit");
  const [picked] = usePicking(lines, (line) => set({ open: String(line.source.id) }));
  const write = may("sources.write");
  useEffect(() => (write ? offer({ keys: "n", words: "New source", run: () => set({ open: null, edit: "new" }) }) : undefined), [write]);
  const saved = (source: Source): void => (all.put(source), set({ edit: null, open: String(source.id) }));
  return (
    <>
      <header class="head">
        <h1>Traffic sources</h1>
        <span class="dim">{all.value && shown(lines.length)}</span>
        {write && <button type="button" class="main" onClick={() => set({ open: null, edit: "new" })}>New source</button>}
      </header>
      {orphans.length > 0 && (
        <p class="trouble"><i class="dot warn" aria-hidden="true" /> Campaigns without a source got macros that nobody filled in: {orphans.slice(0, 5).map((each) => `${each.param} (${shown(each.clicks)})`).join(", ")}. Give them their source, and look at the links there.</p>
      )}
      {unexpanded.fault && <p class="wrong" role="alert">{unexpanded.fault.message}</p>}
      {all.value?.length === 0 ? (
        <NoSources />
      ) : (
        <>
          <div class="tools" role="search"><input type="search" aria-label="Filter by name" placeholder="Name" value={text} onInput={(event) => set({ search: event.currentTarget.value }, true)} /></div>
          <Table caption="Traffic sources" columns={COLUMNS} rows={lines} keyOf={(line) => line.source.id} open={open} onOpen={(line) => set({ open: String(line.source.id), edit: null })} picked={picked} stale={!all.value} />
          {all.value && !lines.length && <p class="dim">No source is called that. <button type="button" class="link" onClick={() => set({ search: null })}>Show all</button></p>}
        </>
      )}
      {editing === "new" && <PresetPicker presets={presets.value} saved={saved} onClose={() => set({ edit: null })} />}
      {(editing === "own" || (chosen && editing === "1")) && <SourceEditor key={chosen?.source.revision} {...(chosen ? { source: chosen.source } : {})} meanings={presets.value?.meanings ?? {}} saved={saved} onClose={() => set({ edit: null })} />}
      {chosen && !editing && <SourcePanel key={chosen.source.id} line={chosen} presets={presets.value} />}
    </>
  );
}

const COLUMNS: Column<Line>[] = [
  { key: "name", head: "Name", show: ({ source }) => <a class="name" href={href(`/sources?open=${source.id}`)}>{source.name || `Source ${source.id}`}</a> },
  { key: "cost", head: "A click costs", roomy: true, show: ({ source }) => costed(source.cost_model, source.currency) },
  { key: "params", head: "Parameters", figure: true, roomy: true, show: ({ source }) => <Amount value={Object.keys(source.params).length} /> },
  { key: "unfilled", head: "Unfilled macros", figure: true, help: "Clicks with a macro that the source should have filled in", show: ({ unfilled }) => <Unfilled all={unfilled} /> },
  { key: "campaigns", head: "Campaigns", figure: true, show: ({ campaigns }) => <Amount value={campaigns} /> },
];

function Unfilled({ all }: { all: readonly Unexpanded[] }) {
  const clicks = all.reduce((sum, each) => sum + each.clicks, 0);
  return clicks ? <span class="warned">{shown(clicks)}</span> : <span class="zero">0</span>;
}
