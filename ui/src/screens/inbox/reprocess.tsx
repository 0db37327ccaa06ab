/** Past postbacks read again by the rules of now: what would change is looked at first, then it is done or not. */

import { useState } from "preact/hooks";
import type { Api, Reprocessing } from "../../api";
import { useAsk } from "../../ask";
import { attempt } from "../../editing";
import { nameOf } from "../../names";
import type { Fault } from "../../parts/editor";
import { Figure } from "../../parts/figure";
import { Tick, Words } from "../../parts/form";
import { note } from "../../parts/notes";
import { shown } from "../../parts/number";
import { Panel } from "../../parts/panel";
import { RANGES } from "../../range";
import { href, param, set } from "../../route";
import { may } from "../../session";
import { zone } from "../../zone";
import { usePeriod } from "../records/page";
import { EVER } from "./panel";
import { Change } from "./standing";

type Request = Api["postbacks.reprocess_preview"]["request"];

/** Draft words as the URL has them: `word:status`, one after another. */
export function draftWords(text: string): Record<string, string> {
  return Object.fromEntries(text.split("\n").map((each) => each.split("\t")).filter((each): each is [string, string] => each.length === 2 && each[0] !== ""));
}

export function spellWords(words: Readonly<Record<string, string>>): string {
  return Object.entries(words).map((each) => each.join("\t")).join("\n");
}

function selection(period: { from: string; to: string }): Request {
  const [one, network, outcome] = [param("reprocess"), Number(param("network")), param("outcome")];
  if (one !== "1") return { from: EVER, ids: [one] };
  return {
    ...period, timezone: zone.value, ...(network ? { network_id: network } : {}),
    ...(outcome ? { outcomes: [outcome === "door" ? "refused" : outcome] as Request["outcomes"] & object } : {}),
  }; // prettier-ignore
}

export function ReprocessPanel({ changed }: { changed: () => void }) {
  const { range, period, words } = usePeriod();
  const [report, setReport] = useState(false);
  const [busy, setBusy] = useState(false);
  const [fault, setFault] = useState<Fault>();
  const [done, setDone] = useState<Reprocessing>();
  const which = { ...selection(period), report };
  const drafts = draftWords(param("words"));
  const network = useAsk("networks.get", Object.keys(drafts).length && which.network_id ? { id: which.network_id } : null);
  const drafted = network.value ? { ...network.value.status_words, ...drafts } : undefined;
  const waits = Object.keys(drafts).length > 0 && !drafted;
  const asked = useAsk("postbacks.reprocess_preview", waits || done ? null : { ...which, ...(drafted ? { network: { status_words: drafted } } : {}) });
  const found = done ?? asked.value;
  const leave = (): void => set({ reprocess: null, words: null });
  const apply = async (): Promise<void> => {
    if (!asked.value) return;
    setBusy(true);
    const { fingerprint } = asked.value;
    const failed = await attempt("postbacks.reprocess_apply", { ...which, fingerprint }, (answer) => {
      setDone(answer);
      note(`${shown(answer.made + answer.changed + answer.voided)} conversions are as the preview showed them.`);
      changed();
    });
    setFault(failed && { ...failed, message: failed.message.replace(" Somebody else saved in between: open it again.", "") });
    setBusy(false);
  };
  const saveWords = async (past: boolean): Promise<void> => {
    if (!network.value || !drafted) return;
    setBusy(true);
    const failed = await attempt("networks.change", { id: network.value.id, revision: network.value.revision, status_words: drafted }, () => {});
    setFault(failed);
    if (!failed && past) await apply();
    else if (!failed) (note("From now on they mean that."), leave());
    setBusy(false);
  };
  const nothing = found && !found.made && !found.changed && !found.voided && !found.unseen && !found.moved;
  return (
    <Panel title="Process again" wide onClose={leave}>
      {param("reprocess") === "1" && !done && <div><Words label="Period that is processed again" value={range} options={Object.entries(RANGES)} onPick={(word) => set({ range: word })} /></div>}
      <p>
        {param("reprocess") === "1" ? <>The postbacks of {words}{which.network_id ? <> from {nameOf("networks", which.network_id)}</> : ""}{which.outcomes ? `, of which “${which.outcomes.join()}” became` : ""},</> : "This postback, with all others of its conversion,"}
        {" "}read again by the rules of now{drafted && <>, where {Object.entries(drafts).map(([word, status]) => `“${word}” is a ${status}`).join(", ")}</>}.
      </p>
      {asked.fault && !done && <p class="wrong" role="alert">{asked.fault.message}{asked.fault.fields.map((each) => ` ${each.path}: ${each.message}`)} <button type="button" onClick={asked.again}>Look again</button></p>}
      {!found && !asked.fault && <p class="dim" role="status">Reading them again…</p>}
      {found && <Outcome found={found} stale={asked.busy && !done} />}
      {fault && <p class="wrong" role="alert">{fault.message} <button type="button" onClick={() => (setFault(undefined), asked.again())}>Look again</button></p>}
      {done ? (
        <p class="row"><strong class="grow" role="status">Done. Reports have it within seconds.</strong><button type="button" onClick={leave}>Close</button></p>
      ) : found && nothing ? (
        <p class="row"><span class="dim grow">Nothing would change.</span>{drafted && <button type="button" class="main" disabled={busy} onClick={() => void saveWords(false)}>Save the words</button>}</p>
      ) : (
        found && may("conversions.write") && (
          <>
            <Tick label="Tell targets of it too" hint="as of any change; off, only reports change" on={report} onTick={setReport} />
            <p class="row">
              <span class="dim grow roomy">All of it or nothing; each change is a revision.</span>
              <button type="button" class="main" disabled={busy || asked.busy} onClick={() => void (drafted ? saveWords(true) : apply())}>{busy ? "Applying…" : drafted ? "Save the words and apply" : "Apply"}</button>
            </p>
          </>
        )
      )}
    </Panel>
  );
}

