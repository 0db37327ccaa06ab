/** All campaigns with their figures of a period. */

import { useEffect, useMemo } from "preact/hooks";
import { useAll } from "../../all";
import { following, useAsk } from "../../ask";
import { useToggle } from "../../editing";
import { watch } from "../../live";
import { shown } from "../../parts/number";
import { Table } from "../../parts/table";
import { now } from "../../parts/time";
import { usePicking } from "../../picking";
import { days, isRange, type Range, RANGES } from "../../range";
import { param, set } from "../../route";
import { me } from "../../session";
import { zone } from "../../zone";
import { ZoneChoice } from "../../zone-choice";
import { columns } from "./columns";
import { KEYS, type Key, lines, matching, sorted, summed } from "./lines";
import { CampaignPanel } from "./panel";
import { NoCampaigns } from "./none";

const STATES = [["", "All"], ["active", "Active"], ["paused", "Paused"]] as const;
const FIGURES_EVERY = 5000;

export function Campaigns() {
  const range: Range = isRange(param("range")) ? (param("range") as Range) : "7d";
  const period = days(range, now.value, zone.value);
  const all = useAll("campaigns");
  const report = useAsk("reports.query", { group_by: ["campaign"], limit: 1000, ...period, timezone: zone.value });
  useFigures(report.again);
  const money = me.value?.sees_money !== false;
  const [key, descending] = order(param("sort", "-clicks"));
  const [text, status] = [param("search"), param("status")];
  const found = useMemo(() => {
    const joined = lines(all.value ?? [], report.value?.items ?? [], money);
    return sorted(matching(joined, text, status), key, descending);
  }, [all.value, report.value, money, key, descending, text, status]);
  const open = Number(param("open")) || null;
  const chosen = found.find((line) => line.campaign.id === open);
  const [picked, pick] = usePicking(found, (line) => set({ open: String(line.campaign.id) }));
  const toggle = useToggle("campaigns", all.put);

  return (
    <>
      <header class="head">
        <h1>Campaigns</h1>
        <span class="dim">{all.value && `${shown(found.length)}${found.length === all.value.length ? "" : ` of ${shown(all.value.length)}`}`}</span>
        <ZoneChoice />
      </header>
      <div class="tools" role="search">
        <div class="choice" role="group" aria-label="Period">
          {Object.entries(RANGES).map(([word, name]) => (
            <button key={word} type="button" aria-pressed={range === word} onClick={() => set({ range: word })}>{name}</button>
          ))}
        </div>
        <input type="search" aria-label="Filter by name or slug" placeholder="Name or slug" value={text}
               onInput={(event) => (set({ search: event.currentTarget.value }, true), pick(-1))} />
        <div class="choice" role="group" aria-label="Status">
          {STATES.map(([word, name]) => (
            <button key={word} type="button" aria-pressed={status === word} onClick={() => set({ status: word })}>{name}</button>
          ))}
        </div>
        <span class="dim period">{period.from === period.to ? period.from : `${period.from} to ${period.to}`}</span>
      </div>
      {report.fault && <p class="wrong" role="alert">{report.fault.message}</p>}
      {all.value?.length === 0 ? (
        <NoCampaigns />
      ) : (
        <Table caption="Campaigns and their figures" rows={found} keyOf={(line) => line.campaign.id} totals
               columns={columns({ currency: report.value?.currency ?? "", totals: summed(found), money, toggle })}
               sort={{ key, descending }} onSort={(sort) => set({ sort: `${sort.descending ? "-" : ""}${sort.key}` })}
               open={open} onOpen={(line) => set({ open: String(line.campaign.id) })} picked={picked}
               stale={!all.value || (report.busy && !report.value)} quiet={(line) => line.campaign.status === "paused"} />
      )}
      {all.value && all.value.length > 0 && !found.length && <p class="dim">No campaign is like that. <button type="button" class="link" onClick={() => set({ search: null, status: null })}>Show all</button></p>}
      {chosen && <CampaignPanel key={chosen.campaign.id} line={chosen} period={period} currency={report.value?.currency ?? ""} toggle={toggle} />}
    </>
  );
}

function order(text: string): [Key, boolean] {
  const descending = text.startsWith("-");
  const key = text.replace(/^-/, "") as Key;
  return KEYS.includes(key) ? [key, descending] : ["clicks", true];
}

/** Figures are read again while things happen, and only then. */
function useFigures(again: () => void): void {
  useEffect(() => {
    const totals = following(again, FIGURES_EVERY);
    const stop = watch(["clicks", "conversions"], (frame) => {
      if (frame.counts["clicks"] || frame.counts["changes"] || frame.resync) totals.poke();
    });
    return () => (stop(), totals.stop());
  }, []);
}
