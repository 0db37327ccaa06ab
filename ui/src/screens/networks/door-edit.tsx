/** What must come with a postback before it is believed, and what is answered. */

import type { Network } from "../../api";
import { Choose, Text } from "../../parts/form";
import { Values } from "../../parts/values";
import type { Draft } from "./edit";
import { made } from "./fresh";
import { SIGNATURES } from "./words";

interface Props {
  network: Network | undefined;
  draft: Draft;
  put: (made: Partial<Draft>) => void;
}

export function DoorEdit({ network, draft, put }: Props) {
  return (
    <>
      <div class="fields">
        <Text label="Secret" path="secret" mono value={draft.secret ?? ""} placeholder={network?.secret ? "set; type to replace it" : "none"} hint={<Secrets draft={draft} network={network} put={put} />} onText={(text) => put({ secret: text.trim() || undefined })} />
        <Choose label="Signature" path="signature" value={draft.signature} options={SIGNATURES} hint={draft.signature ? "made with the secret" : ""} onPick={(signature) => put({ signature: signature as Draft["signature"] })} />
      </div>
      <div class="item">
        <span class="dim">Further secrets that are valid too, while you change it</span>
        <Values label="Further secrets" path="secrets" values={draft.secrets} placeholder="none" onValues={(secrets) => put({ secrets })} />
      </div>
      <div class="item">
        <span class="dim">Addresses that it may send from</span>
        <Values label="Addresses and networks" path="allow" values={draft.allow} placeholder="all; such as 203.0.113.0/24, then Enter" onValues={(allow) => put({ allow })} />
      </div>
      <Text label="What it is answered" path="reply" value={draft.reply} placeholder="OK" hint="where the network insists on a text; {transaction} is its own id" onText={(reply) => put({ reply })} />
    </>
  );
}

function Secrets({ draft, network, put }: { draft: Draft; network: Network | undefined; put: (made: Partial<Draft>) => void }) {
  return (
    <>
      <button type="button" class="link" onClick={() => put({ secret: made() })}>Make one up</button>
      {network?.secret && draft.secret === undefined && <> · <button type="button" class="link" onClick={() => put({ secret: "" })}>Ask for none</button></>}
      {!network?.secret && !draft.secret && " · Without one whoever knows the address can report sales."}
      {draft.secret === "" && network?.secret && " · It will be asked for no more."}
      {draft.secret && " · It stands in the postback URL until you close this window; then nobody can read it any more."}
    </>
  );
}
