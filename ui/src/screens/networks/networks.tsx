/** Affiliate networks: where their postbacks go, what they brought, what is wrong; and the templates of their words. */

import { useEffect, useMemo } from "preact/hooks";
import type { Network, ShownFinding } from "../../api";
import { useAll } from "../../all";
import { following, useAsk } from "../../ask";
import { useToggle, type Toggle } from "../../editing";
import { offer } from "../../keys";
import { watch } from "../../live";
import { Amount } from "../../parts/figure";
import { type Options, Words } from "../../parts/form";
import { shown } from "../../parts/number";
import { Switch } from "../../parts/switch";
import { type Column, Table } from "../../parts/table";
import { usePicking } from "../../picking";
import { RANGES } from "../../range";
import { href, param, set } from "../../route";
import { may, me } from "../../session";
import { zone } from "../../zone";
import { ZoneChoice } from "../../zone-choice";
import { Doctor } from "../doctor/doctor";
import { useFindings } from "../doctor/findings";
import { usePeriod } from "../records/page";
import { NetworkEditor } from "./edit";
import { NoNetworks } from "./none";
import { NetworkPanel } from "./panel";
import { PresetPicker } from "./presets";
import { Templates } from "./templates";

/** A network with its figures of the period. */
export interface Line {
  network: Network;
  row: Record<string, unknown>;
  /** The report has come: who is not in it brought nothing. */
  known: boolean;
  findings: readonly ShownFinding[];
}

const FIGURES_EVERY = 5000;

export function Networks() {
  const of = param("of");
  return of === "templates" ? <Templates /> : of === "doctor" ? <Doctor /> : <NetworkList />;
}

export function Tabs() {
  const options: Options = [["", "Networks"], ...(may("templates.read") ? ([["templates", "Templates"]] as const) : []), ...(may("doctor.read") ? ([["doctor", "Doctor"]] as const) : [])];
  return <Words label="What is shown" value={param("of")} options={options} onPick={(of) => set({ of, open: null, edit: null, search: null })} />;
}

function NetworkList() {
  const { range, period } = usePeriod("7d");
  const all = useAll("networks");
  const report = useAsk("reports.query", { group_by: ["network"], limit: 1000, ...period, timezone: zone.value, metrics: ["clicks", "conversions", "revenue", "hold_revenue"] });
  useEffect(() => {
    const totals = following(report.again, FIGURES_EVERY);
    const stop = watch(["clicks", "conversions"], () => totals.poke());
    return () => (stop(), totals.stop());
  }, []);
  const doctor = useFindings();
  const text = param("search");
  const lines = useMemo(() => {
    const wanted = text.trim().toLowerCase();
    const rows = new Map((report.value?.items ?? []).map((row) => [row["network"], row]));
    return (all.value ?? [])
      .filter((network) => `${network.name} ${network.slug} ${network.id}`.toLowerCase().includes(wanted))
      .map((network): Line => ({ network, row: rows.get(network.id) ?? {}, known: Boolean(report.value), findings: (doctor.items ?? []).filter((each) => each.network_id === network.id) }))
      .sort((a, b) => a.network.name.localeCompare(b.network.name)); // prettier-ignore
  }, [all.value, report.value, doctor.items, text]);
  const open = Number(param("open")) || null;
  const chosen = all.value?.find((each) => each.id === open);
  const editing = param("edit");
  const [picked] = usePicking(lines, (line) => set({ open: String(line.network.id), edit: null }));
  const presets = useAsk("network_presets.list", editing === "new" || chosen?.preset ? {} : null);
  const toggle = useToggle("networks", all.put);
  const write = may("networks.write");
  useEffect(() => (write ? offer({ keys: "n", words: "New network", run: () => set({ open: null, edit: "new" }) }) : undefined), [write]);
  const saved = (network: Network): void => (all.put(network), set({ edit: null, open: String(network.id) }));
  return (
    <>
      <header class="head">
        <h1>Networks</h1>
        <span class="dim">{all.value && shown(lines.length)}</span>
        {write && <button type="button" class="main" onClick={() => set({ open: null, edit: "new" })}>New network</button>}
        <ZoneChoice />
      </header>
      <div class="tools" role="search">
        <Tabs />
        <Words label="Period" value={range} options={Object.entries(RANGES)} onPick={(word) => set({ range: word })} />
        <input type="search" aria-label="Filter by name or slug" placeholder="Name or slug" value={text} onInput={(event) => set({ search: event.currentTarget.value }, true)} />
      </div>
      {report.fault && <p class="wrong" role="alert">{report.fault.message}</p>}
      {all.value?.length === 0 ? (
        <NoNetworks />
      ) : (
        <Table caption="Affiliate networks and what they brought" columns={columns(report.value?.currency ?? "", toggle)} rows={lines} keyOf={(line) => line.network.id} open={open} onOpen={(line) => set({ open: String(line.network.id), edit: null })} picked={picked} stale={!all.value} quiet={(line) => line.network.status === "paused"} />
      )}
      {all.value && all.value.length > 0 && !lines.length && <p class="dim">No network is called that. <button type="button" class="link" onClick={() => set({ search: null })}>Show all</button></p>}
      {editing === "new" && <PresetPicker presets={presets.value} networks={all.value ?? []} saved={saved} onClose={() => set({ edit: null })} />}
      {editing === "own" && <NetworkEditor saved={saved} onClose={() => set({ edit: null })} />}
      {chosen && editing === "1" && <NetworkEditor key={chosen.revision} network={chosen} saved={saved} onClose={() => set({ edit: null })} />}
      {chosen && !editing && <NetworkPanel key={chosen.id} network={chosen} presets={presets.value} toggle={toggle} put={all.put} drop={all.drop} />}
    </>
  );
}

