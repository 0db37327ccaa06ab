/** One campaign: its streams in the order in which they are tried, and what a click would become. */

import { useEffect } from "preact/hooks";
import type { Stream } from "../../api";
import { useAll } from "../../all";
import { following, useAsk } from "../../ask";
import { perform, useToggle } from "../../editing";
import { offer } from "../../keys";
import { watch } from "../../live";
import { Copy } from "../../parts/copy";
import { note } from "../../parts/notes";
import { shown } from "../../parts/number";
import { Switch } from "../../parts/switch";
import { now } from "../../parts/time";
import { days } from "../../range";
import { go, href, param, path, set } from "../../route";
import { may } from "../../session";
import { zone } from "../../zone";
import { ZoneChoice } from "../../zone-choice";
import { trackedLink } from "../campaigns/links";
import { inOrder } from "../routing/sentence";
import { useKnown } from "./known";
import { CampaignSettings } from "./settings";
import { Simulate } from "./simulate";
import { StreamEditor } from "./stream-edit";
import { Streams } from "./streams";

const FIGURES_EVERY = 5000;

export function Campaign() {
  const id = Number(path.value.split("/")[2]);
  return <Opened key={id} id={id} />;
}

function Opened({ id }: { id: number }) {
  const asked = useAsk("campaigns.get", { id });
  const streams = useAll("streams", { campaign_id: id });
  const known = useKnown(id);
  const period = days("7d", now.value, zone.value);
  const report = useAsk("reports.query", { group_by: ["stream", "destination"], filters: { campaign: [id] }, ...period, timezone: zone.value, limit: 1000 });
  useEffect(() => {
    const totals = following(report.again, FIGURES_EVERY);
    const stop = watch(["clicks"], () => totals.poke());
    return () => (stop(), totals.stop());
  }, []);
  const write = may("streams.write");
  useEffect(() => (write ? offer({ keys: "n", words: "New stream", run: () => set({ stream: "new" }) }, { keys: "e", words: "Edit the campaign", run: () => set({ settings: "1" }) }) : undefined), [write]);
  const campaign = asked.value;
  const toggle = useToggle("campaigns", () => asked.again());
  useEffect(() => {
    if (campaign) document.title = `${campaign.name || campaign.slug} · Weir`;
  }, [campaign?.name]);
  if (!campaign) return <Missing fault={asked.fault?.message} />;
  const open = param("stream");
  const ordered = inOrder(streams.value ?? []);
  const edited = ordered.find((each) => String(each.id) === open);
  const saved = (stream: Stream): void => {
    streams.put(stream);
    known.again();
    set({ stream: null });
  };
  return (
    <>
      <header class="head">
        <h1><a href={href("/campaigns")}>Campaigns</a> <span class="dim" aria-hidden="true">/</span> {campaign.name || campaign.slug}</h1>
        {may("campaigns.write") && <Switch on={campaign.status === "active"} label={`${campaign.name || campaign.slug} takes clicks`} busy={toggle.busy.has(id)} onChange={(on) => toggle.run(campaign, on)} />}
        <span class={campaign.status === "active" ? "dim" : "warned"}>{campaign.status === "active" ? `#${id}, revision ${campaign.revision}` : "Paused: its clicks go to the trafficback"}</span>
        {may("campaigns.write") && <button type="button" onClick={() => set({ settings: "1" })}>Settings</button>}
        <ZoneChoice />
      </header>
      {known.origin && <Copy text={trackedLink(known.origin, campaign)} label="the tracked link" />}
      <div class="workbench">
        <section aria-labelledby="streams-title">
          <header class="head">
            <h2 id="streams-title">Streams</h2>
            <span class="dim">{campaign.rotation === "weight" ? "regular ones are drawn by weight" : "the first that matches takes the click"}; clicks of 7 days</span>
            <span class="room" />
            {write && <button type="button" class="main" onClick={() => set({ stream: "new" })}>New stream</button>}
          </header>
          {report.fault && <p class="wrong" role="alert">{report.fault.message}</p>}
          <Streams campaign={campaign} ordered={ordered} loaded={Boolean(streams.value)} known={known} rows={report.value?.items ?? []} open={open} put={streams.put} />
        </section>
        <aside class="beside" aria-labelledby="simulate-title">
          <h2 id="simulate-title">What would happen to a click?</h2>
          <p class="dim">Decided by the code that decides clicks; nothing is recorded. Revision {shown(campaign.revision)} of the campaign, and what is closed now.</p>
          {!open && streams.value && <Simulate key={ordered.map((each) => each.revision).join()} campaign={campaign} />}
        </aside>
      </div>
      {streams.value && (open === "new" || edited) && (
        <StreamEditor key={open} campaign={campaign} {...(edited ? { stream: edited } : {})} streams={ordered} known={known} saved={saved} onClose={() => set({ stream: null })} />
      )}
      {param("settings") && <CampaignSettings campaign={campaign} saved={(made) => (asked.again(), set({ settings: null }), made.id !== id && go(`/campaigns/${made.id}`))} onClose={() => set({ settings: null })} />}
    </>
  );
}

function Missing({ fault }: { fault: string | undefined }) {
  return fault ? <section class="teach"><h1>No such campaign</h1><p class="wrong" role="alert">{fault}</p><p><a href={href("/campaigns")}>All campaigns</a></p></section> : <h1 class="unseen">Campaign</h1>;
}

export async function duplicated(stream: Stream, put: (stream: Stream) => void): Promise<void> {
  await perform("streams.duplicate", { id: stream.id, name: `${stream.name || `Stream ${stream.id}`}, copy`, position: stream.position + 1, status: "paused" }, (answer) => {
    put(answer);
    note(`${answer.name} is made, paused.`);
  });
}
