/** A source as a form: its parameters, what a click costs, transparent links. */

import { useState } from "preact/hooks";
import type { CostModel, Source, Transparent } from "../../api";
import { attempt, patch } from "../../editing";
import { Editor } from "../../parts/editor";
import { Choose, type Options, Text, Tick } from "../../parts/form";
import { note } from "../../parts/notes";
import { Values } from "../../parts/values";
import { costed } from "../routing/sentence";

type Draft = Pick<Source, "name" | "currency" | "params" | "cost_model" | "transparent" | "secret">;
type Row = readonly [field: string, param: string];

const EMPTY: Draft = { name: "", currency: "", params: {}, cost_model: {}, transparent: null, secret: "" };
const WORDS: Readonly<Record<keyof Draft, string>> = { name: "name", currency: "currency", params: "parameters", cost_model: "cost", transparent: "transparent links", secret: "secret" };
const FIELDS: Options = ["source_click_id", "cost", "currency", ...Array.from({ length: 30 }, (_, index) => `sub${index + 1}`), "utm_source", "utm_medium", "utm_campaign", "utm_content", "utm_term"].map((each) => [each, each] as const);
const MODELS: Options = [["parameter", "what its cost parameter says"], ["cpc", "CPC: so much for every click"], ["cpm", "CPM: so much for a thousand clicks"], ["cpa", "CPA: so much for every conversion"], ["revshare", "a share of every conversion's revenue"]];

interface Props {
  source?: Source;
  meanings: Record<string, string>;
  saved: (source: Source) => void;
  onClose: () => void;
}

export function SourceEditor({ source, meanings, saved, onClose }: Props) {
  const before: Draft = source ? draftOf(source) : EMPTY;
  const [draft, setDraft] = useState(before);
  const [rows, setRows] = useState<readonly Row[]>(Object.entries(before.params));
  const changes = patch(before, draft);
  const put = (made: Partial<Draft>): void => setDraft((held) => ({ ...held, ...made }));
  const mapped = (made: readonly Row[]): void => (setRows(made), put({ params: Object.fromEntries(made) }));
  const save = () =>
    source
      ? attempt("sources.change", { id: source.id, revision: source.revision, ...changes }, (answer) => {
          saved(answer);
          note(`${answer.name} is saved.`, () => void attempt("sources.change", { id: answer.id, revision: answer.revision, ...patch(draftOf(answer), before) }, saved));
        })
      : attempt("sources.create", draft, (answer) => (saved(answer), note(`${answer.name} is made.`)));
  return (
    <Editor title={source ? `Edit ${source.name}` : "New source"} wide changed={Object.keys(changes).map((key) => WORDS[key as keyof Draft])} save={save} onClose={onClose} saveWords={source ? "Save" : "Make it"}>
      <div class="fields">
        <Text label="Name" path="name" value={draft.name} onText={(name) => put({ name })} />
        <Text label="Currency" path="currency" value={draft.currency} placeholder="USD" onText={(text) => put({ currency: text.trim().toUpperCase() })} class="short" />
      </div>
      <h3>What its parameters mean</h3>
      <Mapping rows={rows} meanings={meanings} onRows={mapped} />
      <h3>What a click costs</h3>
      <Cost model={draft.cost_model} currency={draft.currency} onModel={(cost_model) => put({ cost_model })} />
      <h3>Transparent links</h3>
      <Hops transparent={draft.transparent} onTransparent={(transparent) => put({ transparent })} />
      {draft.transparent && <Text label="Secret that signs links" path="secret" mono value={draft.secret} hint="16 characters at least: the parameter hmac is the HMAC-SHA256 of the URL, in hex" onText={(secret) => put({ secret: secret.trim() })} />}
    </Editor>
  );
}

function draftOf({ name, currency, params, cost_model, transparent, secret }: Source): Draft {
  return { name, currency, params, cost_model, transparent, secret };
}

function Mapping({ rows, meanings, onRows }: { rows: readonly Row[]; meanings: Record<string, string>; onRows: (rows: readonly Row[]) => void }) {
  const free = FIELDS.filter(([name]) => !rows.some(([field]) => field === name));
  return (
    <>
      {rows.map(([field, name], index) => (
        <div class="fields mapped" key={field}>
          <Text label="Its parameter" bare={index > 0} path={`params.${field}`} mono value={name} placeholder="zoneid" onText={(text) => onRows(rows.map((row, at) => (at === index ? [field, text.trim()] : row)))} />
          <Choose label="Is kept as" bare={index > 0} value={field} options={[[field, field], ...free]} hint={meanings[field]} onPick={(wanted) => onRows(rows.map((row, at) => (at === index ? [wanted, name] : row)))} />
          <button type="button" class="quiet" aria-label={`Remove ${field}`} onClick={() => onRows(rows.filter((_, at) => at !== index))}>×</button>
        </div>
      ))}
      <p class="row">
        <button type="button" disabled={!free.length} onClick={() => onRows([...rows, [free.find(([name]) => name !== "currency")?.[0] ?? "", ""]])}>Add a parameter</button>
        {!rows.length && <span class="dim">None: the usual names (click_id, cost, sub1 …) are read.</span>}
      </p>
    </>
  );
}

function Cost({ model, currency, onModel }: { model: CostModel; currency: string; onModel: (model: CostModel) => void }) {
  const kind = model.kind ?? "parameter";
  return (
    <>
      <div class="fields">
        <Choose label="A click costs" path="cost_model.kind" value={kind} options={MODELS} onPick={(word) => onModel(word === "parameter" ? {} : { kind: word as "cpc", amount: model.amount ?? "" })} />
        {kind !== "parameter" && <Text label={kind === "revshare" ? "Per cent" : `Amount${currency && ` in ${currency}`}`} path="cost_model.amount" numeric value={model.amount ?? ""} placeholder="0.05" onText={(text) => onModel({ ...model, amount: text.trim() })} class="short" />}
      </div>
      <small class="dim">A click costs {costed(model, currency)}.</small>
    </>
  );
}

function Hops({ transparent, onTransparent }: { transparent: Transparent | null; onTransparent: (transparent: Transparent | null) => void }) {
  return (
    <>
      <Tick label="Follow a visible next hop" hint="as Google asks for; off unless you need it" on={transparent !== null} onTick={(on) => onTransparent(on ? {} : null)} />
      {transparent && (
        <div class="block">
          <Text label="Parameter with the next hop" path="transparent.param" mono value={transparent.param ?? "lpurl"} onText={(name) => onTransparent({ ...transparent, param: name.trim() })} class="short" />
          <Values label="Hosts it may lead to" path="transparent.hosts" values={transparent.hosts ?? []} placeholder="shop.example or *.shop.example, then Enter" onValues={(hosts) => onTransparent({ ...transparent, hosts })} />
        </div>
      )}
    </>
  );
}
