/** A panel that edits: nothing is lost by a slip, what is wrong stands beside its field, Ctrl-Enter saves. */

import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { Problems, type Problem } from "./form";
import { Panel } from "./panel";

export interface Fault {
  message: string;
  fields: readonly Problem[];
}

interface Props {
  title: string;
  /** What is not saved yet, in words; empty when nothing is. */
  changed: readonly string[];
  /** Undefined when it went well. */
  save: () => Promise<Fault | undefined>;
  onClose: () => void;
  saveWords?: string;
  wide?: boolean;
  aside?: ComponentChildren;
  children: ComponentChildren;
}

export function Editor({ title, changed, save, onClose, saveWords = "Save", wide, aside, children }: Props) {
  const [fault, setFault] = useState<Fault>();
  const [busy, setBusy] = useState(false);
  const [leaving, setLeaving] = useState(false);
  const form = useRef<HTMLFormElement>(null);
  const dirty = changed.length > 0;
  const run = (): void => {
    if (busy || !dirty) return;
    setBusy(true);
    void save().then((found) => {
      setBusy(false);
      setFault(found);
    });
  };
  useEffect(() => {
    if (!fault) return;
    const first = form.current?.querySelector<HTMLElement>("[aria-invalid]");
    first?.focus();
    first?.scrollIntoView({ block: "center" });
  }, [fault]);
  const leave = (): void => (dirty && !leaving ? setLeaving(true) : onClose());
  const pressed = (event: KeyboardEvent): void => {
    if (event.key !== "Enter") return;
    if (event.ctrlKey || event.metaKey) run();
    // Enter alone is too easily pressed: what is saved here routes money.
    else if ((event.target as Element).matches("input")) event.preventDefault();
  };
  return (
    <Panel title={title} onClose={leave} wide={Boolean(wide)}>
      <form class="editor" ref={form} onKeyDown={pressed} onSubmit={(event) => (event.preventDefault(), run())} noValidate>
        <Problems.Provider value={fault?.fields ?? []}>{children}</Problems.Provider>
        {aside}
        <footer class="save">
          {fault && (
            <div class="refused" role="alert">
              <strong>{fault.message}</strong>
              {fault.fields.length > 0 && <ul>{fault.fields.slice(0, 8).map((each) => <li key={each.path}><code>{each.path}</code> {each.message}</li>)}</ul>}
            </div>
          )}
          {leaving && dirty ? (
            <p class="row" role="alert">
              <span>Not saved: {changed.join(", ")}.</span>
              <span class="room" />
              <button type="button" onClick={() => setLeaving(false)}>Go on editing</button>
              <button type="button" class="loses" onClick={onClose}>Throw away</button>
            </p>
          ) : (
            <p class="row">
              <span class="dim grow" role="status">{dirty ? `Changed: ${changed.join(", ")}` : "Nothing changed yet"}</span>
              <button type="submit" class="main" disabled={!dirty || busy} title="Ctrl-Enter">{busy ? "Saving…" : saveWords}</button>
            </p>
          )}
        </footer>
      </form>
    </Panel>
  );
}
