/** What a simulated click becomes, first in one line; of many, where how many go. */

import type { Simulation, Trace } from "../../api";
import { Copy } from "../../parts/copy";
import { Share } from "../../parts/figure";
import { shown } from "../../parts/number";
import { ofDecision, ofReason } from "../routing/words";

export function Verdict({ simulation }: { simulation: Simulation }) {
  const last = simulation.traces.at(-1);
  return last ? <Ending trace={last} /> : null;
}

/** Where a click ends, and what to do when it was meant to end elsewhere. */
export function Ending({ trace }: { trace: Trace }) {
  const destination = trace.destinations.find((each) => each.id === trace.destination_id);
  const stream = trace.streams.find((each) => each.id === trace.stream_id);
  const back = trace.decision === "trafficback" || trace.decision === "reply";
  return (
    <div class={`ending${back ? " back" : ""}`}>
      <p>
        <span class="dim">{stream ? `By ${stream.name || `stream ${stream.id}`}` : "By no stream"} </span>
        <strong>{destination ? destination.name || `destination ${destination.id}` : `${ofDecision(trace.decision)}${trace.status && !trace.url ? ` (${trace.status})` : ""}`}</strong>
      </p>
      {trace.reason && <p class="warned">{ofReason(trace.reason)}</p>}
      {trace.url && <Copy text={trace.url} label="where the visitor is sent" />}
    </div>
  );
}

export function Outcomes({ simulation }: { simulation: Simulation }) {
  return (
    <ol class="outcomes">
      {simulation.outcomes.map((each) => (
        <li key={`${each.campaign_id} ${each.stream_id} ${each.destination_id} ${each.decision} ${each.reason}`}>
          <span>{each.destination || ofDecision(each.decision)} <small>{[each.stream, each.reason && each.reason.replaceAll("_", " ")].filter(Boolean).join(" · ")}</small></span>
          <Share part={each.clicks} whole={simulation.clicks} />
          <span class="figure">{shown(each.clicks)}</span>
          <span class="figure dim">{shown(each.share * 100, "percent")} %</span>
        </li>
      ))}
      {simulation.more > 0 && <li class="dim">and {shown(simulation.more)} more</li>}
    </ol>
  );
}
