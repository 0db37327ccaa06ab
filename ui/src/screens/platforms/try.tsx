/** An account tried with one button: the platform's cheapest harmless request, and what it answers. */

import { useState } from "preact/hooks";
import type { AdAccount, AdPlatform, Api, Pixel } from "../../api";
import { useAsk } from "../../ask";
import { attempt } from "../../editing";
import type { Fault } from "../../parts/editor";
import { Text } from "../../parts/form";
import { latency, Wire } from "../deliveries/wire";
import { known, nameOfPixel, triedWith } from "./words";

type Tested = Api["ad_accounts.test"]["answer"];

interface Props {
  account: AdAccount;
  /** By which of its pixels; none: by the first one. */
  pixel: Pixel | undefined;
}

export function TryAccount({ account, pixel }: Props) {
  const facts = useAsk("ad_accounts.platforms", {}).value?.items.find((each) => each.name === account.platform);
  const [typed, type] = useState("");
  const [found, setFound] = useState<{ answer: Tested; of: string }>();
  const [fault, setFault] = useState<Fault>();
  const [busy, setBusy] = useState(false);
  const of = `${account.revision} ${pixel?.revision}`;
  const run = async (): Promise<void> => {
    setBusy(true);
    setFault(await attempt("ad_accounts.test", { id: account.id, ...(pixel ? { pixel_id: pixel.id } : {}), test_code: typed }, (answer) => setFound({ answer, of })));
    setBusy(false);
  };
  return (
    <div class="try stack" role="group" aria-label="Try the token">
      <p class="row">
        <span class="grow dim">{facts && triedWith(known(account.platform).title, facts, typed || pixel?.test_code || "")}{pixel && ` By the pixel ${nameOfPixel(pixel)}.`}</span>
        <button type="button" disabled={busy || !facts} onClick={() => void run()}>{busy ? "Asking…" : "Test it"}</button>
      </p>
      {facts && shows(facts) && <Text label="With a test code, if any" mono value={typed} placeholder={pixel?.test_code || "none: nothing is counted"} onText={(text) => type(text.trim())} />}
      {fault && <p class="wrong" role="alert">{fault.message}{fault.fields.map((each) => ` ${each.path}: ${each.message}`).join(";")}</p>}
      {found && <Answer of={found.answer} stale={found.of !== of} />}
    </div>
  );
}

/** Whether an event with a code of the operator's is seen there. */
function shows({ tests }: AdPlatform): boolean {
  return tests === "counted" || tests === "unknown";
}

function Answer({ of, stale }: { of: Tested; stale: boolean }) {
  return (
    <div class={`ending${of.ok ? "" : " back"}${stale ? " stale" : ""}`} role="status">
      <strong>{of.ok ? (of.sent ? "It works" : "Nothing to try") : of.label || "It does not work"}</strong>
      <span class="dim">{of.reason}{of.latency_us > 0 && ` · after ${latency(of.latency_us)}`}{of.trace && ` · trace ${of.trace}`}{stale && " · before the latest change"}</span>
      {of.warning && <span class="warned">{of.warning}</span>}
      {of.request && <details class="more"><summary>Request and answer</summary><Wire text={of.request} label="The request" />{of.answer && <Wire text={of.answer} label="Its answer" />}</details>}
    </div>
  );
}