/** Of each list so many are shown; the figures count all. */
const SHOWN = 100;

function Outcome({ found, stale }: { found: Reprocessing; stale: boolean }) {
  return (
    <div class={stale ? "stale" : undefined}>
      <dl class="grid">
        <Figure name={found.applied ? "Made" : "Would be made"} value={found.made} />
        <Figure name={found.applied ? "Changed" : "Would change"} value={found.changed} />
        <Figure name={found.applied ? "Void now" : "Would be void"} value={found.voided} />
        <Figure name="Postbacks read" value={found.postbacks} note={`${shown(found.unchanged + found.unseen)} conversions as before`} />
        {found.sums.map((sum) => <Figure key={sum.currency} name="Revenue changes by" unit={sum.currency} value={Number(sum.revenue ?? 0)} shape="money" loses note={Number(sum.hold ?? 0) ? `on hold ${shown(Number(sum.hold), "money")}` : ""} />)}
      </dl>
      {found.conversions.length > 0 && (
        <>
          <h3>Conversions, before and after</h3>
          <ul class="log">
            {found.conversions.slice(0, SHOWN).map((each) => (
              <li key={each.id}>
                <a href={href(`/conversions?open=${each.id}`)}>{(each.after ?? each.before)?.transaction_id || `…${each.id.slice(-8)}`}</a>
                <span class="dim">{each.deed}</span>
                <Change before={each.before} after={each.after} />
              </li>
            ))}
          </ul>
          {found.made + found.changed + found.voided > SHOWN && <p class="dim">And {shown(found.made + found.changed + found.voided - SHOWN)} more.</p>}
        </>
      )}
      {found.left_alone.length > 0 && (
        <>
          <h3>Left as they are: {shown(found.left)}</h3>
          <ul class="plainly">{found.left_alone.slice(0, SHOWN).map((each) => <li key={each.conversion_id}><a href={href(`/conversions?open=${each.conversion_id}`)}>…{each.conversion_id.slice(-8)}</a> {each.reason}</li>)}</ul>
        </>
      )}
      {found.pending > 0 && <p class="dim">{shown(found.pending)} have only just arrived, and are processed anyway.</p>}
    </div>
  );
}
