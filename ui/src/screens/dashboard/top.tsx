/** Which campaigns lead today. */

import { useAsk } from "../../ask";
import { Amount, Share } from "../../parts/figure";
import { shown } from "../../parts/number";
import { type Column, Table } from "../../parts/table";
import { day, now } from "../../parts/time";
import { go, href } from "../../route";
import { me } from "../../session";
import { useAgain } from "./now";

interface Line {
  campaign: number;
  campaign_name: string;
  clicks: number;
  conversions: number;
  profit: number | null;
  cr: number | null;
}

const MOST = 7;

export function Top({ zone, turn }: { zone: string; turn: number }) {
  const today = day(now.value, zone);
  const asked = useAsk("reports.query", { group_by: ["campaign"], sort: "clicks", limit: MOST, from: today, to: today, timezone: zone });
  useAgain(asked.again, turn);
  const lines = (asked.value?.items ?? []) as unknown as Line[];
  const whole = Number(asked.value?.totals["clicks"] ?? 0);
  const columns: Column<Line>[] = [
    {
      key: "name", head: "Campaign",
      show: (line) => <a class="name" href={href(`/campaigns?open=${line.campaign}&range=today`)}>{line.campaign_name || `#${line.campaign}`}</a>,
    },
    {
      key: "clicks", head: "Clicks", figure: true,
      show: (line) => <Amount value={line.clicks} />,
    },
    {
      key: "share", head: "Share", help: "Of all clicks today", roomy: true,
      show: (line) => <Share part={line.clicks} whole={whole} said />,
    },
    { key: "conversions", head: "Conv.", help: "Conversions", figure: true, show: (line) => <Amount value={line.conversions} /> },
    { key: "cr", head: "CR", unit: "%", help: "Conversions per 100 clicks", figure: true, roomy: true, show: (line) => <Amount value={line.cr} shape="ratio" /> },
    ...(me.value?.sees_money === false ? [] : [{
      key: "profit", head: "Profit", unit: asked.value?.currency ?? "", figure: true,
      show: (line: Line) => <Amount value={line.profit} shape="money" loses />,
    }]),
  ]; // prettier-ignore
  return (
    <section aria-labelledby="top-title">
      <header class="head">
        <h2 id="top-title">Top campaigns today</h2>
        <span class="room" />
        {asked.value && asked.value.total > MOST && (
          <a href={href("/campaigns?range=today&sort=-clicks")}>All {shown(asked.value.total)}</a>
        )}
      </header>
      {asked.value && !lines.length ? (
        <p class="dim">No clicks yet today in {zone.replaceAll("_", " ")}.</p>
      ) : (
        <Table caption="Top campaigns today" columns={columns} rows={lines} keyOf={(line) => line.campaign} stale={!asked.value}
               onOpen={(line) => go(`/campaigns?open=${line.campaign}&range=today`)} />
      )}
      {asked.fault && <p class="wrong">{asked.fault.message}</p>}
    </section>
  );
}
