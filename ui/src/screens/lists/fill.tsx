/** Entries into a list and out of it: pasted, or from a text file of any size. */

import { useRef, useState } from "preact/hooks";
import type { NamedList } from "../../api";
import type { Fault } from "../../parts/editor";
import { Area, type Options, Problems, Words } from "../../parts/form";
import { note } from "../../parts/notes";
import { shown } from "../../parts/number";
import { Refusal } from "../../rpc";
import { type Deed, send } from "./upload";

const DEEDS: Options = [["append", "Add"], ["replace", "Replace all"], ["remove", "Take out"]];
const DONE: Readonly<Record<Deed, string>> = { append: "added to", replace: "the only ones of", remove: "taken out of" };

export function Fill({ list, put }: { list: NamedList; put: (list: NamedList) => void }) {
  const [deed, setDeed] = useState<Deed>("append");
  const [text, setText] = useState("");
  const [file, setFile] = useState<{ name: string; lines: number; text: string }>();
  const [part, setPart] = useState(-1);
  const [fault, setFault] = useState<Fault>();
  const picker = useRef<HTMLInputElement>(null);
  const whole = file?.text ?? text;
  const read = async (chosen: File | undefined): Promise<void> => {
    if (!chosen) return;
    const found = await chosen.text();
    setFile({ name: chosen.name, text: found, lines: found.split(/\r?\n/).filter((line) => line.trim()).length });
  };
  const run = async (): Promise<void> => {
    setPart(0);
    try {
      const made = await send(list, deed, whole, setPart);
      put(made);
      note(`Entries are ${DONE[deed]} ${made.name}: it has ${shown(made.entries)} now.`);
      setText("");
      setFile(undefined);
      setFault(undefined);
    } catch (failed) {
      if (!(failed instanceof Refusal)) throw failed;
      setFault({ message: failed.message, fields: failed.fields });
    }
    setPart(-1);
  };
  const busy = part >= 0;
  return (
    <Problems.Provider value={fault?.fields ?? []}>
      <div class="block" onDragOver={(event) => event.preventDefault()} onDrop={(event) => (event.preventDefault(), void read(event.dataTransfer?.files[0]))}>
        <Words label="What to do with the entries" value={deed} options={DEEDS} onPick={(word) => setDeed(word as Deed)} />
        {file ? (
          <p class="row"><strong class="grow">{file.name}</strong><span class="dim">{shown(file.lines)} lines</span><button type="button" class="quiet" aria-label="Another file" onClick={() => setFile(undefined)}>×</button></p>
        ) : (
          <Area label="Entries, one a line" path="text" mono rows={5} value={text} onText={setText} placeholder={list.of === "address" ? "203.0.113.0/24" : list.of === "mask" ? "*bot*" : "pub-1"} />
        )}
        <p class="row">
          <input ref={picker} type="file" accept=".txt,.csv,text/plain" class="unseen" tabIndex={-1} aria-label="A text file of entries" onChange={(event) => (void read(event.currentTarget.files?.[0]), (event.currentTarget.value = ""))} />
          <button type="button" onClick={() => picker.current?.click()}>Text file…</button>
          <span class="dim">or drop one here</span>
          <span class="room" />
          <button type="button" class="main" disabled={busy || (!whole.trim() && deed !== "replace")} onClick={() => void run()}>{busy ? `Sending ${shown(part * 100)} %` : deed === "replace" && !whole.trim() ? "Empty it" : DEEDS.find(([word]) => word === deed)?.[1]}</button>
        </p>
        {fault && <p class="wrong" role="alert">{fault.message}{fault.fields.filter((each) => !each.path.startsWith("text")).map((each) => ` ${each.path}: ${each.message}`)}</p>}
      </div>
    </Problems.Provider>
  );
}
