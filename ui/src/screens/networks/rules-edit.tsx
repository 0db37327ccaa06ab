/** What a second postback of the same sale does, which statuses may follow which, and sales without a click. */

import { useState } from "preact/hooks";
import { Choose, type Options, Text, Tick } from "../../parts/form";
import { Values } from "../../parts/values";
import type { Draft } from "./edit";
import { Pairs, record } from "./pairs";
import { DUPLICATES, STATUSES } from "./words";

const POLICIES: Options = Object.entries(DUPLICATES).map(([value, words]) => [value, words] as const);
const NAMES = STATUSES.map(([name]) => name);

export function RulesEdit({ draft, put }: { draft: Draft; put: (made: Partial<Draft>) => void }) {
  const [types, setTypes] = useState<readonly (readonly [string, string])[]>(Object.entries(draft.duplicates_by_type));
  const free = NAMES.filter((name) => !(name in draft.transitions));
  const part = (name: "event_type" | "upsell") => (on: boolean) => put({ claim_by: on ? [...draft.claim_by, name] : draft.claim_by.filter((each) => each !== name) });
  return (
    <>
      <Choose label="A further postback of the same sale" path="duplicates" value={draft.duplicates} options={POLICIES} onPick={(word) => put({ duplicates: word as Draft["duplicates"] })} />
      <Pairs rows={types} path="duplicates_by_type" text="Of the type" means="It" options={POLICIES} placeholder="rebill" fresh={["", "increment"]} add="Another rule for a type" none=""
             onRows={(rows) => (setTypes(rows), put({ duplicates_by_type: record<Draft["duplicates"]>(rows) }))} />
      <Tick label="Each type of event is a conversion of its own" hint="deposit and registration under one transaction id" on={draft.claim_by.includes("event_type")} onTick={part("event_type")} />
      <Tick label="Each upsell is a conversion of its own" on={draft.claim_by.includes("upsell")} onTick={part("upsell")} />
      <h3>Which status may follow which</h3>
      {Object.entries(draft.transitions).map(([from, to]) => (
        <div class="fields mapped" key={from}>
          <p class="item grow"><strong>{from}</strong><span class="dim">{to.length ? "may only become" : "stays one"}</span></p>
          <Values label={`What a ${from} may become`} path={`transitions.${from}`} values={to} offers={NAMES.filter((name) => name !== from)} placeholder="nothing else" onValues={(made) => put({ transitions: { ...draft.transitions, [from]: made } })} />
          <button type="button" class="quiet" aria-label={`Let a ${from} become anything`} onClick={() => put({ transitions: Object.fromEntries(Object.entries(draft.transitions).filter(([each]) => each !== from)) })}>×</button>
        </div>
      ))}
      {free.length > 0 && <Choose label="Bind a status" value="" options={[["", Object.keys(draft.transitions).length ? "another one…" : "each may become any other"], ...free.map((name) => [name, `what a ${name} may become`] as const)]} onPick={(name) => name && put({ transitions: { ...draft.transitions, [name]: [] } })} />}
      <h3>A sale whose click is not known</h3>
      <div class="fields">
        <Choose label="It" path="unknown_click" value={draft.unknown_click} options={[["wait", "waits for its click, and is refused in the end"], ["accept", "is counted at once, without a campaign"]]} onPick={(word) => put({ unknown_click: word as Draft["unknown_click"] })} />
        <Text label="Its click is waited for" path="click_wait_hours" numeric value={draft.click_wait_hours === null ? "" : String(draft.click_wait_hours)} placeholder="the usual time" hint="hours" onText={(text) => put({ click_wait_hours: text.trim() ? Number(text) : null })} class="short" />
      </div>
    </>
  );
}
