/** A stream as a form: whom it takes, where they go, how it answers; tried out before it is saved. */

import { useState } from "preact/hooks";
import type { Campaign, Stream } from "../../api";
import { attempt, patch } from "../../editing";
import { Editor } from "../../parts/editor";
import { Choose, Text, Whole } from "../../parts/form";
import { note } from "../../parts/notes";
import { RulesEdit, listNames } from "../routing/rule-edit";
import { leads, whom } from "../routing/sentence";
import { TargetsEdit } from "../routing/targets-edit";
import { AnswerEdit } from "./answer-edit";
import { DistributionEdit, PolicyEdit } from "./distribution-edit";
import type { Known } from "./known";
import { TryDraft } from "./try-draft";

type Draft = Omit<Stream, "id" | "revision" | "archived" | "owner_id" | "campaign_id">;

const WORDS: Readonly<Record<keyof Draft, string>> = {
  name: "name", kind: "kind", position: "position", weight: "weight", status: "status", rules: "rules", targets: "destinations",
  distribution: "distribution", unique_policy: "repeats", answer: "answer", trafficback_url: "trafficback",
}; // prettier-ignore
const KINDS = [["forced", "forced: tried before all others"], ["regular", "regular"], ["default", "default: takes what is left"]] as const;

function draftOf({ name, kind, position, weight, status, rules, targets, distribution, unique_policy, answer, trafficback_url }: Draft): Draft {
  return { name, kind, position, weight, status, rules, targets, distribution, unique_policy, answer, trafficback_url };
}

interface Props {
  campaign: Campaign;
  /** None: a new one is made behind the others. */
  stream?: Stream;
  streams: readonly Stream[];
  known: Known;
  saved: (stream: Stream) => void;
  onClose: () => void;
}

export function StreamEditor({ campaign, stream, streams, known, saved, onClose }: Props) {
  const empty: Draft = {
    name: "", kind: "regular", position: Math.max(0, ...streams.map((each) => each.position)) + 10, weight: 100, status: "active",
    rules: [], targets: [], distribution: {}, unique_policy: null, answer: {}, trafficback_url: "",
  }; // prettier-ignore
  const [before] = useState(stream ? draftOf(stream) : empty);
  const [draft, setDraft] = useState(before);
  const changes = patch(before, draft);
  const put = (made: Partial<Draft>): void => setDraft((held) => ({ ...held, ...made }));
  const leading = leads(draft.answer);
  const weighs = ["weighted", "best_roi", "adaptive"].includes(draft.distribution.strategy ?? "weighted");
  const save = () =>
    stream
      ? attempt("streams.change", { id: stream.id, revision: stream.revision, ...changes }, (answer) => {
          saved(answer);
          const back = patch(draftOf(answer), before);
          note(`${answer.name || "The stream"} is saved.`, () => void attempt("streams.change", { id: answer.id, revision: answer.revision, ...back }, saved));
        })
      : attempt("streams.create", { campaign_id: campaign.id, ...draft }, (answer) => {
          saved(answer);
          note(`${answer.name || "The stream"} is made.`);
        });
  return (
    <Editor title={stream ? `Edit ${stream.name || `stream ${stream.id}`}` : "New stream"} wide changed={Object.keys(changes).map((key) => WORDS[key as keyof Draft])}
            save={save} onClose={onClose} saveWords={stream ? "Save" : "Make it"}
            aside={<TryDraft campaign={campaign} {...(stream ? { stream: stream.id, values: changes } : { values: { ...draft } })} />}>
      <div class="fields">
        <Text label="Name" path="name" value={draft.name} onText={(name) => put({ name })} />
        <Choose label="Kind" path="kind" value={draft.kind} options={KINDS} onPick={(kind) => put({ kind: kind as Draft["kind"] })} />
        {campaign.rotation === "weight" && draft.kind === "regular" ? (
          <Whole label="Weight" path="weight" value={draft.weight} onNumber={(weight) => put({ weight })} class="short" />
        ) : (
          <Whole label="Position" path="position" value={draft.position} onNumber={(position) => put({ position })} class="short" />
        )}
        <Choose label="Status" path="status" value={draft.status} options={[["active", "active"], ["paused", "paused"]]} onPick={(status) => put({ status: status as Draft["status"] })} class="short" />
      </div>
      <h3>Whom it takes</h3>
      <p class="sentence" aria-live="polite">{whom(draft.rules, listNames(known.lists))}</p>
      <RulesEdit rules={draft.rules} path="rules" joint="and" around={known} onRules={(rules) => put({ rules })} />
      <h3>Where they go</h3>
      {leading ? (
        <>
          <TargetsEdit targets={draft.targets} path="targets" all={known.destinations} weighed={weighs} ordered onTargets={(targets) => put({ targets })} />
          <DistributionEdit distribution={draft.distribution} onDistribution={(distribution) => put({ distribution })} />
          <PolicyEdit policy={draft.unique_policy} onPolicy={(unique_policy) => put({ unique_policy })} />
        </>
      ) : (
        <p class="dim">This answer needs no destination{draft.targets.length > 0 && "; those that are here wait until it does"}.</p>
      )}
      <h3>How it answers</h3>
      <AnswerEdit answer={draft.answer} campaigns={known.campaigns} onAnswer={(answer) => put({ answer })} />
      <Text label="Trafficback when no destination is open" path="trafficback_url" mono value={draft.trafficback_url} placeholder="the campaign's" onText={(url) => put({ trafficback_url: url.trim() })} />
    </Editor>
  );
}
