/** A list of conversions, pasted or from a file: all rows checked first, each wrong one named with its field. */

import { useRef, useState } from "preact/hooks";
import type { EntryAnswer } from "../../api";
import { attempt } from "../../editing";
import { Editor, type Fault } from "../../parts/editor";
import { Area, Tick } from "../../parts/form";
import { note } from "../../parts/notes";
import { shown } from "../../parts/number";
import { type Column, Table } from "../../parts/table";
import { type Entry, told } from "./panel";

/** Characters: a socket's message is 1 MiB at most. */
const LARGEST = 900_000;
type Refused = EntryAnswer["refused"][number];

export function Many({ network, usual, done, onClose }: Entry) {
  const [text, setText] = useState("");
  const [partial, setPartial] = useState(false);
  const [report, setReport] = useState(true);
  const [checked, setChecked] = useState<{ answer: EntryAnswer; of: string }>();
  const [fault, setFault] = useState<Fault>();
  const [busy, setBusy] = useState(false);
  const [id] = useState(() => crypto.randomUUID());
  const picker = useRef<HTMLInputElement>(null);
  const said = { text, partial, report, ...(network ? { network_id: network } : {}) };
  const of = JSON.stringify(said);
  const sure = checked?.of === of ? checked.answer : undefined;
  const good = sure && (partial || !sure.refused.length) ? sure.rows - sure.refused.length : 0;
  const check = async (): Promise<void> => {
    setBusy(true);
    setFault(text.length > LARGEST ? { message: "This is too long for one request: cut it into lists of 10,000 rows at most.", fields: [] } : await attempt("conversions.import", { ...said, preview: true }, (answer) => setChecked({ answer, of })));
    setBusy(false);
  };
  const save = () =>
    // The text is part of what the id stands for: another text is another list.
    attempt("conversions.import", { ...said, id: `${id}-${checksum(of)}` }, (answer) => (note(`Entered: ${told(answer)}${answer.refused.length ? `, ${answer.refused.length} refused` : ""}. They arrive in a moment.`), done()));
  const read = async (file: File | undefined): Promise<void> => {
    if (file) setText(await file.text());
  };
  return (
    <Editor title="Enter a list of conversions" wide changed={text.trim() ? ["the list"] : []} save={save} onClose={onClose} saveWords={good ? `Enter ${shown(good)}` : "Enter them"}>
      {usual}
      <div onDragOver={(event) => event.preventDefault()} onDrop={(event) => (event.preventDefault(), void read(event.dataTransfer?.files[0]))}>
        <Area label="The list" path="text" mono rows={10} value={text} onText={setText} placeholder={"click_id,transaction_id,payout,currency,status\n01a201dc-…,A-17,12.50,USD,sale\n\nor lines:\n01a201dc-…:payout=12.50:status=sale"}
              hint="CSV with a header, separated by , or ; or a tab; or lines clickid:payout=…:status=…, at most 10,000. Columns: click_id, transaction_id, payout, currency, status, event_type, event_id, upsell, time, network." />
      </div>
      <p class="row">
        <input ref={picker} type="file" accept=".csv,.txt,.tsv,text/csv,text/plain" class="unseen" tabIndex={-1} aria-label="A file of conversions" onChange={(event) => (void read(event.currentTarget.files?.[0]), (event.currentTarget.value = ""))} />
        <button type="button" onClick={() => picker.current?.click()}>File…</button>
        <span class="dim grow">or drop one above</span>
        <button type="button" disabled={busy || !text.trim()} onClick={() => void check()}>{busy ? "Checking…" : "Check"}</button>
      </p>
      <Tick label="Enter the good rows even if others are refused" on={partial} onTick={setPartial} />
      <Tick label="Tell the targets" hint="as of any conversion" on={report} onTick={setReport} />
      {fault && <p class="wrong" role="alert">{fault.message}{fault.fields.slice(0, 5).map((each) => ` ${each.path}: ${each.message}`).join(";")}</p>}
      {checked && <Checked answer={checked.answer} stale={!sure} partial={partial} />}
    </Editor>
  );
}

function Checked({ answer, stale, partial }: { answer: EntryAnswer; stale: boolean; partial: boolean }) {
  const wrong = answer.refused.length;
  return (
    <div class={stale ? "stale" : undefined} role="status">
      <div class={`ending${wrong ? " back" : ""}`}>
        <strong>{wrong ? `${shown(wrong)} of ${shown(answer.rows)} rows are refused${partial ? "" : ": nothing will be entered"}` : `All ${shown(answer.rows)} rows are good`}</strong>
        <span class="dim">{[(!wrong || partial) && told(answer), stale && "before the latest change, check again"].filter(Boolean).join("; ")}</span>
      </div>
      {wrong > 0 && <Table caption="Refused rows" columns={COLUMNS} rows={answer.refused} keyOf={(each) => `${each.row} ${each.field} ${each.reason}`} />}
    </div>
  );
}

const COLUMNS: Column<Refused>[] = [
  { key: "row", head: "Line", figure: true, show: (each) => shown(each.row) },
  { key: "field", head: "Field", show: (each) => (each.field ? <code>{each.field}</code> : <span class="zero">–</span>) },
  { key: "reason", head: "Why", show: (each) => each.reason },
];

/** Names a text well enough to tell it from the one before. */
function checksum(text: string): string {
  let sum = 0;
  for (let at = 0; at < text.length; at += 1) sum = (Math.imul(sum, 31) + text.charCodeAt(at)) | 0;
  return (sum >>> 0).toString(36);
}
