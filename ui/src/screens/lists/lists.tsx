/** Named lists: what they hold, how many entries, which streams ask for them. */

import { useEffect, useMemo } from "preact/hooks";
import type { NamedList, Rule, Stream } from "../../api";
import { useAll } from "../../all";
import { offer } from "../../keys";
import { Amount } from "../../parts/figure";
import { shown } from "../../parts/number";
import { type Column, Table } from "../../parts/table";
import { usePicking } from "../../picking";
import { href, param, set } from "../../route";
import { may } from "../../session";
import { ListEditor } from "./edit";
import { NoLists } from "./none";
import { ListPanel } from "./panel";

export const KINDS: Readonly<Record<NamedList["of"], string>> = { text: "exact texts", address: "addresses and networks", mask: "masks" };

/** A list with the streams whose rules ask for it. */
export interface Line {
  list: NamedList;
  users: readonly Stream[];
}

export function Lists() {
  const all = useAll("lists");
  const streams = useAll("streams", may("streams.read") ? {} : false);
  const text = param("search");
  const found = useMemo(() => {
    const wanted = text.trim().toLowerCase();
    const lines = (all.value ?? []).map((list): Line => ({ list, users: (streams.value ?? []).filter((stream) => stream.rules.some((rule) => asks(rule, list.id))) }));
    return lines.filter(({ list }) => `${list.name} ${list.id}`.toLowerCase().includes(wanted)).sort((a, b) => a.list.name.localeCompare(b.list.name));
  }, [all.value, streams.value, text]);
  const open = Number(param("open")) || null;
  const chosen = found.find((line) => line.list.id === open);
  const [picked] = usePicking(found, (line) => set({ open: String(line.list.id) }));
  const write = may("lists.write");
  useEffect(() => (write ? offer({ keys: "n", words: "New list", run: () => set({ open: null, edit: "new" }) }) : undefined), [write]);
  return (
    <>
      <header class="head">
        <h1>Lists</h1>
        <span class="dim">{all.value && shown(found.length)}</span>
        {write && <button type="button" class="main" onClick={() => set({ open: null, edit: "new" })}>New list</button>}
      </header>
      {all.value?.length === 0 ? (
        <NoLists />
      ) : (
        <>
          <div class="tools" role="search">
            <input type="search" aria-label="Filter by name" placeholder="Name" value={text} onInput={(event) => set({ search: event.currentTarget.value }, true)} />
          </div>
          <Table caption="Named lists" columns={COLUMNS} rows={found} keyOf={(line) => line.list.id} open={open} onOpen={(line) => set({ open: String(line.list.id), edit: null })} picked={picked} stale={!all.value} />
          {all.value && !found.length && <p class="dim">No list is called that. <button type="button" class="link" onClick={() => set({ search: null })}>Show all</button></p>}
        </>
      )}
      {param("edit") === "new" && <ListEditor saved={(list) => (all.put(list), set({ edit: null, open: String(list.id) }))} onClose={() => set({ edit: null })} />}
      {chosen && <ListPanel key={chosen.list.id} line={chosen} put={all.put} drop={all.drop} />}
    </>
  );
}

const COLUMNS: Column<Line>[] = [
  { key: "name", head: "Name", show: ({ list }) => <a class="name" href={href(`/lists?open=${list.id}`)}>{list.name || `List ${list.id}`}</a> },
  { key: "of", head: "Of", roomy: true, show: ({ list }) => KINDS[list.of] },
  { key: "entries", head: "Entries", figure: true, show: ({ list }) => <Amount value={list.entries} /> },
  { key: "used", head: "Used by", figure: true, help: "Streams whose rules ask for it", show: ({ users }) => (users.length ? `${users.length} stream${users.length === 1 ? "" : "s"}` : <span class="zero">nobody</span>) },
];

function asks(rule: Rule, list: number): boolean {
  return rule.list_id === list || [...(rule.all ?? []), ...(rule.any ?? [])].some((each) => asks(each, list));
}
