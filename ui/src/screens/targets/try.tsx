/** A target tried: the request as it will be, and what its receiver answers to a sample. Nothing is stored. */

import { useState } from "preact/hooks";
import type { TargetTrial } from "../../api";
import { useAsk } from "../../ask";
import { attempt } from "../../editing";
import type { Fault } from "../../parts/editor";
import { Text } from "../../parts/form";
import { useSettled } from "../../parts/settled";
import { latency, Wire } from "../deliveries/wire";

interface Props {
  /** None: the values are a new one's. */
  id?: number;
  values: Readonly<Record<string, unknown>>;
  url: string;
}

const SAYS = ["source_click_id", "click_id", "transaction_id", "payout", "status"] as const;

export function TryTarget({ id, values, url }: Props) {
  const [said, setSaid] = useState<Readonly<Record<string, string>>>({});
  const [found, setFound] = useState<{ answer: TargetTrial; of: string }>();
  const [fault, setFault] = useState<Fault>();
  const [busy, setBusy] = useState(false);
  const conversion = Object.fromEntries(Object.entries(said).filter(([, text]) => text));
  const draft = { ...(id ? { id } : {}), values: { ...values }, conversion };
  const ready = id !== undefined || /^https?:\/\/[^/]+\.|^https?:\/\/[^/]+:/.test(url);
  const [still, latest] = useSettled(draft);
  const preview = useAsk("targets.test", ready && latest ? { ...still, send: false } : null);
  const of = JSON.stringify(draft);
  const run = async (): Promise<void> => {
    setBusy(true);
    setFault(await attempt("targets.test", draft, (answer) => setFound({ answer, of })));
    setBusy(false);
  };
  const put = (name: string) => (text: string) => setSaid((held) => ({ ...held, [name]: text.trim() }));
  return (
    <div class="try" role="group" aria-label="Try it">
      <p class="row">
        <span class="grow">A sale that never was, told like this:</span>
        <button type="button" onClick={() => void run()} disabled={busy || !ready}>{busy ? "Sending…" : "Send a sample"}</button>
      </p>
      {!ready ? <p class="dim">The request stands here as soon as there is an address.</p> : preview.fault ? <p class="dim">{[preview.fault.message, ...preview.fault.fields.map((each) => `${each.path}: ${each.message}`)].join("; ")}</p> : preview.value && <Wire text={preview.value.request} label="The request" stale={preview.busy || !latest} />}
      <details class="more">
        <summary>Say something else of it</summary>
        <div class="fields">{SAYS.map((name) => <Text key={name} label={name.replaceAll("_", " ")} mono value={said[name] ?? ""} placeholder={preview.value?.told[name] ?? ""} onText={put(name)} />)}</div>
        <small>With a click id that the receiver knows it may count the sample; with ours it should refuse it.</small>
      </details>
      {fault && <p class="wrong" role="alert">{fault.message}{fault.fields.map((each) => ` ${each.path}: ${each.message}`).join(";")}</p>}
      {found && <Answer tested={found.answer} stale={found.of !== of} />}
    </div>
  );
}

function Answer({ tested, stale }: { tested: TargetTrial; stale: boolean }) {
  return (
    <div class={`ending${tested.accepted ? "" : " back"}${stale ? " stale" : ""}`} role="status">
      <strong>{tested.accepted ? `Accepted: status ${tested.status}` : tested.status ? `Not accepted: ${tested.verdict}` : `No answer: ${tested.error}`}</strong>
      <span class="dim">{tested.sent ? `after ${latency(tested.latency_us)}` : "nothing was sent"}{stale && "; before the latest change"}</span>
      {tested.answer && <Wire text={tested.answer} label="Its answer" />}
    </div>
  );
}
