/** The frame of the screens before the screens, and what their forms share. */

import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { Waves } from "../../bar";
import { Refusal } from "../../rpc";

export function Gate({ title, children }: { title: string; children: ComponentChildren }) {
  return (
    <main class="gate">
      <div class="card">
        <p class="brand"><Waves /> Weir</p>
        <h1>{title}</h1>
        {children}
      </div>
    </main>
  );
}

export interface Sending {
  busy: boolean;
  /** What is wrong with the whole of it; a field's own fault stands beside the field. */
  fault: string;
  wrong: (field: string) => string | undefined;
  send: (act: () => Promise<void>) => void;
}

export function useSending(): Sending {
  const [busy, setBusy] = useState(false);
  const [fault, setFault] = useState<Refusal | null>(null);
  const send = (act: () => Promise<void>): void => {
    setBusy(true);
    setFault(null);
    act().catch((failed: unknown) => setFault(failed instanceof Refusal ? failed : new Refusal("internal", String(failed))))
         .finally(() => setBusy(false)); // prettier-ignore
  };
  const wrong = (field: string): string | undefined => fault?.fields.find((each) => each.path === field)?.message;
  return { busy, fault: fault && !fault.fields.length ? fault.message : "", wrong, send };
}
