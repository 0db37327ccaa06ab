/** One destination beside the list: whether it takes clicks, its health and caps, who uses it. */

import type { Destination } from "../../api";
import { useAll } from "../../all";
import type { Toggle } from "../../editing";
import { perform } from "../../editing";
import { nameOf } from "../../names";
import { Copy } from "../../parts/copy";
import { note } from "../../parts/notes";
import { Panel } from "../../parts/panel";
import { href, set } from "../../route";
import { may } from "../../session";
import { hours } from "../routing/sentence";
import { CapBars } from "./caps";
import { type Line, OnOff } from "./columns";
import { HealthSection } from "./health";
import type { States } from "./state";

interface Props {
  line: Line;
  states: States;
  all: readonly Destination[];
  toggle: Toggle<Destination>;
}

export function DestinationPanel({ line, states, all, toggle }: Props) {
  const { destination, closed, caps } = line;
  const alternative = all.find((each) => each.id === destination.alternative_id);
  const used = useUses(destination.id, all);
  return (
    <Panel title={destination.name || `Destination ${destination.id}`} onClose={() => set({ open: null })}>
      <p class="row">
        <OnOff line={line} toggle={toggle} />
        <span class={closed ? "warned" : "dim"}>{closed ? `${closed}: takes no clicks` : "Takes clicks"}</span>
        <span class="dim">· #{destination.id}</span>
        <span class="room" />
        {may("destinations.write") && <button type="button" onClick={() => set({ edit: "1" })}>Edit</button>}
      </p>
      {closed && (
        <p class="dim">
          {alternative ? <>Until then its place is taken by <a href={href(`/destinations?open=${alternative.id}`)}>{alternative.name}</a>.</> : "It has no alternative: its streams choose among their others."}
        </p>
      )}
      <h3>Health</h3>
      <HealthSection destination={destination} states={states} />
      <h3>Caps</h3>
      {destination.caps.length ? (
        caps.length ? <CapBars caps={caps} /> : <p class="dim">{states.known ? "Their use is counted from the next click on." : "–"}</p>
      ) : (
        <p class="dim">None: it takes as many clicks as come.</p>
      )}
      <h3>Hours</h3>
      <p class={destination.schedule ? undefined : "dim"}>{destination.schedule ? hours(destination.schedule) : "Always open."}</p>
      <h3>Address</h3>
      <Copy text={destination.url} label="the address" />
      {destination.exits.length > 0 && (
        <>
          <h3>Exits of this landing page</h3>
          <ol class="plainly">
            {destination.exits.map((exit, index) => (
              <li key={index}><code>/lp/…/{index + 1}</code> {exit.map((each) => `${nameOf("destinations", each.destination_id)}${exit.length > 1 ? ` (${each.weight})` : ""}`).join(", ")}</li>
            ))}
          </ol>
        </>
      )}
      <h3>Used by</h3>
      {used === undefined ? <p class="dim">–</p> : used.length ? <ul class="plainly">{used.map((each) => <li key={each.to}><a href={href(each.to)}>{each.words}</a></li>)}</ul> : <p class="dim">Nothing leads here yet. Add it to a stream of a campaign.</p>}
      {may("destinations.write") && used?.length === 0 && (
        <p><button type="button" class="loses" onClick={() => archive(destination)}>Archive</button></p>
      )}
    </Panel>
  );
}

function archive(destination: Destination): void {
  void perform("destinations.archive", { id: destination.id, revision: destination.revision }, (gone) => {
    set({ open: null });
    note(`${gone.name} is archived.`, () => void perform("destinations.restore", { id: gone.id }, () => set({ open: String(gone.id) })));
  });
}

/** Streams, landing pages and alternatives that lead to a destination. */
function useUses(id: number, all: readonly Destination[]): { to: string; words: string }[] | undefined {
  const streams = useAll("streams", may("streams.read") ? {} : false);
  if (!streams.value) return undefined;
  const leading = streams.value.filter((stream) => stream.targets.some((target) => target.destination_id === id));
  return [
    ...leading.map((each) => ({ to: `/campaigns/${each.campaign_id}?stream=${each.id}`, words: `${nameOf("campaigns", each.campaign_id)}: ${each.name || `stream ${each.id}`}` })),
    ...all.filter((each) => each.alternative_id === id).map((each) => ({ to: `/destinations?open=${each.id}`, words: `${each.name}: its alternative` })),
    ...all.filter((each) => each.exits.some((exit) => exit.some((target) => target.destination_id === id))).map((each) => ({ to: `/destinations?open=${each.id}&exit=1`, words: `${each.name}: an exit of the landing page` })),
  ];
}
