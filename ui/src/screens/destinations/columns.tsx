/** The columns of the list of destinations. */

import type { CapReport, Destination, Health } from "../../api";
import type { Toggle } from "../../editing";
import { Amount } from "../../parts/figure";
import { type Shape, shown } from "../../parts/number";
import { Switch } from "../../parts/switch";
import type { Column } from "../../parts/table";
import { href, params } from "../../route";
import { may } from "../../session";
import { Meter } from "./caps";
import { State } from "./health";
import { amounts, tightest } from "./state";

export interface Line {
  destination: Destination;
  health: Health | undefined;
  caps: readonly CapReport[];
  /** Why it takes no clicks; "" when it does. */
  closed: string;
  row: Record<string, unknown>;
}

interface Given {
  currency: string;
  money: boolean;
  toggle: Toggle<Destination>;
}

type Made = [key: string, head: string, unit: string, shape: Shape, roomy: boolean];

export function columns({ currency, money, toggle }: Given): Column<Line>[] {
  const counts: Made[] = [["clicks", "Clicks", "", "count", false], ["conversions", "Conv.", "", "count", true], ["cr", "CR", "%", "ratio", true]];
  const amounts: Made[] = [["revenue", "Revenue", currency, "money", true], ["profit", "Profit", currency, "money", true], ["epc", "EPC", currency, "fine", true]];
  return [
    { key: "status", head: "On", sortable: true, help: "Whether it is offered clicks", show: (line) => <OnOff line={line} toggle={toggle} /> },
    { key: "name", head: "Name", sortable: true, show: (line) => <Name line={line} /> },
    { key: "health", head: "Health", sortable: true, roomy: true, help: "What its probe found", show: (line) => <State destination={line.destination} health={line.health} brief /> },
    { key: "cap", head: "Tightest cap", sortable: true, help: "The cap that is nearest to its limit", show: (line) => <Tightest caps={line.caps} /> },
    ...[...counts, ...(money ? amounts : [])].map(([key, head, unit, shape, roomy]): Column<Line> => ({
      key, head, unit, roomy, figure: true, sortable: true,
      show: (line) => <Amount value={figure(line, key)} shape={shape} loses={key === "profit"} />,
    })),
  ]; // prettier-ignore
}

function figure(line: Line, key: string): number | null {
  const value = line.row[key];
  return typeof value === "number" ? value : key === "clicks" || key === "conversions" ? 0 : null;
}

export function OnOff({ line: { destination }, toggle }: { line: Pick<Line, "destination">; toggle: Toggle<Destination> }) {
  const on = destination.status === "active";
  if (!may("destinations.write")) return <span class={on ? "" : "zero"}>{destination.status}</span>;
  return <Switch on={on} label={`${destination.name} takes clicks`} busy={toggle.busy.has(destination.id)} onChange={(wanted) => toggle.run(destination, wanted)} />;
}

function Name({ line: { destination, closed, health } }: { line: Line }) {
  const wanted = new URLSearchParams(params.value);
  wanted.set("open", String(destination.id));
  wanted.delete("edit");
  const ill = destination.probe && health?.state === "unhealthy";
  return (
    <>
      <a class="name" href={href(`/destinations?${wanted}`)}>
        {destination.name || `Destination ${destination.id}`} <small class="roomy">{destination.url.replace(/^https?:\/\//, "")}</small>
      </a>
      {closed && <small class={`phone-line ${ill ? "loss" : "warned"}`}>{closed}</small>}
    </>
  );
}

function Tightest({ caps }: { caps: readonly CapReport[] }) {
  const cap = tightest(caps);
  if (!cap) return <span class="zero">–</span>;
  const { used, limit, money } = amounts(cap);
  const shape = money ? "money" : "count";
  return (
    <span class="tight" title={`${cap.metric}; ${caps.length} caps in all`}>
      <Meter cap={cap} brief label={`${shown(used, shape)} of ${shown(limit, shape)} ${cap.metric}`} />
      <span class={cap.reached ? "loss" : undefined}>{shown(used, shape)}<span class="dim"> / {shown(limit, shape)}<span class="roomy"> {cap.metric}</span></span></span>
    </span>
  );
}

const STATES = ["unhealthy", "unknown", "healthy"];

export function sorted(all: readonly Line[], key: string, descending: boolean): Line[] {
  const sign = descending ? -1 : 1;
  const value = (line: Line): string | number => {
    if (key === "name") return line.destination.name.toLowerCase();
    if (key === "status") return line.destination.status;
    if (key === "health") return line.destination.probe ? STATES.indexOf(line.health?.state ?? "unknown") : STATES.length;
    const cap = tightest(line.caps);
    if (key === "cap") return cap ? (cap.reached ? 2 : cap.used / (cap.limit || 1)) : -1;
    return figure(line, key) ?? Number.NEGATIVE_INFINITY;
  };
  return [...all].sort((a, b) => {
    const [x, y] = [value(a), value(b)];
    return x === y ? a.destination.id - b.destination.id : (x < y ? -1 : 1) * sign;
  });
}
