/** A pixel as a form: where its events go, which conversions it reports, and as which events. */

import { useState } from "preact/hooks";
import type { AdAccount, Api, Pixel } from "../../api";
import { useAll } from "../../all";
import { useAsk } from "../../ask";
import { attempt, patch, perform } from "../../editing";
import { Editor } from "../../parts/editor";
import { Choose, Text } from "../../parts/form";
import { note } from "../../parts/notes";
import { Several } from "../../parts/several";
import { Values } from "../../parts/values";
import { param } from "../../route";
import { may } from "../../session";
import { STATUSES } from "../targets/words";
import { MappingEdit } from "./mapping-edit";
import { Preview } from "./preview";
import { StatusChips } from "./status-chips";
import { known, nameOfPixel, ofTests, sentence, titleOf } from "./words";

const KEPT = ["name", "ad_account_id", "code", "test_code", "page_url", "statuses", "types", "source_ids", "campaign_ids", "network_ids", "mapping"] as const;
export type Draft = Pick<Pixel, (typeof KEPT)[number]>;
type Change = Api["pixels.change"]["request"];

const WORDS: Readonly<Record<keyof Draft, string>> = {
  name: "name", ad_account_id: "account", code: "code", test_code: "test code", page_url: "page", statuses: "statuses", types: "types", source_ids: "sources", campaign_ids: "campaigns", network_ids: "networks", mapping: "events",
}; // prettier-ignore

function draftOf(pixel: Pixel): Draft {
  return Object.fromEntries(KEPT.map((key) => [key, pixel[key]])) as Draft;
}

interface Props {
  pixel?: Pixel;
  accounts: readonly AdAccount[];
  saved: (pixel: Pixel) => void;
  onClose: () => void;
}

export function PixelEditor({ pixel, accounts, saved, onClose }: Props) {
  const first = Number(param("account")) || accounts[0]?.id || 0;
  const empty: Draft = { name: "", ad_account_id: first, code: "", test_code: "", page_url: "", statuses: ["sale", "lead"], types: [], source_ids: [], campaign_ids: [], network_ids: [], mapping: [] };
  const before = pixel ? draftOf(pixel) : empty;
  const [draft, setDraft] = useState(before);
  const put = (made: Partial<Draft>): void => setDraft((held) => ({ ...held, ...made }));
  const changes = patch(before, draft);
  const account = accounts.find((each) => each.id === draft.ad_account_id);
  const platform = known(account?.platform ?? "");
  const tests = useAsk("ad_accounts.platforms", {}).value?.items.find((each) => each.name === account?.platform)?.tests;
  const save = () =>
    pixel
      ? attempt("pixels.change", { id: pixel.id, revision: pixel.revision, ...changes } as Change, (answer) => {
          saved(answer);
          note(`${nameOfPixel(answer)} is saved.`, () => void perform("pixels.change", { id: answer.id, revision: answer.revision, ...patch(draftOf(answer), before) } as Change, saved));
        })
      : attempt("pixels.create", draft as Api["pixels.create"]["request"], (answer) => (saved(answer), note(`${nameOfPixel(answer)} is made.`)));
  return (
    <Editor title={pixel ? `Edit ${nameOfPixel(pixel)}` : "New pixel"} wide changed={Object.keys(changes).map((key) => WORDS[key as keyof Draft])} save={save} onClose={onClose} saveWords={pixel ? "Save" : "Make it"}
            aside={<><h3>What a conversion becomes</h3><Preview {...(pixel ? { id: pixel.id } : {})} values={pixel ? changes : draft} /></>}>
      <div class="fields">
        <Choose label="Account" path="ad_account_id" value={String(draft.ad_account_id)} options={accounts.map((each) => [String(each.id), titleOf(each)] as const)} onPick={(id) => put({ ad_account_id: Number(id) })} />
        <Text label={platform.code} path="code" mono value={draft.code} onText={(code) => put({ code: code.trim() })} />
        <Text label="Name" path="name" value={draft.name} placeholder={draft.code || "what you call it"} onText={(name) => put({ name })} />
      </div>
      <div class="fields">
        <Text label="Test code" path="test_code" mono value={draft.test_code} placeholder="none: live events" onText={(test_code) => put({ test_code: test_code.trim() })} hint={platform.tests ? `${platform.tests} With it all its events are tests. ${ofTests(platform.title, tests)}` : ofTests(platform.title, tests)} />
        <Text label="Page that events happen on" path="page_url" mono type="url" value={draft.page_url} placeholder="https://…" onText={(page_url) => put({ page_url: page_url.trim() })} />
      </div>
      <h3>Which conversions it reports</h3>
      <Conditions draft={draft} put={put} />
      <h3>As which events</h3>
      <MappingEdit platform={account?.platform ?? ""} rows={draft.mapping} onRows={(mapping) => put({ mapping })} />
    </Editor>
  );
}

function Conditions({ draft, put }: { draft: Draft; put: (made: Partial<Draft>) => void }) {
  const sources = useAll("sources", may("sources.read") ? {} : false);
  const campaigns = useAll("campaigns", may("campaigns.read") ? {} : false);
  const networks = useAll("networks", may("networks.read") ? {} : false);
  const named = (all: readonly { id: number; name: string }[] | undefined) => (all ?? []).map(({ id, name }) => [id, name || `#${id}`] as const);
  return (
    <>
      <StatusChips label="With the status" path="statuses" chosen={draft.statuses} all={STATUSES} none="none chosen: whatever the status" onChosen={(statuses) => put({ statuses })} />
      <div class="fields">
        <Several label="Of clicks from" path="source_ids" none="Every source" all={named(sources.value)} chosen={draft.source_ids} onChosen={(source_ids) => put({ source_ids })} />
        <Several label="In the campaigns" path="campaign_ids" none="Every campaign" all={named(campaigns.value)} chosen={draft.campaign_ids} onChosen={(campaign_ids) => put({ campaign_ids })} />
        <Several label="By the networks" path="network_ids" none="Every network" all={named(networks.value)} chosen={draft.network_ids} onChosen={(network_ids) => put({ network_ids })} />
      </div>
      <div class="item">
        <span class="dim" aria-hidden="true">Of the types</span>
        <Values label="Of the types" path="types" values={draft.types} placeholder="every type; or purchase, deposit …" onValues={(types) => put({ types })} />
      </div>
      <p class="means"><b>{sentence(draft)}</b></p>
    </>
  );
}
