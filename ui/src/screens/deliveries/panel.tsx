/** One delivery: what it is about, every attempt with its request and its answer, and doing it again. */

import type { Attempt, DeliveryWhole } from "../../api";
import { useAsk } from "../../ask";
import { perform } from "../../editing";
import { nameOf } from "../../names";
import { Copy } from "../../parts/copy";
import { note } from "../../parts/notes";
import { Panel } from "../../parts/panel";
import { ago, duration, full, now } from "../../parts/time";
import { href, set } from "../../route";
import { may, me } from "../../session";
import { zone } from "../../zone";
import { moment } from "../records/page";
import { State } from "./columns";
import { nameOfTarget, pixelOf, placeOfTarget, useDeliveriesChange } from "./queues";
import { latency, Wire } from "./wire";
import { said, toneOf } from "./attempt";

export function DeliveryPanel({ id, held, done }: { id: string; held: ReadonlySet<string>; done: () => void }) {
  const asked = useAsk("deliveries.get", { id });
  useDeliveriesChange(asked.again);
  return (
    <Panel title="What was told, and what was answered" wide onClose={() => set({ open: null })}>
      {asked.fault && <p class="wrong" role="alert">{asked.fault.message}</p>}
      {!asked.value && !asked.fault && <p class="dim" role="status">Looking for it…</p>}
      {asked.value && <Whole found={asked.value} held={held} done={() => (asked.again(), done())} />}
    </Panel>
  );
}

function Whole({ found: { delivery, values, attempts }, held, done }: { found: DeliveryWhole; held: ReadonlySet<string>; done: () => void }) {
  const [place, pixel] = [placeOfTarget(delivery.target), pixelOf(delivery.target) > 0];
  // What an intake heard of has no click of ours.
  const heard = pixel && !values["click_id"];
  const left = delivery.deadline_us / 1e6 - now.value.getTime() / 1000;
  const at = new Date(delivery.created_us / 1000);
  return (
    <>
      <p class="dim">
        Made <time dateTime={at.toISOString()} title={full(at, zone.value)}>{ago(at, now.value)}</time> for {place ? <a href={href(place)}>{nameOfTarget(delivery.target)}</a> : nameOfTarget(delivery.target)}
        {delivery.campaign_id > 0 && <>, in <a href={href(`/campaigns/${delivery.campaign_id}`)}>{nameOf("campaigns", delivery.campaign_id)}</a></>}
      </p>
      <p class="row">
        <State row={delivery} held={held} />
        {delivery.state === "pending" && <span class={left < 6 * 3600 ? "warned" : "dim"}>· {left > 0 ? `given up in ${duration(left)}` : "its last attempt"}</span>}
        <span class="room" />
        {may("deliveries.write") && <Acts found={delivery} done={done} />}
      </p>
      {delivery.reason && <p class={delivery.state === "dead" ? "loss" : "warned"}>{delivery.reason}</p>}
      <p class="row">
        {pixel && <strong>{delivery.event_name}</strong>}
        <a href={href(`/${heard ? "events" : "conversions"}?open=${delivery.conversion_id}`)}>{heard ? "of an interpreted event" : pixel ? "of the conversion" : `${delivery.status || "The"} conversion`}{me.value?.sees_money !== false && delivery.payout ? ` of ${delivery.payout} ${delivery.currency}` : ""}</a>
        <span class="dim">as of its revision {delivery.revision}</span>
        {values["click_id"] && <a href={href(`/clicks?open=${values["click_id"]}`)}>its click</a>}
      </p>
      <h3>Attempts</h3>
      {attempts.length ? <ol class="tried">{[...attempts].reverse().map((each, index) => <Tried key={each.at_us} attempt={each} open={index === 0} />)}</ol> : <p class="dim">None yet.</p>}
      <h3>{pixel ? "Event id" : "Idempotency key"}</h3>
      <Copy text={values["event_id"] ?? delivery.id} label={pixel ? "the event id" : "the idempotency key"} plain />
      <p class="dim">The same at every attempt: {pixel ? "the platform drops what it is told twice" : "the receiver counts it once"}.</p>
      <details class="more">
        <summary>All there was to say of it</summary>
        <dl class="facts">{Object.entries(values).map(([name, value]) => <div key={name}><dt><code>{`{${name}}`}</code></dt><dd class="told-value">{value}</dd></div>)}</dl>
      </details>
    </>
  );
}

export function Tried({ attempt, open }: { attempt: Attempt; open: boolean }) {
  return (
    <li class={`at-${toneOf(attempt)}`}>
      <span class="dim" title={full(new Date(attempt.at_us / 1000), zone.value)}>{moment(attempt.at_us)}</span>{" "}
      <strong>{said(attempt)}</strong> <span class="dim">{attempt.latency_us > 0 && `after ${latency(attempt.latency_us)}`}{attempt.trace && <> · trace <code>{attempt.trace}</code></>}</span>
      {attempt.request && (
        <details class="more" open={open}>
          <summary>Request and answer</summary>
          <Wire text={attempt.request} label="The request" />
          {attempt.answer ? <Wire text={attempt.answer} label="Its answer" /> : <p class="dim">{attempt.status ? "Its answer was empty." : "There was no answer."}</p>}
        </details>
      )}
    </li>
  );
}

function Acts({ found, done }: { found: DeliveryWhole["delivery"]; done: () => void }) {
  const retry = (): void => void perform("deliveries.retry", { ids: [found.id] }, ({ count }) => (note(count ? "It is attempted now." : "It is being attempted just now."), done()));
  const cancel = (): void => void perform("deliveries.cancel", { ids: [found.id] }, () => (note("It is cancelled.", retry), done()));
  return (
    <>
      <button type="button" onClick={retry} title={found.state === "delivered" ? "Its receiver sees the same id again" : undefined}>{found.state === "pending" ? "Attempt now" : "Tell it again"}</button>
      {(found.state === "pending" || found.state === "dead") && <button type="button" class="loses" onClick={cancel}>Cancel</button>}
    </>
  );
}
