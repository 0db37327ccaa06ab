/** A subscription as a form: a campaign of the ad platform, narrowed or not. */

import { useState } from "preact/hooks";
import type { Api, Subscription } from "../../api";
import { attempt, patch, perform } from "../../editing";
import { Editor } from "../../parts/editor";
import { Choose, Text } from "../../parts/form";
import { note } from "../../parts/notes";
import { may } from "../../session";

const KEPT = ["campaign_id", "name", "network", "account", "traffic_source", "status"] as const;
type Draft = Pick<Subscription, (typeof KEPT)[number]>;
type Change = Api["subscriptions.change"]["request"];

const EMPTY: Draft = { campaign_id: "", name: "", network: "", account: "", traffic_source: "", status: "active" };
const WORDS: Readonly<Record<keyof Draft, string>> = { campaign_id: "campaign", name: "name", network: "network", account: "account", traffic_source: "traffic source", status: "status" };

interface Props {
  subscription?: Subscription;
  saved: (subscription: Subscription) => void;
  drop: (id: number) => void;
  onClose: () => void;
}

export function SubscriptionEditor({ subscription, saved, drop, onClose }: Props) {
  const before = subscription ? (Object.fromEntries(KEPT.map((key) => [key, subscription[key]])) as Draft) : EMPTY;
  const [draft, setDraft] = useState(before);
  const put = (made: Partial<Draft>): void => setDraft((held) => ({ ...held, ...made }));
  const changes = patch(before, draft);
  const save = () =>
    subscription
      ? attempt("subscriptions.change", { id: subscription.id, revision: subscription.revision, ...changes } as Change, (answer) => {
          saved(answer);
          note(`Campaign ${answer.campaign_id} is saved.`, () => void perform("subscriptions.change", { id: answer.id, revision: answer.revision, ...patch(draft, before) } as Change, saved));
        })
      : attempt("subscriptions.create", { ...draft, name: draft.name || draft.campaign_id } as Api["subscriptions.create"]["request"], (answer) => (saved(answer), note(`Events of campaign ${answer.campaign_id} are reported from now on.`)));
  const archive = (it: Subscription): void =>
    void perform("subscriptions.archive", { id: it.id, revision: it.revision }, (gone) => {
      drop(gone.id);
      onClose();
      note(`Campaign ${gone.campaign_id} is subscribed no more.`, () => void perform("subscriptions.restore", { id: gone.id }, saved));
    });
  return (
    <Editor title={subscription ? `Campaign ${subscription.campaign_id}` : "New subscription"} changed={Object.keys(changes).map((key) => WORDS[key as keyof Draft])} save={save} onClose={onClose} saveWords={subscription ? "Save" : "Subscribe"}>
      <Text label="Campaign id at the ad platform" path="campaign_id" mono value={draft.campaign_id} placeholder="120214170370120123" onText={(campaign_id) => put({ campaign_id: campaign_id.trim() })} />
      <Text label="Name, if any" path="name" value={draft.name} onText={(name) => put({ name })} />
      <h3>Only of</h3>
      <div class="fields">
        <Text label="Network" path="network" value={draft.network} placeholder="every" offers={["tonic", "crossroads", "sedo", "airfind", "medianet"]} onText={(network) => put({ network: network.trim().toLowerCase() })} />
        <Text label="Account there" path="account" value={draft.account} placeholder="every" onText={(account) => put({ account: account.trim() })} />
        <Text label="Traffic source" path="traffic_source" value={draft.traffic_source} placeholder="every" offers={["facebook", "tiktok", "taboola"]} onText={(source) => put({ traffic_source: source.trim().toLowerCase() })} />
      </div>
      <Choose label="Status" path="status" value={draft.status} options={[["active", "active"], ["paused", "paused"]]} onPick={(status) => put({ status: status as Draft["status"] })} class="short" />
      {subscription && may("subscriptions.write") && <p><button type="button" class="loses" onClick={() => archive(subscription)}>Archive</button></p>}
    </Editor>
  );
}
