/** What holds for a whole campaign: its names, how streams rotate, whom it remembers, its trafficback, its source. */

import { useState } from "preact/hooks";
import type { Campaign, Source } from "../../api";
import { useAll } from "../../all";
import { attempt, patch } from "../../editing";
import { Editor } from "../../parts/editor";
import { Choose, Text, Tick, Whole } from "../../parts/form";
import { note } from "../../parts/notes";
import { href } from "../../route";
import { may } from "../../session";
import { costed } from "../routing/sentence";

type Draft = Omit<Campaign, "id" | "revision" | "archived" | "owner_id" | "public_id" | "status">;

const WORDS: Readonly<Record<keyof Draft, string>> = {
  name: "name", slug: "slug", source_id: "source", currency: "currency", trafficback_url: "trafficback", rotation: "rotation",
  sticky: "returning visitors", sticky_hours: "how long they stay", uniqueness: "who is new", click_cookie_days: "cookie of the click", secret: "secret",
}; // prettier-ignore

function draftOf({ name, slug, source_id, currency, trafficback_url, rotation, sticky, sticky_hours, uniqueness, click_cookie_days, secret }: Draft): Draft {
  return { name, slug, source_id, currency, trafficback_url, rotation, sticky, sticky_hours, uniqueness, click_cookie_days, secret };
}

export function CampaignSettings({ campaign, saved, onClose }: { campaign: Campaign; saved: (campaign: Campaign) => void; onClose: () => void }) {
  const [before] = useState(draftOf(campaign));
  const [draft, setDraft] = useState(before);
  const sources = useAll("sources", may("sources.read") ? {} : false);
  const changes = patch(before, draft);
  const put = (made: Partial<Draft>): void => setDraft((held) => ({ ...held, ...made }));
  const save = () =>
    attempt("campaigns.change", { id: campaign.id, revision: campaign.revision, ...changes }, (answer) => {
      saved(answer);
      const back = patch(draftOf(answer), before);
      note(`${answer.name || answer.slug} is saved.`, () => void attempt("campaigns.change", { id: answer.id, revision: answer.revision, ...back }, saved));
    });
  const source = sources.value?.find((each) => each.id === draft.source_id);
  const { uniqueness } = draft;
  return (
    <Editor title="Campaign settings" wide changed={Object.keys(changes).map((key) => WORDS[key as keyof Draft])} save={save} onClose={onClose}>
      <div class="fields">
        <Text label="Name" path="name" value={draft.name} onText={(name) => put({ name })} />
        <Text label="Slug" path="slug" mono value={draft.slug} hint="Links with the old one stop working" onText={(slug) => put({ slug: slug.trim() })} />
      </div>
      <div class="fields">
        <Choose label="Traffic source" path="source_id" value={String(draft.source_id ?? "")} options={[["", "none"], ...(sources.value ?? []).map((each) => [String(each.id), each.name || `#${each.id}`] as const)]}
                onPick={(id) => put({ source_id: Number(id) || null })} />
        <Text label="Currency of costs" path="currency" value={draft.currency} placeholder={source?.currency || "the appliance's"} onText={(text) => put({ currency: text.trim().toUpperCase() })} class="short" />
      </div>
      <Cost source={source} currency={draft.currency} />
      <h3>Streams</h3>
      <Choose label="Regular streams that match are" path="rotation" value={draft.rotation} options={[["position", "tried in order: the first takes the click"], ["weight", "drawn by their weights"]]} onPick={(rotation) => put({ rotation: rotation as Draft["rotation"] })} />
      <div class="fields">
        <Choose label="A visitor who returns" path="sticky" value={draft.sticky} options={[["none", "is decided anew"], ["stream", "stays on his stream"], ["destination", "stays on his destination"]]} onPick={(sticky) => put({ sticky: sticky as Draft["sticky"] })} />
        {draft.sticky !== "none" && <Whole label="For" unit="h" path="sticky_hours" value={draft.sticky_hours} onNumber={(sticky_hours) => put({ sticky_hours })} class="short" />}
      </div>
      <h3>Who is a new visitor</h3>
      <div class="fields">
        <Choose label="Known by" path="uniqueness.by" value={uniqueness.by ?? "address_agent"} options={[["address_agent", "address and user agent"], ["address", "address"], ["cookie", "cookie"]]}
                onPick={(by) => put({ uniqueness: { ...uniqueness, by: by as "cookie" } })} />
        <Whole label="Within" unit="h" path="uniqueness.window_hours" value={uniqueness.window_hours ?? 24} onNumber={(window_hours) => put({ uniqueness: { ...uniqueness, window_hours } })} class="short" />
      </div>
      <Tick label="Find out for every click" hint="else only where a rule asks; reports count new visitors then" on={uniqueness.every_click ?? false} onTick={(every_click) => put({ uniqueness: { ...uniqueness, every_click } })} />
      <h3>Sales on pages without postbacks</h3>
      <Tick label="Keep a visitor's click in a cookie" hint="the conversion pixel and script know his click by it; some countries want him to be asked" on={draft.click_cookie_days > 0} onTick={(on) => put({ click_cookie_days: on ? 30 : 0 })} />
      {draft.click_cookie_days > 0 && <Whole label="For" unit="days" path="click_cookie_days" value={draft.click_cookie_days} onNumber={(click_cookie_days) => put({ click_cookie_days })} class="short" />}
      <h3>Elsewhere</h3>
      <Text label="Trafficback: clicks that no stream takes" path="trafficback_url" mono value={draft.trafficback_url} placeholder="the appliance's" onText={(url) => put({ trafficback_url: url.trim() })} />
      <Text label="Secret of the click API" path="secret" mono value={draft.secret} placeholder="none: POST /api/click is closed" hint="16 characters at least; callers of POST /api/click prove themselves with it" onText={(secret) => put({ secret: secret.trim() })} />
    </Editor>
  );
}

function Cost({ source, currency }: { source: Source | undefined; currency: string }) {
  if (!source) return <small class="dim">Without a source a click costs what the link's cost parameter says.</small>;
  return (
    <small class="dim">
      A click costs {costed(source.cost_model, source.currency || currency)}. That is the source's: <a href={href(`/sources?open=${source.id}`)}>change it there</a>.
    </small>
  );
}
