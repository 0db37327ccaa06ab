/** How a target is asked: method, body, headers, signature, and for how long it is tried. */

import { useState } from "preact/hooks";
import { useAsk } from "../../ask";
import { Area, Choose, Text, Whole } from "../../parts/form";
import type { Draft, Put } from "./edit";

const FIRST = ["source_click_id", "click_id", "payout", "currency", "status", "transaction_id", "event_type", "sub1"];

export function RequestEdit({ draft, put }: { draft: Draft; put: Put }) {
  return (
    <>
      <div class="fields">
        <Choose label="Method" path="method" value={draft.method} options={[["GET", "GET: all in the address"], ["POST", "POST: JSON"]]} onPick={(method) => put({ method: method as Draft["method"], ...(method === "GET" ? { body: "" } : {}) })} />
        <Whole label="A failure is repeated for" path="deadline_hours" unit="hours" value={draft.deadline_hours} onNumber={(deadline_hours) => put({ deadline_hours })} />
      </div>
      {draft.method === "POST" && (
        <Area label="Body" path="body" mono rows={5} value={draft.body} placeholder={'{"id": "{conversion_id}", "payout": "{payout:number}"}'} onText={(body) => put({ body })}
              hint="JSON with macros inside its texts; “{payout:number}” alone becomes a number. Left empty, everything there is to say is sent." />
      )}
      <Headers headers={draft.headers} onHeaders={(headers) => put({ headers })} />
      <Text label="Secret that signs requests" path="secret" mono value={draft.secret} placeholder="whsec_…" onText={(secret) => put({ secret: secret.trim() })} hint="Standard Webhooks: the receiver checks webhook-signature with the same secret. Empty: not signed." />
    </>
  );
}

type Row = readonly [name: string, value: string];

function Headers({ headers, onHeaders }: { headers: Readonly<Record<string, string>>; onHeaders: (headers: Record<string, string>) => void }) {
  const [rows, setRows] = useState<readonly Row[]>(Object.entries(headers));
  const put = (made: readonly Row[]): void => (setRows(made), onHeaders(Object.fromEntries(made.filter(([name]) => name))));
  return (
    <>
      {rows.map(([name, value], index) => (
        <div class="fields mapped" key={index}>
          <Text label="Header" bare={index > 0} path={name ? `headers.${name}` : ""} mono value={name} placeholder="Authorization" onText={(text) => put(rows.map((row, at) => (at === index ? [text.trim(), value] : row)))} />
          <Text label="Its value" bare={index > 0} mono value={value} placeholder="Bearer …" onText={(text) => put(rows.map((row, at) => (at === index ? [name, text] : row)))} />
          <button type="button" class="quiet" aria-label={`Remove ${name || "the header"}`} onClick={() => put(rows.filter((_, at) => at !== index))}>×</button>
        </div>
      ))}
      <p class="row"><button type="button" onClick={() => put([...rows, ["", ""]])}>Add a header</button></p>
    </>
  );
}

/** The macros that are wanted most; all of them behind a choice. */
export function MacroChips({ onMacro }: { onMacro: (macro: string) => void }) {
  const macros = useAsk("targets.macros", {});
  const others = (macros.value?.items ?? []).filter(({ name }) => !FIRST.includes(name));
  return (
    <span class="chips">
      Add{" "}
      {FIRST.map((name) => <button key={name} type="button" class="chip" title={macros.value?.items.find((each) => each.name === name)?.meaning} onClick={() => onMacro(`{${name}}`)}>{`{${name}}`}</button>)}
      {others.length > 0 && (
        <select class="chip" aria-label="Another macro" value="" onChange={(event) => {
          const name = event.currentTarget.value;
          event.currentTarget.value = "";
          if (name) onMacro(`{${name}}`);
        }}>
          <option value="">another…</option>
          {others.map(({ name, meaning }) => <option key={name} value={name}>{`{${name}} ${meaning}`}</option>)}
        </select>
      )}
    </span>
  );
}
