/** What is not saved yet, tried: on one visit, and on the last clicks of the campaign. Nothing is recorded. */

import { useState } from "preact/hooks";
import type { Api, Campaign, Move, Replay } from "../../api";
import { attempt } from "../../editing";
import type { Fault } from "../../parts/editor";
import { shown } from "../../parts/number";
import { may } from "../../session";
import { ofDecision, ofReason } from "../routing/words";
import { Simulate } from "./simulate";

type Changes = NonNullable<Api["routing.simulate"]["request"]["changes"]>;
const CLICKS = 1000;

interface Props {
  campaign: Campaign;
  /** None: the values are a new stream's. */
  stream?: number;
  values: Record<string, unknown>;
}

export function TryDraft({ campaign, stream, values }: Props) {
  const [open, setOpen] = useState(false);
  const draft: Changes = stream
    ? Object.keys(values).length ? [{ kind: "stream", id: stream, values }] : []
    : [{ kind: "stream", deed: "create", values: { campaign_id: campaign.id, ...values } }];
  return (
    <details class="try" open={open} onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>Try it before it is saved</summary>
      {open && <Replayed campaign={campaign} draft={draft} />}
      {open && <Simulate campaign={campaign} draft={draft} />}
    </details>
  );
}

function Replayed({ campaign, draft }: { campaign: Campaign; draft: Changes }) {
  const [found, setFound] = useState<{ answer: Replay; of: string }>();
  const [fault, setFault] = useState<Fault>();
  const [busy, setBusy] = useState(false);
  if (!may("records.read")) return null;
  const of = JSON.stringify(draft);
  const run = async (): Promise<void> => {
    setBusy(true);
    setFault(await attempt("routing.replay", { campaign_id: campaign.id, clicks: CLICKS, changes: draft }, (answer) => setFound({ answer, of })));
    setBusy(false);
  };
  return (
    <div class="block">
      <p class="row">
        <span class="grow">The last {shown(CLICKS)} clicks again, with what is not saved: who would go elsewhere?</span>
        <button type="button" onClick={() => void run()} disabled={busy}>{busy ? "Deciding…" : "Replay"}</button>
      </p>
      {fault && <p class="wrong" role="alert">{fault.message}{fault.fields.map((each) => ` ${each.path}: ${each.message}`).join(";")}</p>}
      {found && <Moves replay={found.answer} stale={found.of !== of} />}
    </div>
  );
}

function Moves({ replay, stale }: { replay: Replay; stale: boolean }) {
  if (!replay.clicks) return <p class="dim">There is no recorded click of this campaign yet.</p>;
  return (
    <div class={stale ? "stale" : undefined} role="status">
      <p>
        <strong>{shown(replay.moved)}</strong> of {shown(replay.clicks)} clicks would go elsewhere, {shown(replay.stayed)} stay.{stale && " (before the latest change)"}
      </p>
      <ul class="moves">
        {replay.moves.slice(0, 8).map((move) => (
          <li key={`${place(move.before)} ${place(move.after)}`}><strong>{shown(move.clicks)}</strong> <span>{place(move.before)} <span class="dim">→</span> {place(move.after)}</span></li>
        ))}
      </ul>
    </div>
  );
}

function place(at: Move["before"]): string {
  const where = at.destination || (at.reason && ofReason(at.reason).replace(/\..*$/, "")) || ofDecision(at.decision);
  return at.stream ? `${at.stream}: ${where}` : where;
}
