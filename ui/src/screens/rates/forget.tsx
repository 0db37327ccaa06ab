/** Forgetting old rates: conversions that were counted by them stay as they are. */

import { useState } from "preact/hooks";
import { attempt } from "../../editing";
import type { Fault } from "../../parts/editor";
import { note } from "../../parts/notes";
import { shown } from "../../parts/number";

export function Forget({ base, quote, done }: { base: string; quote: string; done: () => void }) {
  const [before, setBefore] = useState<string>();
  const [fault, setFault] = useState<Fault>();
  if (before === undefined) return <button type="button" onClick={() => setBefore("")}>Forget old ones…</button>;
  const pair = base || quote ? ` ${[base && `from ${base}`, quote && `to ${quote}`].filter(Boolean).join(" ")}` : "";
  const run = async (): Promise<void> =>
    setFault(
      await attempt("rates.remove", { before, from: base, to: quote }, ({ removed }) => {
        note(`${shown(removed)} rates are forgotten.`);
        setBefore(undefined);
        done();
      }),
    );
  return (
    <span class="row" role="group" aria-label="Forget old rates">
      <label class="row"><span>Forget those{pair} before</span><input type="date" value={before} onInput={(event) => setBefore(event.currentTarget.value)} /></label>
      <button type="button" class="loses" disabled={!before} onClick={() => void run()}>Forget them</button>
      <button type="button" class="quiet" onClick={() => setBefore(undefined)}>Keep them</button>
      {fault && <span class="wrong" role="alert">{fault.message}{fault.fields.map((each) => ` ${each.message}`)}</span>}
    </span>
  );
}
