/** All destinations: whether they take clicks, their health, their tightest cap, what they earn. */

import { useEffect, useMemo } from "preact/hooks";
import type { Destination } from "../../api";
import { useAll } from "../../all";
import { following, useAsk } from "../../ask";
import { useToggle } from "../../editing";
import { offer } from "../../keys";
import { watch } from "../../live";
import { Words } from "../../parts/form";
import { shown } from "../../parts/number";
import { Table } from "../../parts/table";
import { now } from "../../parts/time";
import { usePicking } from "../../picking";
import { days, isRange, type Range, RANGES } from "../../range";
import { param, set } from "../../route";
import { may, me } from "../../session";
import { zone } from "../../zone";
import { ZoneChoice } from "../../zone-choice";
import { columns, type Line, sorted } from "./columns";
import { DestinationEditor } from "./edit";
import { NoDestinations } from "./none";
import { DestinationPanel } from "./panel";
import { closed, useStates } from "./state";

const FIGURES_EVERY = 5000;

export function Destinations() {
  const range: Range = isRange(param("range")) ? (param("range") as Range) : "7d";
  const period = days(range, now.value, zone.value);
  const all = useAll("destinations");
  const states = useStates();
  const report = useAsk("reports.query", { group_by: ["destination"], limit: 1000, ...period, timezone: zone.value });
  useEffect(() => {
    const totals = following(report.again, FIGURES_EVERY);
    const stop = watch(["clicks", "conversions"], () => totals.poke());
    return () => (stop(), totals.stop());
  }, []);
  const [text, only] = [param("search"), param("only")];
  const [descending, key] = [param("sort", "-clicks").startsWith("-"), param("sort", "-clicks").replace(/^-/, "")];
  const rows = new Map((report.value?.items ?? []).map((row) => [row["destination"], row]));
  const made = (destination: Destination): Line => {
    const caps = states.caps.get(destination.id) ?? [];
    const health = states.health.get(destination.id);
    return { destination, caps, health, closed: closed(destination, health, caps), row: rows.get(destination.id) ?? {} };
  };
  const found = useMemo(() => {
    const wanted = text.trim().toLowerCase();
    const lines = (all.value ?? []).map(made).filter((line) => `${line.destination.name} ${line.destination.url} ${line.destination.id}`.toLowerCase().includes(wanted));
    return sorted(lines.filter((line) => !only || (only === "closed") === Boolean(line.closed)), key, descending);
  }, [all.value, states.health, states.caps, report.value, text, only, key, descending]);
  const open = Number(param("open")) || null;
  const chosen = all.value?.find((each) => each.id === open);
  const [picked, pick] = usePicking(found, (line) => set({ open: String(line.destination.id) }));
  const toggle = useToggle("destinations", all.put);
  const editing = param("edit");
  const write = may("destinations.write");
  useEffect(() => (write ? offer({ keys: "n", words: "New destination", run: () => set({ open: null, edit: "new" }) }) : undefined), [write]);
  const saved = (destination: Destination): void => {
    all.put(destination);
    states.again();
    set({ edit: null, open: String(destination.id) });
  };
  return (
    <>
      <header class="head">
        <h1>Destinations</h1>
        <span class="dim">{all.value && shown(found.length)}{all.value && found.length !== all.value.length && ` of ${shown(all.value.length)}`}</span>
        {write && <button type="button" class="main" onClick={() => set({ open: null, edit: "new" })}>New destination</button>}
        <ZoneChoice />
      </header>
      <div class="tools" role="search">
        <Words label="Period" value={range} options={Object.entries(RANGES)} onPick={(word) => set({ range: word })} />
        <input type="search" aria-label="Filter by name or URL" placeholder="Name or URL" value={text}
               onInput={(event) => (set({ search: event.currentTarget.value }, true), pick(-1))} />
        <Words label="State" value={only} options={[["", "All"], ["open", "Open"], ["closed", "Closed"]]} onPick={(word) => set({ only: word })} />
      </div>
      {(report.fault?.message ?? states.fault) && <p class="wrong" role="alert">{report.fault?.message ?? states.fault}</p>}
      {all.value?.length === 0 ? (
        <NoDestinations />
      ) : (
        <Table caption="Destinations, their health, caps and figures" rows={found} keyOf={(line) => line.destination.id}
               columns={columns({ currency: report.value?.currency ?? "", money: me.value?.sees_money !== false, toggle })}
               sort={{ key, descending }} onSort={(sort) => set({ sort: `${sort.descending ? "-" : ""}${sort.key}` })}
               open={open} onOpen={(line) => set({ open: String(line.destination.id), edit: null })} picked={picked}
               stale={!all.value || (report.busy && !report.value)} quiet={(line) => line.destination.status === "paused"} />
      )}
      {all.value && all.value.length > 0 && !found.length && <p class="dim">No destination is like that. <button type="button" class="link" onClick={() => set({ search: null, only: null })}>Show all</button></p>}
      {editing === "new" && <DestinationEditor all={all.value ?? []} saved={saved} onClose={() => set({ edit: null })} />}
      {chosen && editing === "1" && <DestinationEditor key={chosen.revision} destination={chosen} all={all.value ?? []} saved={saved} onClose={() => set({ edit: null })} />}
      {chosen && !editing && <DestinationPanel key={chosen.id} line={made(chosen)} states={states} all={all.value ?? []} toggle={toggle} />}
    </>
  );
}
