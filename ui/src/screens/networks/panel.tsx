/** One network: what to paste where, what is wrong, what its words mean, what came last. */

import type { Network, NetworkPresets } from "../../api";
import { useAll } from "../../all";
import { useAsk } from "../../ask";
import { perform, type Toggle } from "../../editing";
import { nameOf } from "../../names";
import { note } from "../../parts/notes";
import { Panel } from "../../parts/panel";
import { href, set } from "../../route";
import { may, seesAll } from "../../session";
import { Findings, useFindings } from "../doctor/findings";
import { type LogRow, postbacksOf } from "../inbox/postback";
import { Try } from "../inbox/try";
import { Verdict } from "../inbox/verdict";
import { moment } from "../records/page";
import { Connect } from "./connect";
import { OnOff } from "./networks";
import { UnknownWords } from "./unknown";
import { rules } from "./words";

interface Props {
  network: Network;
  presets: NetworkPresets | undefined;
  toggle: Toggle<Network>;
  put: (network: Network) => void;
  drop: (id: number) => void;
}

export function NetworkPanel({ network, presets, toggle, put, drop }: Props) {
  const offers = useAll("destinations", may("destinations.read") ? { network_id: network.id } : false);
  const preset = presets?.items.find((each) => each.name === network.preset);
  const doctor = useFindings({ network_id: network.id });
  const write = may("networks.write");
  const words = Object.entries(network.status_words);
  return (
    <Panel title={network.name || network.slug} wide onClose={() => set({ open: null })}>
      <p class="row">
        <OnOff network={network} toggle={toggle} />
        <span class={network.status === "active" ? "dim grow" : "warned grow"}>{network.status === "active" ? "Takes postbacks" : "Paused: its postbacks are turned away"} · #{network.id}{network.preset && ` · as ${preset?.title ?? network.preset}`}</span>
        {write && <button type="button" onClick={() => set({ edit: "1" })}>Edit</button>}
      </p>
      <Findings found={{ ...doctor, items: doctor.items?.filter((each) => each.code !== "status_unknown") }} />
      {may("records.read") && seesAll() && <UnknownWords network={network} put={put} />}
      <Connect key={network.revision} network={network} />
      {may("records.read") && seesAll() && <Try network={network.id} example={`click_id=…&payout=12.50&status=approved&transaction_id=T-1`} />}
      {may("records.read") && seesAll() && <><h3>What came last</h3><Latest network={network} /></>}
      <h3>What its status words mean</h3>
      {words.length ? (
        <dl class="facts">{words.map(([word, status]) => <div key={word}><dt>{word}</dt><dd>{status}</dd></div>)}</dl>
      ) : (
        <p class="dim">None of its own: approved, pending, rejected and the like are known.</p>
      )}
      <h3>Its rules</h3>
      <ul class="plainly">
        <li>Its fields are read {network.template_id ? <>by the template <a href={href(`/networks?of=templates&open=${network.template_id}`)}>{nameOf("templates", network.template_id)}</a></> : "from their usual names"}{network.currency && `; amounts are ${network.currency} where it names no currency`}.</li>
        {rules(network).map((each) => <li key={each}>{each}</li>)}
      </ul>
      <h3>Its offers</h3>
      {offers.value?.length ? <ul class="plainly">{offers.value.map((each) => <li key={each.id}><a href={href(`/destinations?open=${each.id}`)}>{each.name || each.url}</a></li>)}</ul> : <p class="dim">None names it yet: choose it in a destination, and reports know what each network brings.</p>}
      {write && offers.value?.length === 0 && <p><button type="button" class="loses" onClick={() => archive(network, drop)}>Archive</button></p>}
    </Panel>
  );
}

function archive(network: Network, drop: (id: number) => void): void {
  void perform("networks.archive", { id: network.id, revision: network.revision }, (gone) => {
    drop(gone.id);
    set({ open: null });
    note(`${gone.name} is archived.`, () => void perform("networks.restore", { id: gone.id }, () => set({ open: String(gone.id) })));
  });
}

const SHOWN = 6;

function Latest({ network }: { network: Network }) {
  const asked = useAsk("postbacks.list", { network_id: network.id, limit: 30 });
  const found = postbacksOf((asked.value?.items ?? []) as LogRow[]).slice(0, SHOWN);
  if (asked.fault) return <p class="dim">{asked.fault.message}</p>;
  if (!found.length) return <p class="dim">{asked.value ? "Nothing in the last 30 days." : "–"}</p>;
  return (
    <>
      <ul class="log">
        {found.map((each) => <li key={each.id}><a href={href(`/inbox?open=${each.id}`)}>{moment(each.latest.at_us)}</a><span><Verdict postback={each} /></span><span class="dim">{each.latest.reason}</span></li>)}
      </ul>
      <p><a href={href(`/inbox?network=${network.id}&range=30d`)}>All of them</a></p>
    </>
  );
}