function columns(currency: string, toggle: Toggle<Network>): Column<Line>[] {
  const figure = (key: string) => (line: Line): number | null => (typeof line.row[key] === "number" ? (line.row[key] as number) : line.known && !(key in line.row) ? 0 : null);
  const money: Column<Line>[] = me.value?.sees_money === false ? [] : [
    { key: "revenue", head: "Revenue", unit: currency, figure: true, show: (line) => <Amount value={figure("revenue")(line)} shape="money" loses /> },
    { key: "hold", head: "On hold", unit: currency, figure: true, roomy: true, help: "Said, but not confirmed yet", show: (line) => <Amount value={figure("hold_revenue")(line)} shape="money" /> },
  ]; // prettier-ignore
  return [
    { key: "status", head: "On", help: "Whether its postbacks are taken", show: ({ network }) => <OnOff network={network} toggle={toggle} /> },
    { key: "name", head: "Name", show: ({ network, findings }) => <><a class="name" href={href(`/networks?open=${network.id}`)}>{network.name || network.slug} <small>{network.slug}</small></a>{findings.length > 0 && <small class="phone-line"><Faults of={findings} /></small>}</> },
    { key: "faults", head: "Doctor", roomy: true, help: "What is wrong with its postbacks", show: ({ findings }) => <Faults of={findings} /> },
    { key: "clicks", head: "Clicks", figure: true, roomy: true, show: (line) => <Amount value={figure("clicks")(line)} /> },
    { key: "conversions", head: "Conversions", figure: true, roomy: true, show: (line) => <Amount value={figure("conversions")(line)} /> },
    ...money,
  ];
}

function Faults({ of }: { of: readonly ShownFinding[] }) {
  if (!of.length) return <span class="zero">–</span>;
  const grave = of.some((each) => each.grave);
  return <span class={`state ${grave ? "loss" : "warned"}`} title={of.map((each) => each.fault).join("\n")}><i class={`dot ${grave ? "loss" : "warn"}`} aria-hidden="true" /> {of.length} fault{of.length === 1 ? "" : "s"}</span>;
}

export function OnOff({ network, toggle }: { network: Network; toggle: Toggle<Network> }) {
  const on = network.status === "active";
  if (!may("networks.write")) return <span class={on ? "" : "zero"}>{network.status}</span>;
  return <Switch on={on} label={`${network.name || network.slug} takes postbacks`} busy={toggle.busy.has(network.id)} onChange={(wanted) => toggle.run(network, wanted)} />;
}
