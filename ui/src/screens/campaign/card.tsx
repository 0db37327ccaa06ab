/** A stream as a card: whom it takes in a sentence, where they go with shares, how it answers. */

import type { Campaign, Stream } from "../../api";
import type { Toggle } from "../../editing";
import { nameOf } from "../../names";
import { Amount, Share } from "../../parts/figure";
import { shown } from "../../parts/number";
import { Switch } from "../../parts/switch";
import { href } from "../../route";
import { may } from "../../session";
import { listNames } from "../routing/rule-edit";
import { answered, leads, remembered, shared, whom } from "../routing/sentence";
import type { Known } from "./known";

export type Counts = (stream: number, destination?: number) => number;

interface Props {
  campaign: Campaign;
  stream: Stream;
  place: number;
  known: Known;
  count: Counts;
  whole: number;
  toggle: Toggle<Stream>;
  open: boolean;
  edit: () => void;
  duplicate: () => void;
  up: (() => void) | undefined;
  down: (() => void) | undefined;
}

export function StreamCard({ campaign, stream, place, known, count, whole, toggle, open, edit, duplicate, up, down }: Props) {
  const name = stream.name || `Stream ${stream.id}`;
  const on = stream.status === "active";
  const clicks = count(stream.id);
  const warning = known.warnings.find((each) => each.stream_id === stream.id);
  const write = may("streams.write");
  const leading = leads(stream.answer);
  const footnotes = [leading && shared(stream.distribution), answered(stream.answer, (id) => nameOf("campaigns", id)), remembered(stream.unique_policy), campaign.rotation === "weight" && stream.kind === "regular" && `drawn with weight ${stream.weight}`, stream.trafficback_url && "its own trafficback"];
  return (
    <li class={`card${on ? "" : " quiet"}${open ? " opened" : ""}`} aria-label={name}>
      <p class="row">
        <span class="place" aria-hidden="true">{place}</span>
        {write ? <Switch on={on} label={`${name} takes clicks`} busy={toggle.busy.has(stream.id)} onChange={(wanted) => toggle.run(stream, wanted)} /> : !on && <span class="tag">paused</span>}
        <strong class="grow">{name}</strong>
        <span><Amount value={clicks} /> <span class="dim">clicks</span></span>
        <Share part={clicks} whole={whole} />
      </p>
      <p class="sentence">{whom(stream.rules, listNames(known.lists))}</p>
      {warning && <p class="warned"><i class="dot warn" aria-hidden="true" /> {warning.facts.join(", ")} cannot be known here, so such a rule matches nobody. <a href={href("/system")}>Which databases there are</a></p>}
      {leading && (stream.targets.length ? <Goals stream={stream} count={count} whole={clicks} known={known} /> : <p class="warned">It has no destination, so it takes no click.</p>)}
      <p class="dim foot">{footnotes.filter(Boolean).join(" · ")}</p>
      {write && (
        <p class="row acts">
          <button type="button" onClick={edit} aria-label={`Edit ${name}`}>Edit</button>
          <button type="button" class="quiet" onClick={duplicate} aria-label={`Duplicate ${name}`}>Duplicate</button>
          <span class="room" />
          <button type="button" class="quiet" disabled={!up} onClick={up} aria-label={`${name} earlier`} title="Tried earlier">↑</button>
          <button type="button" class="quiet" disabled={!down} onClick={down} aria-label={`${name} later`} title="Tried later">↓</button>
        </p>
      )}
    </li>
  );
}

function Goals({ stream, count, whole, known }: { stream: Stream; count: Counts; whole: number; known: Known }) {
  const weights = stream.targets.reduce((sum, each) => sum + each.weight, 0);
  const weighed = ["weighted", "best_roi", "adaptive"].includes(stream.distribution.strategy ?? "weighted");
  return (
    <div class="goals">
      {stream.targets.map((target) => {
        const paused = known.destinations.find((each) => each.id === target.destination_id)?.status === "paused";
        const clicks = count(stream.id, target.destination_id);
        return (
          <p key={target.destination_id} class={`goal${paused ? " quiet" : ""}`}>
            <a class="c-name" href={href(`/destinations?open=${target.destination_id}`)}>{nameOf("destinations", target.destination_id)}{paused && " (paused)"}</a>
            <span class="dim">{weighed ? `${weights ? shown((target.weight / weights) * 100) : 0} %` : ""}</span>
            <Share part={clicks} whole={whole} />
            <Amount value={clicks} />
          </p>
        );
      })}
    </div>
  );
}
