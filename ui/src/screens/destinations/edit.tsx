/** A destination as a form: its address, when it is open, its caps, how its health is asked for. */

import { useState } from "preact/hooks";
import type { Destination } from "../../api";
import { useAll } from "../../all";
import { useAsk } from "../../ask";
import { attempt, patch } from "../../editing";
import { Editor } from "../../parts/editor";
import { Choose, Text, Tick, useWrong } from "../../parts/form";
import { note } from "../../parts/notes";
import { may } from "../../session";
import { freshSchedule, ScheduleEdit } from "../routing/schedule-edit";
import { TargetsEdit } from "../routing/targets-edit";
import { CapsEdit } from "./caps-edit";
import { ProbeEdit } from "./probe-edit";

const EMPTY: Draft = { name: "", url: "", status: "active", network_id: null, schedule: null, caps: [], alternative_id: null, probe: null, exits: [] };
type Draft = Omit<Destination, "id" | "revision" | "archived" | "owner_id">;

const WORDS: Readonly<Record<keyof Draft, string>> = {
  name: "name", url: "address", status: "status", network_id: "network", schedule: "hours", caps: "caps",
  alternative_id: "alternative", probe: "probe", exits: "exits",
}; // prettier-ignore
const MACROS = ["{click_id}", "{sub1}", "{source_click_id}", "{cost}", "{country}", "{campaign_id}"];

function draftOf({ name, url, status, network_id, schedule, caps, alternative_id, probe, exits }: Draft): Draft {
  return { name, url, status, network_id, schedule, caps, alternative_id, probe, exits };
}

interface Props {
  /** None: a new one is made. */
  destination?: Destination;
  all: readonly Destination[];
  saved: (destination: Destination) => void;
  onClose: () => void;
}

export function DestinationEditor({ destination, all, saved, onClose }: Props) {
  const before = destination ? draftOf(destination) : EMPTY;
  const [draft, setDraft] = useState(before);
  const about = useAsk("system.about", {});
  const networks = useAll("networks", may("networks.read") ? {} : false);
  const changes = patch(before, draft);
  const put = (made: Partial<Draft>): void => setDraft((held) => ({ ...held, ...made }));
  const others = all.filter((each) => each.id !== destination?.id);
  const named = (each: { id: number; name: string }) => [String(each.id), each.name || `#${each.id}`] as const;
  const save = () =>
    destination
      ? attempt("destinations.change", { id: destination.id, revision: destination.revision, ...changes }, (answer) => {
          saved(answer);
          const back = patch(draftOf(answer), before);
          note(`${answer.name} is saved.`, () => void attempt("destinations.change", { id: answer.id, revision: answer.revision, ...back }, saved));
        })
      : attempt("destinations.create", draft, (answer) => (saved(answer), note(`${answer.name} is made.`)));
  return (
    <Editor title={destination ? `Edit ${destination.name}` : "New destination"} wide changed={Object.keys(changes).map((key) => WORDS[key as keyof Draft])} save={save} onClose={onClose}
            saveWords={destination ? "Save" : "Make it"}>
      <Text label="Name" path="name" value={draft.name} onText={(name) => put({ name })} />
      <Text label="Address" path="url" mono value={draft.url} placeholder="https://offer.example/?cid={click_id}" onText={(url) => put({ url: url.trim() })}
            hint={<Insert onMacro={(macro) => put({ url: joined(draft.url, macro) })} />} />
      <div class="fields">
        <Choose label="Status" path="status" value={draft.status} options={[["active", "active"], ["paused", "paused"]]} onPick={(status) => put({ status: status as Draft["status"] })} />
        <Choose label="Network" path="network_id" value={String(draft.network_id ?? "")} options={[["", "none"], ...(networks.value ?? []).map(named)]} onPick={(id) => put({ network_id: Number(id) || null })} />
        <Choose label="While it is closed, instead" path="alternative_id" value={String(draft.alternative_id ?? "")} options={[["", "none: the stream's others"], ...others.map(named)]}
                onPick={(id) => put({ alternative_id: Number(id) || null })} />
      </div>
      <h3>Caps</h3>
      <CapsEdit caps={draft.caps} currency={about.value?.currency ?? ""} onCaps={(caps) => put({ caps })} />
      <h3>Hours</h3>
      <Tick label="Open at certain hours only" on={draft.schedule !== null} onTick={(on) => put({ schedule: on ? freshSchedule() : null })} />
      {draft.schedule && <div class="block"><ScheduleEdit schedule={draft.schedule} path="schedule" onSchedule={(schedule) => put({ schedule })} /></div>}
      <h3>Health</h3>
      <ProbeEdit probe={draft.probe} onProbe={(probe) => put({ probe })} />
      <h3>Exits of a landing page</h3>
      <Exits draft={draft} all={others} put={put} />
    </Editor>
  );
}

/** `…/?a=1` and a macro: a parameter of its name. */
function joined(url: string, macro: string): string {
  const name = macro.slice(1, -1);
  return !url ? url : `${url}${url.includes("?") ? (/[?&]$/.test(url) ? "" : "&") : "?"}${name}=${macro}`;
}

function Insert({ onMacro }: { onMacro: (macro: string) => void }) {
  return (
    <span class="chips">
      Add{" "}
      {MACROS.map((macro) => <button key={macro} type="button" class="chip" onClick={() => onMacro(macro)}>{macro}</button>)}
    </span>
  );
}

function Exits({ draft, all, put }: { draft: Draft; all: readonly Destination[]; put: (made: Partial<Draft>) => void }) {
  const wrong = useWrong("exits", false);
  return (
    <>
      {draft.exits.map((exit, index) => (
        <fieldset class="block" key={index}>
          <legend class="row"><code>/lp/{"{lp_token}"}/{index + 1}</code><button type="button" class="quiet" aria-label={`Remove exit ${index + 1}`} onClick={() => put({ exits: draft.exits.filter((_, at) => at !== index) })}>×</button></legend>
          <TargetsEdit targets={exit} path={`exits[${index}]`} all={all} weighed onTargets={(made) => put({ exits: draft.exits.map((each, at) => (at === index ? made : each)) })} />
        </fieldset>
      ))}
      {wrong && <p class="wrong">{wrong}</p>}
      <p class="row">
        <button type="button" onClick={() => put({ exits: [...draft.exits, []] })}>Add an exit</button>
        {!draft.exits.length && <span class="dim">Only for a landing page: where its links out lead.</span>}
      </p>
    </>
  );
}
