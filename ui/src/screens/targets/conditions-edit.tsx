/** Which conversions a target hears of: what is left empty holds for all. The sentence says what that comes to. */

import { useAll } from "../../all";
import { Choose, Text, useWrong, Whole } from "../../parts/form";
import { Several } from "../../parts/several";
import { Values } from "../../parts/values";
import { may } from "../../session";
import type { Draft, Put } from "./edit";
import { sentence, STATUSES } from "./words";

export function ConditionsEdit({ draft, put }: { draft: Draft; put: Put }) {
  const sources = useAll("sources", may("sources.read") ? {} : false);
  const campaigns = useAll("campaigns", may("campaigns.read") ? {} : false);
  const networks = useAll("networks", may("networks.read") ? {} : false);
  const named = (all: readonly { id: number; name: string }[] | undefined) => (all ?? []).map(({ id, name }) => [id, name || `#${id}`] as const);
  return (
    <>
      <Statuses chosen={draft.statuses} onChosen={(statuses) => put({ statuses })} />
      <div class="fields">
        <Choose label="Of clicks from" path="source_id" value={String(draft.source_id ?? "")} options={[["", "every source"], ...named(sources.value).map(([id, name]) => [String(id), name] as const)]} onPick={(id) => put({ source_id: Number(id) || null })} />
        <Choose label="How often" path="on" value={draft.on} options={[["created", "once each"], ["status", "at each change of status"], ["payout", "also at changes of payout"]]} onPick={(on) => put({ on: on as Draft["on"] })} />
      </div>
      <div class="fields">
        <Several label="In the campaigns" path="campaign_ids" none="Every campaign" all={named(campaigns.value)} chosen={draft.campaign_ids} onChosen={(campaign_ids) => put({ campaign_ids })} />
        <Several label="By the networks" path="network_ids" none="Every network" all={named(networks.value)} chosen={draft.network_ids} onChosen={(network_ids) => put({ network_ids })} />
      </div>
      <div class="item">
        <span class="dim" aria-hidden="true">Of the types</span>
        <Values label="Of the types" path="types" values={draft.types} placeholder="every type; or purchase, deposit …" onValues={(types) => put({ types })} />
      </div>
      <div class="fields">
        <Text label="Payout at least" path="min_payout" numeric value={draft.min_payout} placeholder="any" onText={(text) => put({ min_payout: text.trim() })} />
        <Text label="Payout at most" path="max_payout" numeric value={draft.max_payout} placeholder="any" onText={(text) => put({ max_payout: text.trim() })} />
        <Whole label="Share that is told" path="share" unit="%" value={draft.share} onNumber={(share) => put({ share })} />
        <Whole label="Payout that is told" path="payout_scale" unit="%" value={draft.payout_scale} onNumber={(payout_scale) => put({ payout_scale })} />
      </div>
      <p class="means"><b>{sentence(draft)}</b></p>
    </>
  );
}

function Statuses({ chosen, onChosen }: { chosen: readonly string[]; onChosen: (statuses: string[]) => void }) {
  const wrong = useWrong("statuses");
  return (
    <div class="item">
      <span class="dim" aria-hidden="true">With the status</span>
      <div class="chips" role="group" aria-label="With the status">
        {STATUSES.map((each) => {
          const on = chosen.includes(each);
          return <button key={each} type="button" class="chip" aria-pressed={on} onClick={() => onChosen(on ? chosen.filter((one) => one !== each) : STATUSES.filter((one) => one === each || chosen.includes(one)))}>{each}</button>;
        })}
        {!chosen.length && <small>none chosen: whatever the status</small>}
      </div>
      {wrong && <span class="wrong">{wrong}</span>}
    </div>
  );
}
