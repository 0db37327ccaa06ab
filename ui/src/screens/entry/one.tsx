/** One conversion entered, or one that is there corrected: checked while it is typed. */

import { useState } from "preact/hooks";
import { useAsk } from "../../ask";
import { attempt } from "../../editing";
import { Editor } from "../../parts/editor";
import { Choose, Text, Tick } from "../../parts/form";
import { useSettled } from "../../parts/settled";
import { note } from "../../parts/notes";
import { STATUSES } from "../targets/words";
import { type Entry, told } from "./panel";

const EMPTY = { click_id: "", transaction_id: "", payout: "", currency: "", status: "sale", event_type: "", time: "" };
type Fields = typeof EMPTY;
const WORDS: Readonly<Record<keyof Fields, string>> = { click_id: "click", transaction_id: "transaction", payout: "payout", currency: "currency", status: "status", event_type: "type", time: "time" };

export function One({ network, usual, done, onClose }: Entry) {
  const [id] = useState(() => crypto.randomUUID());
  const [fields, setFields] = useState<Fields>(EMPTY);
  const [report, setReport] = useState(true);
  const put = (name: keyof Fields) => (text: string) => setFields((held) => ({ ...held, [name]: text.trim() }));
  const said = { ...fields, report, ...(network ? { network_id: network } : {}) };
  const [still, latest] = useSettled(said);
  const ready = Boolean(still.click_id || still.transaction_id);
  const checked = useAsk("conversions.enter", ready ? { ...still, preview: true } : null);
  const changed = (Object.keys(EMPTY) as (keyof Fields)[]).filter((name) => fields[name] && fields[name] !== EMPTY[name]);
  const save = () => attempt("conversions.enter", { ...said, id }, (answer) => (note(`Entered: ${told(answer)}. It arrives in a moment.`), done()));
  return (
    <Editor title="Enter a conversion" changed={changed.map((name) => WORDS[name])} save={save} onClose={onClose} saveWords="Enter it" aside={<Verdict ready={ready} checked={checked} stale={checked.busy || !latest} />}>
      {usual}
      <Text label="Click id" path="click_id" mono value={fields.click_id} placeholder="as its link gave it to the offer" onText={put("click_id")} />
      <Text label="Transaction id" path="transaction_id" mono value={fields.transaction_id} placeholder="the network's; alone it names a conversion that is there" onText={put("transaction_id")} />
      <div class="fields">
        <Choose label="Status" path="status" value={fields.status} options={STATUSES.map((each) => [each, each] as const)} onPick={put("status")} />
        <Text label="Payout" path="payout" numeric value={fields.payout} placeholder="12.50" onText={put("payout")} />
        <Text label="Currency" path="currency" value={fields.currency} placeholder="USD" onText={(text) => put("currency")(text.toUpperCase())} />
      </div>
      <div class="fields">
        <Text label="Type" path="event_type" value={fields.event_type} placeholder="purchase, deposit …" onText={put("event_type")} />
        <Text label="When, if not now" path="time" value={fields.time} placeholder="2026-11-22T14:30:00Z" onText={put("time")} />
      </div>
      <Tick label="Tell the targets" hint="as of any conversion" on={report} onTick={setReport} />
    </Editor>
  );
}

function Verdict({ ready, checked, stale }: { ready: boolean; checked: ReturnType<typeof useAsk<"conversions.enter">>; stale: boolean }) {
  if (!ready) return <p class="dim">It is checked as soon as there is a click or a transaction; nothing is stored before you say so.</p>;
  if (checked.fault) return <p class="warned" role="status">{[checked.fault.message, ...checked.fault.fields.map((each) => `${each.path}: ${each.message}`)].join("; ")}</p>;
  if (!checked.value) return <p class="dim" role="status">Checking…</p>;
  const { refused, made, changed } = checked.value;
  if (refused.length) return <p class="warned" role="status">{refused.map((each) => `${each.field ? `${each.field}: ` : ""}${each.reason}`).join("; ")}</p>;
  return (
    <div class={`ending${stale ? " stale" : ""}`} role="status">
      <strong>{made ? "A new conversion" : changed ? "Changes a conversion that is there" : "Known exactly like this: nothing would change"}</strong>
    </div>
  );
}
