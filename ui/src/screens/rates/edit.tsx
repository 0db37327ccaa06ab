/** Rates typed in or pasted, all or none; each line that is wrong is named. */

import { useRef, useState } from "preact/hooks";
import { Editor, type Fault } from "../../parts/editor";
import { Area } from "../../parts/form";
import { note } from "../../parts/notes";
import { shown } from "../../parts/number";
import { day, now } from "../../parts/time";
import { zone } from "../../zone";

interface Props {
  save: (text: string) => Promise<Fault | undefined>;
  saved: () => void;
  onClose: () => void;
}

export function RatesEditor({ save, saved, onClose }: Props) {
  const [text, setText] = useState("");
  const picker = useRef<HTMLInputElement>(null);
  const today = day(now.peek(), zone.value);
  const lines = text.split(/\r?\n/).filter((line) => line.trim()).length;
  const read = async (file: File | undefined): Promise<void> => {
    if (file) setText(await file.text());
  };
  const run = async (): Promise<Fault | undefined> => {
    const fault = await save(text);
    if (!fault) {
      note("The rates are stored.");
      saved();
    }
    return fault;
  };
  return (
    <Editor title="Enter rates" changed={lines ? [`${shown(lines)} line${lines === 1 ? "" : "s"}`] : []} save={run} onClose={onClose} saveWords="Store them">
      <Area label="One a line: day, from, to, rate" path="text" mono rows={10} value={text} onText={setText} placeholder={`${today},EUR,USD,1.0832\n${today},GBP,USD,1.2710`}
            hint="Separated by , or ; or a tab; a first line of names is passed over. A rate of the same day and currencies is replaced. From that day on, until the next: one EUR is worth 1.0832 USD." />
      <p class="row">
        <input ref={picker} type="file" accept=".csv,.txt,text/csv,text/plain" class="unseen" tabIndex={-1} aria-label="A file of rates" onChange={(event) => (void read(event.currentTarget.files?.[0]), (event.currentTarget.value = ""))} />
        <button type="button" onClick={() => picker.current?.click()}>CSV file…</button>
      </p>
    </Editor>
  );
}
