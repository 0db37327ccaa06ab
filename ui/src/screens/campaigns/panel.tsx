/** One campaign beside the list: its figures, its link, where its clicks go. */

import type { Campaign, Stream } from "../../api";
import { useAsk } from "../../ask";
import type { Toggle } from "../../editing";
import { nameOf } from "../../names";
import { Copy } from "../../parts/copy";
import { Amount, Figure, Share } from "../../parts/figure";
import { shown } from "../../parts/number";
import { Panel } from "../../parts/panel";
import { href, set } from "../../route";
import { me } from "../../session";
import { zone } from "../../zone";
import { OnOff } from "./columns";
import { inOrder, whom } from "../routing/sentence";
import { Findings, useFindings } from "../doctor/findings";
import type { Line } from "./lines";
import { postbackCurl, trackedLink } from "./links";

interface Props {
  line: Line;
  period: { from: string; to: string };
  currency: string;
  toggle: Toggle<Campaign>;
}

export function CampaignPanel({ line, period, currency, toggle }: Props) {
  const { campaign } = line;
  const about = useAsk("system.about", {});
  const streams = useAsk("streams.list", { campaign_id: campaign.id, limit: 200 });
  const report = useAsk("reports.query", {
    group_by: ["stream", "destination"], filters: { campaign: [campaign.id] } as never, ...period, timezone: zone.value, limit: 1000,
  }); // prettier-ignore
  const warnings = useAsk("campaigns.warnings", { id: campaign.id });
  const networks = useAsk("networks.list", { limit: 1 });
  const network = (networks.value?.items as { slug: string }[] | undefined)?.[0]?.slug ?? "NETWORK";
  const doctor = useFindings({ campaign_id: campaign.id });
  const origin = about.value?.public;
  const money = me.value?.sees_money !== false;
  return (
    <Panel title={campaign.name || campaign.slug} onClose={() => set({ open: null })}>
      <p class="row">
        <OnOff line={line} toggle={toggle} />
        <span class="dim">{campaign.status === "active" ? "Takes clicks" : "Paused: clicks go to the trafficback"} · #{campaign.id} · revision {campaign.revision}</span>
      </p>
      {warnings.value?.items.map((each) => <p key={each.stream_id} class="warned">{each.message}</p>)}
      <Findings found={doctor} />
      <dl class="grid">
        <Figure name="Clicks" value={line.clicks} />
        <Figure name="Conversions" value={line.conversions} />
        <Figure name="CR" unit="%" value={line.cr} shape="ratio" />
        {money && <Figure name="Revenue" unit={currency} value={line.revenue} shape="money" />}
        {money && <Figure name="Cost" unit={currency} value={line.cost} shape="money" />}
        {money && <Figure name="Profit" unit={currency} value={line.profit} shape="money" loses />}
        {money && <Figure name="ROI" unit="%" value={line.roi} shape="percent" loses />}
        {money && <Figure name="EPC" unit={currency} value={line.epc} shape="fine" />}
      </dl>
      <h3>Tracked link</h3>
      {origin && <Copy text={trackedLink(origin, campaign)} label="the tracked link" />}
      <h3>Postback</h3>
      {origin && <Copy text={postbackCurl(origin, network, "CLICK_ID")} label="the postback" />}
      <h3>Streams, in the order in which they are tried</h3>
      <p><a href={href(`/campaigns/${campaign.id}`)}>Edit the streams, see what a click would become</a></p>
      <Streams streams={(streams.value?.items ?? []) as Stream[]} rows={report.value?.items ?? []} clicks={line.clicks} known={Boolean(streams.value)} />
    </Panel>
  );
}

interface Given {
  streams: readonly Stream[];
  rows: readonly Record<string, unknown>[];
  clicks: number;
  known: boolean;
}

function Streams({ streams, rows, clicks, known }: Given) {
  if (known && !streams.length) return <p class="dim">None yet, so every click goes to the trafficback.</p>;
  const ordered = inOrder(streams);
  const count = (stream: number, destination?: number): number =>
    rows.reduce((sum, row) => (row["stream"] === stream && (destination === undefined || row["destination"] === destination) ? sum + Number(row["clicks"]) : sum), 0);
  return (
    <ol class="streams">
      {ordered.map((stream) => (
        <li key={stream.id} class={stream.status === "paused" ? "quiet" : undefined}>
          <p class="row">
            <strong>{stream.name || `Stream ${stream.id}`}</strong>
            {stream.status === "paused" && <span class="tag">paused</span>}
            <span class="room" />
            <Amount value={count(stream.id)} /> <span class="dim">clicks</span>
          </p>
          <p class="dim">{whom(stream.rules, (id) => nameOf("lists", id))}</p>
          {stream.targets.map((target) => (
            <Goal key={target.destination_id} id={target.destination_id} weight={target.weight} all={stream.targets} clicks={count(stream.id, target.destination_id)} whole={clicks} />
          ))}
        </li>
      ))}
    </ol>
  );
}

function Goal({ id, weight, all, clicks, whole }: { id: number; weight: number; all: Stream["targets"]; clicks: number; whole: number }) {
  const weights = all.reduce((sum, each) => sum + each.weight, 0);
  return (
    <p class="goal">
      <span class="c-name">{nameOf("destinations", id)}</span>
      <span class="dim">{weights ? shown((weight / weights) * 100) : "0"} %</span>
      <Share part={clicks} whole={whole} />
      <Amount value={clicks} />
    </p>
  );
}
