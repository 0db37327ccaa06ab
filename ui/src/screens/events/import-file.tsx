/** A file of interpreted events handed in by a browser: an object a line, or an array. */

import { useRef, useState } from "preact/hooks";
import type { Fault } from "../../parts/editor";
import { call } from "../../live";
import { shown } from "../../parts/number";
import { Refusal } from "../../rpc";
import { LARGEST } from "../lists/upload";
import { handIn, type Sum, unfit } from "./hand-in";

const SHOWN = 20;

export function ImportFile({ done }: { done: () => void }) {
  const picker = useRef<HTMLInputElement>(null);
  const [part, setPart] = useState(-1);
  const [found, setFound] = useState<Sum>();
  const [fault, setFault] = useState<Fault>();
  const busy = part >= 0;
  const take = async (file: File | undefined): Promise<void> => {
    if (!file || busy) return;
    setFound(undefined);
    setFault(undefined);
    const text = await file.text();
    const message = unfit(text, LARGEST);
    if (message) return setFault({ message, fields: [] });
    setPart(0);
    try {
      setFound(await handIn(text, LARGEST, (piece) => call("events.import", { text: piece }), setPart));
    } catch (failed) {
      if (!(failed instanceof Refusal)) throw failed;
      setFault({ message: failed.message, fields: failed.fields });
    } finally {
      setPart(-1);
      done();
    }
  };
  return (
    <div class="block" role="group" aria-label="A file" onDragOver={(event) => event.preventDefault()} onDrop={(event) => (event.preventDefault(), void take(event.dataTransfer?.files[0]))}>
      <p class="row">
        <input ref={picker} type="file" accept=".json,.ndjson,.jsonl,application/json" class="unseen" tabIndex={-1} aria-label="A file of events" onChange={(event) => (void take(event.currentTarget.files?.[0]), (event.currentTarget.value = ""))} />
        <button type="button" disabled={busy} onClick={() => picker.current?.click()}>{busy ? `Sending ${shown(part * 100)} %` : "A file of events…"}</button>
        <span class="dim">or drop one here: one JSON object a line, or an array. They are filtered and reported as if they had come by themselves.</span>
      </p>
      {fault && <p class="wrong" role="alert">{fault.message}{fault.fields.map((each) => ` ${each.path}: ${each.message}`).join(";")}</p>}
      {found && <Came of={found} />}
    </div>
  );
}

function Came({ of }: { of: Sum }) {
  const further = [of.unchanged ? `${shown(of.unchanged)} say nothing new` : "", ...Object.entries(of.labels).map(([label, count]) => `${label}: ${shown(count)}`)].filter(Boolean);
  return (
    <div class={`ending${of.refused.length ? " back" : ""}`} role="status">
      <strong>{of.again ? "The same was taken before: nothing was done." : `${shown(of.read)} read, ${shown(of.kept)} subscribed, ${shown(of.reports)} event${of.reports === 1 ? "" : "s"} told to pixels`}</strong>
      {further.length > 0 && <span class="dim">{further.join("; ")}</span>}
      {of.refused.length > 0 && <ul class="plainly">{of.refused.slice(0, SHOWN).map((each) => <li key={each.line}>Line {each.line}{each.field && <>, <code>{each.field}</code></>}: {each.reason}</li>)}{of.refused.length > SHOWN && <li>and {shown(of.refused.length - SHOWN)} more</li>}</ul>}
    </div>
  );
}
