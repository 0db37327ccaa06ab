/** What clicks really cost: which clicks, how much, and what that changes before it is saved. */

import { useState } from "preact/hooks";
import type { Adjustment, Api } from "../../api";
import { useAll } from "../../all";
import { useAsk } from "../../ask";
import { attempt } from "../../editing";
import { Editor } from "../../parts/editor";
import { Choose, Text, Words } from "../../parts/form";
import { shown } from "../../parts/number";
import { useSettled } from "../../parts/settled";
import { Several } from "../../parts/several";
import { day, now } from "../../parts/time";
import { Values } from "../../parts/values";
import { param } from "../../route";
import { may } from "../../session";
import { zone } from "../../zone";
import { FILTERS, nounOf, NUMBERS } from "./words";

type Kind = Adjustment["kind"];
type Row = readonly [name: string, values: readonly (string | number)[]];

interface Draft {
  kind: Kind;
  amount: string;
  currency: string;
  from: string;
  to: string;
  campaign: number;
  rows: readonly Row[];
  note: string;
}

const KINDS = [["total", "In all"], ["per_click", "Each click"], ["add", "That much more"]] as const;

export function CostEditor({ saved, onClose }: { saved: (made: Adjustment) => void; onClose: () => void }) {
  const about = useAsk("system.about", {});
  const campaigns = useAll("campaigns", may("campaigns.read") ? {} : false);
  const [id] = useState(() => crypto.randomUUID());
  const yesterday = day(now.peek(), zone.value, -1);
  const [draft, setDraft] = useState<Draft>({ kind: "total", amount: "", currency: "", from: yesterday, to: yesterday, campaign: Number(param("campaign")) || 0, rows: [], note: "" });
  const put = (made: Partial<Draft>): void => setDraft((held) => ({ ...held, ...made }));
  const filters = Object.fromEntries(draft.rows.filter(([, values]) => values.length).map(([name, values]) => [name, [...values]]));
  const which = {
    from: draft.from, to: draft.to, timezone: zone.value, note: draft.note, filters,
    ...(draft.currency ? { currency: draft.currency } : {}), ...(draft.campaign ? { campaign_id: draft.campaign } : {}),
  }; // prettier-ignore
  const ready = draft.amount !== "" && (draft.campaign > 0 || Object.keys(filters).length > 0);
  const save = () =>
    draft.kind === "add" ? attempt("costs.adjust", { ...which, amount: draft.amount, id }, saved) : attempt("costs.set", { ...which, ...priced(draft), id }, saved);
  return (
    <Editor title="Correct a cost" wide changed={draft.amount ? ["what clicks cost"] : []} save={save} onClose={onClose} saveWords="Correct it" aside={<Outcome which={which} draft={draft} ready={ready} />}>
      <h3>Which clicks</h3>
      <div class="fields">
        <Text label="From" path="from" type="date" value={draft.from} onText={(from) => put({ from, ...(from > draft.to ? { to: from } : {}) })} />
        <Text label="To, that day too" path="to" type="date" value={draft.to} onText={(to) => put({ to })} />
        <Choose label="Campaign" path="campaign_id" value={String(draft.campaign || "")} options={[["", "every campaign"], ...(campaigns.value ?? []).map((each) => [String(each.id), each.name || each.slug] as const)]} onPick={(picked) => put({ campaign: Number(picked) || 0 })} />
      </div>
      <small>Days begin at midnight in {zone.value}.</small>
      <Filters rows={draft.rows} onRows={(rows) => put({ rows })} />
      <h3>What they cost</h3>
      <Words label="What is said" value={draft.kind} options={KINDS} onPick={(kind) => put({ kind: kind as Kind })} />
      <div class="fields">
        <Text label={draft.kind === "add" ? "Amount, negative takes away" : "Amount"} path={draft.kind === "per_click" ? "per_click" : "amount"} numeric value={draft.amount} placeholder={draft.kind === "per_click" ? "0.05" : "250.00"} onText={(text) => put({ amount: text.trim() })} />
        <Text label="Currency" path="currency" value={draft.currency} placeholder={about.value?.currency ?? ""} onText={(text) => put({ currency: text.trim().toUpperCase() })} class="short" />
      </div>
      <Text label="Note" path="note" value={draft.note} placeholder="invoice 4711" onText={(text) => put({ note: text })} />
    </Editor>
  );
}

