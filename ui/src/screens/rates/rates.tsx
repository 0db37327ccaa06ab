/** Exchange rates by day: entered or pasted, never fetched. Conversions are counted by them. */

import { useEffect } from "preact/hooks";
import type { ShownRates } from "../../api";
import { useAsk } from "../../ask";
import { attempt } from "../../editing";
import { offer } from "../../keys";
import { shown } from "../../parts/number";
import { type Column, Table } from "../../parts/table";
import { param, set } from "../../route";
import { may } from "../../session";
import { PAGE, Pages, useOffset } from "../records/page";
import { Forget } from "./forget";
import { RatesEditor } from "./edit";

type Rate = ShownRates["items"][number];

export function Rates() {
  const from = useOffset();
  const [base, quote] = [code("base"), code("quote")];
  const asked = useAsk("rates.list", { from: base, to: quote, limit: PAGE, offset: from });
  const rows = asked.value?.items ?? [];
  const write = may("rates.write");
  useEffect(() => (write ? offer({ keys: "n", words: "Enter rates", run: () => set({ edit: "new" }) }) : undefined), [write]);
  const typed = (name: string) => (event: { currentTarget: HTMLInputElement }): void => set({ [name]: event.currentTarget.value.trim().toUpperCase().slice(0, 3), from: null }, true);
  return (
    <>
      <header class="head">
        <h1>Exchange rates</h1>
        <span class="dim">{asked.value && `${shown(asked.value.total)}, by day`}</span>
        {write && <button type="button" class="main" onClick={() => set({ edit: "new" })}>Enter rates</button>}
      </header>
      {asked.fault && <p class="wrong" role="alert">{asked.fault.message}</p>}
      {asked.value?.total === 0 && !base && !quote ? (
        <section class="teach">
          <h2>No exchange rate is known</h2>
          <p>A conversion in another currency than its campaign's is counted with the rate of its day, or with the latest before it. Without one it counts in its own currency. Weir never fetches rates by itself: enter or paste them, from whomever your books believe.</p>
          {write && <p><button type="button" class="main" onClick={() => set({ edit: "new" })}>Enter rates</button></p>}
        </section>
      ) : (
        <>
          <div class="tools" role="search">
            <input type="search" aria-label="From the currency" placeholder="From: EUR" value={param("base")} onInput={typed("base")} />
            <input type="search" aria-label="To the currency" placeholder="To: USD" value={param("quote")} onInput={typed("quote")} />
            {write && <Forget base={base} quote={quote} done={asked.again} />}
          </div>
          <div class="slim"><Table caption="Exchange rates, the newest day first" columns={COLUMNS} rows={rows} keyOf={keyOf} stale={asked.busy} /></div>
          {asked.value && !rows.length && <p class="dim">There is no rate between these. <button type="button" class="link" onClick={() => set({ base: null, quote: null })}>Show all</button></p>}
          <Pages from={from} total={asked.value?.total ?? 0} />
          <p class="dim pages">A rate holds for conversions that come from now on. Those that are counted already keep theirs until their postbacks are processed again, in the inbox.</p>
        </>
      )}
      {param("edit") === "new" && write && <RatesEditor saved={() => (asked.again(), set({ edit: null, from: null }))} save={(text) => attempt("rates.import", { text }, () => {})} onClose={() => set({ edit: null })} />}
    </>
  );
}

/** A filter while it is typed: only whole codes narrow. */
function code(name: string): string {
  const text = param(name);
  return /^[A-Z]{3}$/.test(text) ? text : "";
}

function keyOf({ date, from, to }: Rate): string {
  return `${date} ${from} ${to}`;
}

const COLUMNS: Column<Rate>[] = [
  { key: "date", head: "From the day", show: (row) => row.date },
  { key: "one", head: "One", show: (row) => row.from },
  { key: "rate", head: "is worth", figure: true, show: (row) => <>{row.rate} <span class="dim">{row.to}</span></> },
];
