/** A target as a form: where it is, which conversions it wants, how it is asked, and what that looks like. */

import { useState } from "preact/hooks";
import type { PostbackTarget } from "../../api";
import { attempt, patch } from "../../editing";
import { Editor } from "../../parts/editor";
import { Choose, Text } from "../../parts/form";
import { note } from "../../parts/notes";
import { ConditionsEdit } from "./conditions-edit";
import { MacroChips, RequestEdit } from "./request-edit";
import { TryTarget } from "./try";

export type Draft = Omit<PostbackTarget, "id" | "revision" | "archived" | "owner_id">;
export type Put = (made: Partial<Draft>) => void;

const EMPTY: Draft = {
  name: "", url: "", status: "active", source_id: null, campaign_ids: [], network_ids: [], method: "GET", body: "", headers: {}, statuses: ["lead", "sale"],
  types: [], min_payout: "", max_payout: "", share: 100, payout_scale: 100, on: "created", secret: "", deadline_hours: 72,
}; // prettier-ignore
const WORDS: Readonly<Record<keyof Draft, string>> = {
  name: "name", url: "address", status: "status", source_id: "source", campaign_ids: "campaigns", network_ids: "networks", method: "method", body: "body",
  headers: "headers", statuses: "statuses", types: "types", min_payout: "least payout", max_payout: "most payout", share: "share", payout_scale: "part of the payout",
  on: "occasion", secret: "secret", deadline_hours: "deadline",
}; // prettier-ignore

function draftOf(target: PostbackTarget): Draft {
  const { id, revision, archived, owner_id, ...draft } = target;
  return draft;
}

interface Props {
  /** None: a new one is made. */
  target?: PostbackTarget;
  saved: (target: PostbackTarget) => void;
  onClose: () => void;
}

export function TargetEditor({ target, saved, onClose }: Props) {
  const before = target ? draftOf(target) : EMPTY;
  const [draft, setDraft] = useState(before);
  const changes = patch(before, draft);
  const put: Put = (made) => setDraft((held) => ({ ...held, ...made }));
  const save = () =>
    target
      ? attempt("targets.change", { id: target.id, revision: target.revision, ...changes }, (answer) => {
          saved(answer);
          const back = patch(draftOf(answer), before);
          note(`${answer.name} is saved.`, () => void attempt("targets.change", { id: answer.id, revision: answer.revision, ...back }, saved));
        })
      : attempt("targets.create", draft, (answer) => (saved(answer), note(`${answer.name} is made.`)));
  return (
    <Editor title={target ? `Edit ${target.name}` : "New target"} wide changed={Object.keys(changes).map((key) => WORDS[key as keyof Draft])} save={save} onClose={onClose} saveWords={target ? "Save" : "Make it"}
            aside={<TryTarget {...(target ? { id: target.id } : {})} values={target ? changes : draft} url={draft.url} />}>
      <div class="fields">
        <Text label="Name" path="name" value={draft.name} onText={(name) => put({ name })} />
        <Choose label="Status" path="status" value={draft.status} options={[["active", "active"], ["paused", "paused"]]} onPick={(status) => put({ status: status as Draft["status"] })} class="short" />
      </div>
      <Text label="Address" path="url" mono value={draft.url} placeholder="https://offer.example/postback?cid={source_click_id}&payout={payout}" onText={(url) => put({ url: url.trim() })}
            hint={<MacroChips onMacro={(macro) => put({ url: `${draft.url}${macro}` })} />} />
      <h3>Which conversions it hears of</h3>
      <ConditionsEdit draft={draft} put={put} />
      <h3>How it is asked</h3>
      <RequestEdit draft={draft} put={put} />
    </Editor>
  );
}