function priced({ kind, amount }: Draft): { amount?: string; per_click?: string } {
  return kind === "per_click" ? { per_click: amount } : { amount };
}

type Which = Omit<Api["costs.adjust"]["request"], "amount">;

/** What it would come to, asked while it is typed; nothing is stored. */
function Outcome(props: { which: Which; draft: Draft; ready: boolean }) {
  const [{ which, draft, ready }, latest] = useSettled(props);
  const adjusted = useAsk("costs.adjust", ready && draft.kind === "add" ? { ...which, amount: draft.amount, preview: true } : null);
  const put = useAsk("costs.set", ready && draft.kind !== "add" ? { ...which, ...priced(draft), preview: true } : null);
  const { value, fault, busy } = draft.kind === "add" ? adjusted : put;
  if (!ready) return <p class="dim">Choose a campaign or a filter and an amount: what that changes stands here before it is saved.</p>;
  if (fault) return <p class="dim" role="status">{fault.fields.length ? fault.fields.map((each) => each.message).join("; ") : fault.message}</p>;
  if (!value) return <p class="dim" role="status">Looking for the clicks…</p>;
  const added = Number(value.added);
  return (
    <div class={`ending${busy || !latest ? " stale" : ""}`} role="status">
      <strong>{shown(value.clicks)} clicks cost {shown(Math.abs(added), "money")} {value.currency} {added < 0 ? "less" : "more"} than reports say now</strong>
      <span class="dim">{value.clicks > 0 && `${shown(Math.abs(added) / value.clicks, "fine")} ${value.currency} a click`}</span>
    </div>
  );
}

function Filters({ rows, onRows }: { rows: readonly Row[]; onRows: (rows: readonly Row[]) => void }) {
  const free = FILTERS.filter((name) => !rows.some(([each]) => each === name));
  const change = (index: number, row: Row): void => onRows(rows.map((each, at) => (at === index ? row : each)));
  return (
    <>
      {rows.map(([name, values], index) => (
        <div class="fields mapped" key={name}>
          <Choose label="Only where" bare={index > 0} value={name} options={[name, ...free].map((each) => [each, each.replaceAll("_", " ")] as const)} onPick={(picked) => change(index, [picked, []])} class="short" />
          <Among name={name} values={values} onValues={(made) => change(index, [name, made])} />
          <button type="button" class="quiet" aria-label={`Remove ${name}`} onClick={() => onRows(rows.filter((_, at) => at !== index))}>×</button>
        </div>
      ))}
      <p class="row"><button type="button" disabled={!free.length} onClick={() => onRows([...rows, [free[0] ?? "", []]])}>Only some of them</button></p>
    </>
  );
}

function Among({ name, values, onValues }: { name: string; values: readonly (string | number)[]; onValues: (values: (string | number)[]) => void }) {
  const noun = nounOf(name) as "sources" | undefined;
  const all = useAll(noun ?? "sources", noun && may(`${noun}.read`) ? {} : false);
  if (noun) return <Several label="is" path={`filters.${name}`} none="Choose…" all={(all.value ?? []).map((each) => [each.id, each.name || `#${each.id}`] as const)} chosen={values as number[]} onChosen={onValues} />;
  const typed = (texts: readonly string[]): (string | number)[] => (NUMBERS.has(name) ? texts.map(Number).filter(Number.isInteger) : [...texts]);
  return (
    <div class="item">
      <span class="dim" aria-hidden="true">is</span>
      <Values label={`${name.replaceAll("_", " ")} is`} path={`filters.${name}`} values={values.map(String)} placeholder={name === "country" ? "DE, AT …" : "a value, then Enter"} onValues={(texts) => onValues(typed(texts))} />
    </div>
  );
}
