/** The newest clicks, conversions and postbacks, as they happen. */

import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import type { LiveEvent } from "../../feed";
import { nameOf } from "../../names";
import { Amount } from "../../parts/figure";
import { Sheet } from "../../parts/sheet";
import { ago, clock, day, full, now } from "../../parts/time";
import { href, param, set } from "../../route";
import { offer } from "../../keys";
import { may, me } from "../../session";
import type { Pulse } from "./pulse";

const KINDS = [["", "All"], ["clicks", "Clicks"], ["conversions", "Conversions"], ["postbacks", "Postbacks"]] as const;
const SHOWN = 40;

export function Events({ pulse, zone }: { pulse: Pulse; zone: string }) {
  const paused = useSignal<readonly LiveEvent[] | null>(null);
  const wanted = param("events");
  const all = paused.value ?? pulse.events.value;
  const events = all.filter((each) => !wanted || each.topic === wanted).slice(0, SHOWN);
  const toggle = (): void => void (paused.value = paused.value ? null : pulse.events.value);
  useEffect(() => offer({ keys: "p", words: "Hold and release the live events", run: toggle }), []);
  return (
    <section aria-labelledby="events-title" class="events">
      <header class="head">
        <h2 id="events-title">Live</h2>
        <div class="choice" role="group" aria-label="Which events">
          {KINDS.map(([value, words]) => (
            <button key={value} type="button" aria-pressed={wanted === value} onClick={() => set({ events: value })}>{words}</button>
          ))}
        </div>
        <span class="dim">{pulse.sampled.value && "More than can be shown: a sample; the counts above are true."}</span>
        <span class="room" />
        <button type="button" onClick={toggle} aria-pressed={paused.value !== null} title="Hold the list still (p)">
          {paused.value ? "Go on" : "Hold"}
        </button>
      </header>
      {events.length ? (
        <Sheet label="Newest events">
          <table>
            <caption class="unseen">Newest events</caption>
            <thead>
              <tr>
                <th scope="col">Time</th>
                <th scope="col">What</th>
                <th scope="col">Campaign</th>
                <th scope="col" class="roomy">Where to</th>
                <th scope="col" class="roomy">Why</th>
                {me.value?.sees_money !== false && <th scope="col" class="figure">Money</th>}
                <th scope="col" class="roomy">Click</th>
              </tr>
            </thead>
            <tbody>{events.map((each) => <Line key={keyOf(each)} event={each} zone={zone} />)}</tbody>
          </table>
        </Sheet>
      ) : (
        <p class="dim">{wanted ? "None of these lately." : "Nothing in the last day."} What happens appears here by itself, within a second.</p>
      )}
    </section>
  );
}

function keyOf(event: LiveEvent): string {
  return `${event.topic} ${event.id} ${event.topic === "conversions" ? event.revision : event.topic === "postbacks" ? event.stage : ""}`;
}

function Line({ event, zone }: { event: LiveEvent; zone: string }) {
  const at = new Date(event.at);
  const click = event.topic === "clicks" ? event.id : event.click_id ?? "";
  return (
    <tr class="event">
      <td>
        <time dateTime={event.at} title={`${ago(at, now.peek())}, ${full(at, zone)}`}>
          {day(at, zone) === day(now.peek(), zone) ? "" : `${day(at, zone).slice(5)} `}{clock(at, zone, true)}
        </time>
      </td>
      <td><What event={event} /></td>
      <td class="c-name">{event.topic === "postbacks" ? nameOf("networks", event.network_id) : nameOf("campaigns", event.campaign_id) || "–"}</td>
      <td class="roomy c-name">{nameOf("destinations", event.destination_id) || "–"}</td>
      <td class="roomy dim">{why(event)}</td>
      {me.value?.sees_money !== false && <td class="figure">{money(event)}</td>}
      <td class="roomy">{click ? <Id click={click} /> : "–"}</td>
    </tr>
  );
}

function Id({ click }: { click: string }) {
  const short = <code class="id" title={click}>…{click.slice(-8)}</code>;
  return may("records.read") ? <a href={href(`/clicks?open=${click}`)} aria-label={`Why did click ${click.slice(-8)} go there?`}>{short}</a> : short;
}

function What({ event }: { event: LiveEvent }) {
  const tag = <span class={`tag tag-${tone(event)}`}>{what(event)}</span>;
  if (event.topic === "clicks" || !may("records.read")) return tag;
  return <a href={href(`/${event.topic === "conversions" ? "conversions" : "inbox"}?open=${event.id}`)}>{tag}</a>;
}

function tone(event: LiveEvent): string {
  if (event.topic === "conversions") return event.count < 0 || /reject|trash/.test(event.status) ? "loss" : "good";
  if (event.topic === "clicks") return event.counted ? "plain" : "zero";
  return event.outcome === "refused" ? "loss" : "plain";
}

function what(event: LiveEvent): string {
  if (event.topic === "clicks") return event.counted ? "click" : "uncounted";
  if (event.topic === "conversions") return event.status || "conversion";
  return `postback${event.outcome ? ` ${event.outcome.replaceAll("_", " ")}` : ""}`;
}

function why(event: LiveEvent): string {
  if (event.topic === "clicks") return event.reason || (event.decision === "destination" ? nameOf("streams", event.stream_id) : event.decision);
  if (event.topic === "conversions") return event.revision > 1 ? `change ${event.revision}` : event.transaction_id && `transaction ${event.transaction_id.slice(0, 18)}`;
  return event.reason || event.stage;
}

function money(event: LiveEvent) {
  if (event.topic === "clicks") return event.cost ? <span class="dim">−<Amount value={event.cost} shape="fine" /> {event.currency}</span> : <Amount value={0} shape="money" />;
  if (event.topic === "conversions") return <><Amount value={event.revenue} shape="money" loses /> {event.currency}</>;
  return <Amount value={undefined} />;
}
