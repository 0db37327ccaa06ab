/** Corrections of cost: what traffic really cost where its links did not know, who said so, and taking it back. */

import { useEffect } from "preact/hooks";
import type { Adjustment } from "../../api";
import { useAsk } from "../../ask";
import { perform } from "../../editing";
import { offer } from "../../keys";
import { Amount } from "../../parts/figure";
import { note } from "../../parts/notes";
import { shown } from "../../parts/number";
import { Panel } from "../../parts/panel";
import { type Column, Table } from "../../parts/table";
import { ago, full, now } from "../../parts/time";
import { usePicking } from "../../picking";
import { href, param, params, set } from "../../route";
import { may } from "../../session";
import { zone } from "../../zone";
import { ZoneChoice } from "../../zone-choice";
import { moment, PAGE, Pages, useOffset } from "../records/page";
import { CostEditor } from "./edit";
import { about, period, said } from "./words";

export function Costs() {
  const from = useOffset();
  const asked = useAsk("costs.list", { limit: PAGE, offset: from });
  const rows = asked.value?.items ?? [];
  const open = param("open");
  const chosen = rows.find((row) => row.id === open);
  const [picked] = usePicking(rows, (row) => set({ open: row.id }));
  const write = may("costs.write");
  useEffect(() => (write ? offer({ keys: "n", words: "Correct a cost", run: () => set({ open: null, edit: "new" }) }) : undefined), [write]);
  const saved = (made: Adjustment): void => {
    asked.again();
    set({ edit: null, open: null });
    note(`What ${shown(made.clicks)} clicks cost is changed by ${signed(made)}.`, () => takeBack(made, asked.again));
  };
  return (
    <>
      <header class="head">
        <h1>Cost corrections</h1>
        <span class="dim">{asked.value && shown(asked.value.total)}</span>
        {write && <button type="button" class="main" onClick={() => set({ open: null, edit: "new" })}>Correct a cost</button>}
        <ZoneChoice />
      </header>
      {asked.fault && <p class="wrong" role="alert">{asked.fault.message}</p>}
      {asked.value?.total === 0 ? (
        <section class="teach">
          <h2>No cost was corrected yet</h2>
          <p>A click costs what its source's cost model or its link says. Where that was wrong or unknown, say what a period, a campaign, a zone really cost: it is spread over the clicks, so every report is right, by hour and by sub-id. Nothing is overwritten; every correction stays here and can be taken back.</p>
          {write && <p><button type="button" class="main" onClick={() => set({ edit: "new" })}>Correct a cost</button></p>}
        </section>
      ) : (
        <Table caption="Corrections of cost, newest first" columns={COLUMNS} rows={rows} keyOf={(row) => row.id} open={open} onOpen={(row) => set({ open: row.id, edit: null })} picked={picked} stale={asked.busy} />
      )}
      <Pages from={from} total={asked.value?.total ?? 0} />
      {param("edit") === "new" && write && <CostEditor saved={saved} onClose={() => set({ edit: null })} />}
      {chosen && !param("edit") && <CostPanel key={chosen.id} it={chosen} again={asked.again} />}
    </>
  );
}

const COLUMNS: Column<Adjustment>[] = [
  { key: "at", head: "Said", show: (row) => <Said row={row} /> },
  { key: "name", head: "Clicks of", show: (row) => <span title={about(row)}>{about(row)}</span> },
  { key: "period", head: "From, to", roomy: true, show: (row) => period(row.from_us, row.to_us, zone.value) },
  { key: "amount", head: "Cost", roomy: true, show: (row) => said(row) },
  { key: "added", head: "Changed by", figure: true, show: (row) => <>{signed(row)}</> },
  { key: "clicks", head: "Clicks", figure: true, roomy: true, show: (row) => <Amount value={row.clicks} /> },
  { key: "author", head: "By", roomy: true, show: (row) => row.author },
  { key: "note", head: "Note", roomy: true, show: (row) => <span class="clipped" title={row.note}>{row.note || <span class="zero">–</span>}</span> },
];

function Said({ row }: { row: Adjustment }) {
  const wanted = new URLSearchParams(params.value);
  wanted.set("open", row.id);
  return <a class="name" href={href(`/costs?${wanted}`)} title={full(new Date(row.at_us / 1000), zone.value)}>{moment(row.at_us)}</a>;
}

function signed({ added, currency }: Adjustment): string {
  const amount = Number(added);
  return `${amount > 0 ? "+" : ""}${shown(amount, "money")} ${currency}`;
}

function CostPanel({ it, again }: { it: Adjustment; again: () => void }) {
  const at = new Date(it.at_us / 1000);
  return (
    <Panel title="A correction of cost" onClose={() => set({ open: null })}>
      <div class="stack">
        <p class="dim">Said <time dateTime={at.toISOString()} title={full(at, zone.value)}>{ago(at, now.value)}</time> by {it.author}</p>
        <p class="means"><b>{said(it)}</b> for {shown(it.clicks)} clicks of {about(it)}, {period(it.from_us, it.to_us, zone.value)} ({zone.value}).</p>
        <p>That changed what they cost by <b>{signed(it)}</b>, in {shown(it.parts)} part{it.parts === 1 ? "" : "s"} by hour and way.</p>
        {it.note && <p>“{it.note}”</p>}
        <p class="row">
          <a href={href(`/clicks?range=30d${it.campaign_id ? `&campaign=${it.campaign_id}` : ""}`)}>The clicks</a>
          <span class="room" />
          {may("costs.write") && Number(it.added) !== 0 && <button type="button" class="loses" onClick={() => takeBack(it, () => (again(), set({ open: null })))}>Take it back</button>}
        </p>
        <p class="dim">Taking it back is another correction, by the same amount the other way.</p>
      </div>
    </Panel>
  );
}

/** The opposite for the same clicks; asked twice it counts once. */
function takeBack(it: Adjustment, done: () => void): void {
  const amount = String(it.added).startsWith("-") ? String(it.added).slice(1) : `-${it.added}`;
  const times = { from: new Date(it.from_us / 1000).toISOString(), to: new Date(it.to_us / 1000).toISOString() };
  const where = { ...(it.campaign_id ? { campaign_id: it.campaign_id } : {}), filters: it.filters as Record<string, string[]> };
  void perform("costs.adjust", { ...times, ...where, currency: it.currency, amount, note: `takes back: ${it.note || said(it)}`.slice(0, 500), id: `back-${it.id}`.slice(0, 64) }, (made) => (note(`It is taken back: ${signed(made)}.`), done()));
}
