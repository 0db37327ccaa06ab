/** The columns of the list of campaigns. */

import type { Campaign } from "../../api";
import type { Toggle } from "../../editing";
import { Amount } from "../../parts/figure";
import type { Shape } from "../../parts/number";
import { Switch } from "../../parts/switch";
import type { Column } from "../../parts/table";
import { href, params } from "../../route";
import { may } from "../../session";
import type { Figures, Line } from "./lines";

interface Given {
  currency: string;
  totals: Figures;
  money: boolean;
  toggle: Toggle<Campaign>;
}

type Made = [key: keyof Figures, head: string, unit: string, shape: Shape, help: string, roomy?: boolean];

export function columns({ currency, totals, money, toggle }: Given): Column<Line>[] {
  const counts: Made[] = [
    ["clicks", "Clicks", "", "count", "Clicks that count: no prefetch, no HEAD"],
    ["conversions", "Conv.", "", "count", "Conversions", money],
    ["cr", "CR", "%", "ratio", "Conversions per 100 clicks", true],
  ];
  const amounts: Made[] = [
    ["revenue", "Revenue", currency, "money", "Approved payouts", true],
    ["cost", "Cost", currency, "money", "Cost of the clicks and its corrections", true],
    ["profit", "Profit", currency, "money", "Revenue − cost"],
    ["roi", "ROI", "%", "percent", "Profit per 100 of cost", true],
    ["epc", "EPC", currency, "fine", "Revenue per click", true],
  ];
  const figures = [...counts, ...(money ? amounts : [])].map(
    ([key, head, unit, shape, help, roomy]): Column<Line> => ({
      key, head, unit, help, figure: true, sortable: true, roomy: Boolean(roomy),
      show: (line) => <Amount value={line[key]} shape={shape} loses={key === "profit" || key === "roi"} />,
      total: <Amount value={totals[key]} shape={shape} loses={key === "profit" || key === "roi"} />,
    }),
  ); // prettier-ignore
  return [
    { key: "status", head: "On", sortable: true, help: "Whether clicks are routed", show: (line) => <OnOff line={line} toggle={toggle} />, total: "" },
    { key: "name", head: "Name", sortable: true, show: (line) => <Name line={line} />, total: "Total" },
    ...figures,
  ];
}

export function OnOff({ line: { campaign }, toggle }: { line: Pick<Line, "campaign">; toggle: Toggle<Campaign> }) {
  const on = campaign.status === "active";
  const name = campaign.name || campaign.slug;
  if (!may("campaigns.write")) return <span class={on ? "" : "zero"}>{campaign.status}</span>;
  return (
    <Switch on={on} label={`${name} takes clicks`} busy={toggle.busy.has(campaign.id)} onChange={(wanted) => toggle.run(campaign, wanted)} />
  );
}

function Name({ line: { campaign } }: { line: Line }) {
  const wanted = new URLSearchParams(params.value);
  wanted.set("open", String(campaign.id));
  return (
    <a class="name" href={href(`/campaigns?${wanted}`)}>
      {campaign.name || campaign.slug} <small>{campaign.slug}</small>
    </a>
  );
}
