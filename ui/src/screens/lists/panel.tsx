/** One list: its entries, whether it holds a value, filling it, and who asks for it. */

import { useState } from "preact/hooks";
import type { NamedList } from "../../api";
import { useAsk } from "../../ask";
import { perform } from "../../editing";
import { nameOf } from "../../names";
import { Text } from "../../parts/form";
import { note } from "../../parts/notes";
import { shown } from "../../parts/number";
import { Panel } from "../../parts/panel";
import { href, set } from "../../route";
import { may } from "../../session";
import { Fill } from "./fill";
import { KINDS, type Line } from "./lists";

const PAGE = 50;

interface Props {
  line: Line;
  put: (list: NamedList) => void;
  drop: (id: number) => void;
}

export function ListPanel({ line: { list, users }, put, drop }: Props) {
  const [name, setName] = useState(list.name);
  const write = may("lists.write");
  const rename = (): void => void perform("lists.change", { id: list.id, revision: list.revision, name }, (made) => (put(made), note(`It is called ${made.name} now.`)));
  const archive = (): void =>
    void perform("lists.archive", { id: list.id, revision: list.revision }, (gone) => {
      drop(gone.id);
      set({ open: null });
      note(`${gone.name} is archived.`, () => void perform("lists.restore", { id: gone.id }, put));
    });
  return (
    <Panel title={list.name || `List ${list.id}`} onClose={() => set({ open: null })}>
      <p><strong>{shown(list.entries)}</strong> <span class="dim">{KINDS[list.of]} · #{list.id} · revision {list.revision}</span></p>
      {write && <Fill list={list} put={put} />}
      <h3>Does it hold…</h3>
      <Check list={list} />
      <h3>Entries</h3>
      <Entries list={list} />
      <h3>Used by</h3>
      {users.length ? (
        <ul class="plainly">
          {users.map((stream) => <li key={stream.id}><a href={href(`/campaigns/${stream.campaign_id}?stream=${stream.id}`)}>{nameOf("campaigns", stream.campaign_id)}: {stream.name || `stream ${stream.id}`}</a></li>)}
        </ul>
      ) : (
        <p class="dim">No rule asks for it. In a stream choose a fact and “is in the list”.</p>
      )}
      {write && (
        <>
          <h3>Name</h3>
          <p class="row ends"><Text bare label="Name" value={name} onText={setName} class="grow" /><button type="button" disabled={name === list.name || !name.trim()} onClick={rename}>Rename</button></p>
          {!users.length && <p><button type="button" class="loses" onClick={archive}>Archive</button></p>}
        </>
      )}
    </Panel>
  );
}

function Check({ list }: { list: NamedList }) {
  const [value, setValue] = useState("");
  return (
    <p class="row ends">
      <Text bare label="A value to look for" mono value={value} placeholder={list.of === "address" ? "203.0.113.9" : "a value as it arrives"} onText={setValue} class="grow" />
      <span role="status">{value ? <Held key={list.digest} list={list} value={value} /> : <span class="dim">–</span>}</span>
    </p>
  );
}

function Held({ list, value }: { list: NamedList; value: string }) {
  const { value: found, fault, busy } = useAsk("lists.check", { id: list.id, value });
  if (fault) return <span class="wrong">{fault.message}</span>;
  if (!found) return <span class="dim">–</span>;
  return <span class={`state${busy ? " stale" : ""}`}><i class={`dot${found.held ? " good" : ""}`} aria-hidden="true" /> {found.held ? "yes" : "no"}</span>;
}

function Entries({ list }: { list: NamedList }) {
  const [search, setSearch] = useState("");
  const [from, setFrom] = useState(0);
  return (
    <>
      <Text bare label="Entries that contain" mono type="search" value={search} placeholder="entries that contain…" onText={(text) => (setSearch(text), setFrom(0))} />
      <Found key={list.digest} list={list} search={search} from={from} setFrom={setFrom} />
    </>
  );
}

function Found({ list, search, from, setFrom }: { list: NamedList; search: string; from: number; setFrom: (from: number) => void }) {
  const asked = useAsk("lists.entries", { id: list.id, limit: PAGE, offset: from, search });
  const found = asked.value;
  if (asked.fault) return <p class="wrong" role="alert">{asked.fault.message}</p>;
  if (!found) return <p class="dim">–</p>;
  if (!found.items.length) return <p class="dim">{search ? "None contains that." : "It is empty: a rule that asks for it finds nobody in it."}</p>;
  return (
    <>
      <ol class={`entries mono${asked.busy ? " stale" : ""}`}>{found.items.map((each) => <li key={each}>{each}</li>)}</ol>
      {found.total > PAGE && (
        <p class="row">
          <button type="button" disabled={!from} onClick={() => setFrom(Math.max(0, from - PAGE))}>Before</button>
          <button type="button" disabled={from + PAGE >= found.total} onClick={() => setFrom(from + PAGE)}>More</button>
          <span class="dim">{shown(from + 1)} to {shown(Math.min(found.total, from + PAGE))} of {shown(found.total)}</span>
        </p>
      )}
    </>
  );
}
