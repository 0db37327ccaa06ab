/** Every postback as it arrived, what became of it, and why: the answer to "why was this not counted?". */

import { useAll } from "../../all";
import { useAsk } from "../../ask";
import { nameOf } from "../../names";
import { Words } from "../../parts/form";
import { type Column, Table } from "../../parts/table";
import { usePicking } from "../../picking";
import { RANGES } from "../../range";
import { href, param, set } from "../../route";
import { may } from "../../session";
import { zone } from "../../zone";
import { ZoneChoice } from "../../zone-choice";
import { around, At, Fresh, onPage, Pages, useFresh, useOffset, usePeriod } from "../records/page";
import { NoPostbacks } from "./none";
import { PostbackPanel } from "./panel";
import { type LogRow, type Postback, postbacksOf, sought } from "./postback";
import { ReprocessPanel } from "./reprocess";
import { Verdict } from "./verdict";

const OUTCOMES = [
  ["", "Whatever became of them"], ["conversion", "Counted"], ["duplicate", "Nothing new"], ["waiting", "Wait for their click"],
  ["attributed", "Click found later"], ["click_unknown", "Click unknown"], ["refused", "Refused"], ["door", "Turned away at the door"],
] as const; // prettier-ignore

/** The URL's filters as the operation wants them. */
function wanted(): object {
  const [outcome, network] = [param("outcome"), Number(param("network"))];
  return {
    ...(outcome === "door" ? { stage: "refused" } : outcome ? { outcome } : {}),
    ...(network ? { network_id: network } : {}),
    ...(param("look") === "text" && param("find") ? { text: param("find") } : sought(param("find"))),
  };
}

export function Inbox() {
  const { range, period, words } = usePeriod();
  const from = useOffset();
  const asked = useAsk("postbacks.list", { ...period, timezone: zone.value, ...around(from), ...wanted() });
  const networks = useAll("networks", may("networks.read") ? {} : false);
  const total = asked.value?.total ?? 0;
  const found = onPage((asked.value?.items ?? []) as LogRow[], from, postbacksOf);
  const open = param("open");
  const [picked] = usePicking(found, (each) => set({ open: each.id }));
  const fresh = useFresh("postbacks");
  const filtered = Boolean(param("outcome") || param("network") || param("find"));
  return (
    <>
      <header class="head">
        <h1>Inbox</h1>
        <span class="dim">Postbacks of {words}</span>
        <Fresh fresh={fresh} again={asked.again} />
        {may("conversions.write") && <button type="button" onClick={() => set({ open: null, reprocess: "1" })}>Process again…</button>}
        <ZoneChoice />
      </header>
      <div class="tools" role="search">
        <Words label="Period" value={range} options={Object.entries(RANGES)} onPick={(word) => set({ range: word, from: null })} />
        <label><span class="unseen">Network</span>
          <select value={param("network")} onChange={(event) => set({ network: event.currentTarget.value, from: null })}>
            <option value="">Every network</option>
            {(networks.value ?? []).map((each) => <option key={each.id} value={each.id}>{each.name || each.slug}</option>)}
          </select>
        </label>
        <label><span class="unseen">What became of them</span>
          <select value={param("outcome")} onChange={(event) => set({ outcome: event.currentTarget.value, from: null })}>
            {OUTCOMES.map(([value, said]) => <option key={value} value={value}>{said}</option>)}
          </select>
        </label>
        <input type="search" aria-label="Find by click, transaction or conversion" placeholder="Transaction or click id" defaultValue={param("find")}
               onSearch={(event) => set({ find: event.currentTarget.value.trim(), look: null, from: null })} onKeyDown={(event) => event.key === "Enter" && set({ find: event.currentTarget.value.trim(), look: null, from: null })} />
      </div>
      {asked.fault && <p class="wrong" role="alert">{asked.fault.message}{asked.fault.fields.map((each) => ` ${each.path}: ${each.message}`)}</p>}
      {asked.value && !found.length ? (
        filtered ? <p class="dim">No postback is like that in this period. {param("find") && param("look") !== "text" && <><button type="button" class="link" onClick={() => set({ look: "text" })}>Look in every parameter</button> or </>}<button type="button" class="link" onClick={() => set({ outcome: null, network: null, find: null, look: null })}>show all</button></p> : <NoPostbacks />
      ) : (
        <Table caption="Postbacks, newest first" columns={COLUMNS} rows={found} keyOf={(each) => each.id} open={open} onOpen={(each) => set({ open: each.id })} picked={picked} stale={asked.busy} quiet={(each) => each.latest.outcome === "duplicate"} />
      )}
      <Pages from={from} total={total} />
      {param("reprocess") ? <ReprocessPanel key={`${param("reprocess")} ${param("words")}`} changed={asked.again} /> : open && <PostbackPanel key={open} id={open} />}
    </>
  );
}

const COLUMNS: Column<Postback>[] = [
  { key: "at", head: "Time", show: ({ id, latest }) => <At us={latest.at_us} open={id} /> },
  { key: "network", head: "Network", roomy: true, show: ({ latest }) => nameOf("networks", latest.network_id) || <span class="zero">–</span> },
  { key: "verdict", head: "What became of it", show: (each) => <><Verdict postback={each} />{each.latest.reason && <small class="phone-line">{each.latest.reason}</small>}</> },
  { key: "why", head: "Why", roomy: true, show: ({ latest }) => <span class="dim">{latest.reason || "–"}</span> },
  { key: "transaction", head: "Transaction", roomy: true, show: ({ latest, arrived }) => <Short text={latest.transaction_id || arrived?.transaction_id || ""} /> },
  { key: "click", head: "Click", roomy: true, show: ({ latest }) => <ClickLink id={latest.click_id} /> },
];

function Short({ text }: { text: string }) {
  return text ? <code title={text}>{text.length > 22 ? `${text.slice(0, 21)}…` : text}</code> : <span class="zero">–</span>;
}

export function ClickLink({ id }: { id: string }) {
  if (!id) return <span class="zero">–</span>;
  const short = <code class="id" title={id}>…{id.slice(-8)}</code>;
  return <a href={href(`/clicks?open=${id}`)} aria-label={`Why did click ${id.slice(-8)} go there?`}>{short}</a>;
}
