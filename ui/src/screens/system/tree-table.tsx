/** The tree as a table: a line for each process, and under it a line for each of its actors. */

import type { ActorReport, SystemStatus } from "../../api";
import { Amount } from "../../parts/figure";
import { shown } from "../../parts/number";
import { Sheet } from "../../parts/sheet";
import { type Branch, branches } from "./tree";

export function Tree({ status, stale }: { status: SystemStatus; stale: boolean }) {
  return (
    <section aria-labelledby="tree-title">
      <header class="head">
        <h2 id="tree-title">Supervision tree</h2>
      </header>
      <Sheet label="Supervision tree" stale={stale}>
        <table class="tree">
          <caption class="unseen">Every process and its actors</caption>
          <thead>
            <tr>
              <th scope="col">Process, actor</th>
              <th scope="col">State</th>
              <th scope="col" class="figure" title="Messages waiting now, of how many fit">Mailbox</th>
              <th scope="col" class="figure roomy" title="The most that ever waited">Peak</th>
              <th scope="col" class="figure roomy">Handled</th>
              <th scope="col" class="figure roomy" title="Messages refused because the mailbox was full">Refused</th>
              <th scope="col" class="figure" title="How often it was restarted">Restarts</th>
              <th scope="col" class="roomy wide">Last error</th>
            </tr>
          </thead>
          {branches(status).map((branch) => (
            <tbody key={branch.name}>
              <Process branch={branch} />
              {branch.actors.map((actor, index) => (
                <Actor key={actor.name} actor={actor} last={index === branch.actors.length - 1} />
              ))}
            </tbody>
          ))}
        </table>
      </Sheet>
    </section>
  );
}

function Process({ branch }: { branch: Branch }) {
  const notes = [branch.pid ? `pid ${branch.pid}` : "", branch.memory ? shown(branch.memory, "bytes") : "", ...branch.notes].filter(Boolean);
  return (
    <tr class="process">
      <th scope="rowgroup">{branch.name}</th>
      <td><State state={branch.state} /></td>
      <td colSpan={4} class="dim roomy">{notes.join(" · ")}</td>
      <td class="phone-only" />
      <td class="figure"><Amount value={branch.restarts} /></td>
      <td class="roomy fault">{branch.error}</td>
    </tr>
  );
}

function Actor({ actor, last }: { actor: ActorReport; last: boolean }) {
  const full = actor.mailbox_capacity ? actor.mailbox_depth / actor.mailbox_capacity : 0;
  return (
    <tr>
      <th scope="row" class={`twig${last ? " last" : ""}`}>{actor.name}</th>
      <td><State state={actor.state} /></td>
      <td class={`figure${full > 0.8 ? " loss" : ""}`}>
        {actor.mailbox_capacity ? <><Amount value={actor.mailbox_depth} /><span class="dim roomy"> / {shown(actor.mailbox_capacity)}</span></> : <span class="zero">–</span>}
      </td>
      <td class="figure roomy">{actor.mailbox_capacity ? <Amount value={actor.mailbox_peak} /> : <span class="zero">–</span>}</td>
      <td class="figure roomy"><Amount value={actor.handled} /></td>
      <td class={`figure roomy${actor.refused ? " warned" : ""}`}><Amount value={actor.refused} /></td>
      <td class="figure"><Amount value={actor.restarts} /></td>
      <td class="roomy fault" title={actor.last_error}>{actor.last_error}</td>
    </tr>
  );
}

function State({ state }: { state: string }) {
  const tone = state === "running" ? "good" : state === "stopped" ? "idle" : state === "down" || state === "failed" ? "loss" : "warn";
  return <span class="state"><i class={`dot ${tone}`} aria-hidden="true" /> {state}</span>;
}
