/** Doing the same to every delivery that the filter lets through: said in words first, then done. */

import { useState } from "preact/hooks";
import { attempt } from "../../editing";
import type { Fault } from "../../parts/editor";
import { note } from "../../parts/notes";
import { shown } from "../../parts/number";
import { RANGES, isRange } from "../../range";
import { nameOf } from "../../names";
import { param } from "../../route";
import { either } from "../platforms/words";
import type { Filter } from "./deliveries";
import { nameOfTarget } from "./queues";

type Act = "retry" | "cancel";
const STATED = { pending: "waiting", dead: "given up", delivered: "acknowledged", cancelled: "cancelled" } as const;

export function AllOfThese({ filter, done }: { filter: Filter; done: () => void }) {
  const [act, setAct] = useState<Act>();
  const [busy, setBusy] = useState(false);
  const [fault, setFault] = useState<Fault>();
  const state = filter.states?.[0];
  const living = !state || state === "pending" || state === "dead";
  const run = async (): Promise<void> => {
    if (!act) return;
    setBusy(true);
    const said = (count: number, what: string) => (note(`${shown(count)} deliveries ${what}.`), setAct(undefined), done());
    setFault(
      act === "retry"
        ? await attempt("deliveries.retry", filter, ({ count }) => said(count, "are attempted now"))
        : await attempt("deliveries.cancel", filter, ({ count }) => said(count, "are cancelled")),
    );
    setBusy(false);
  };
  if (!act) {
    return (
      <p class="row acts">
        <span class="dim">All of these:</span>
        <button type="button" onClick={() => setAct("retry")}>{state === "pending" ? "Attempt now" : "Tell again"}…</button>
        {living && <button type="button" class="loses" onClick={() => setAct("cancel")}>Cancel…</button>}
      </p>
    );
  }
  return (
    <div class="trouble stack" role="alert">
      <p>
        <strong>{act === "retry" ? "Attempt now" : "Attempt no more"}</strong>: every delivery {which(filter, act)}?
        {act === "retry" && state === "delivered" && " Their receivers have them already, and see the same ids again."}
        {act === "cancel" && " Their targets will not hear of these conversions."}
      </p>
      {fault && <p class="wrong">{fault.message}{fault.fields.map((each) => ` ${each.path}: ${each.message}`)}</p>}
      <p class="row">
        <button type="button" onClick={() => (setAct(undefined), setFault(undefined))}>Leave them</button>
        <button type="button" class={act === "retry" ? "main" : "loses"} disabled={busy} onClick={() => void run()}>{busy ? "Doing it…" : act === "retry" ? "Attempt them" : "Cancel them"}</button>
      </p>
    </div>
  );
}

/** "to Push network that was given up, made today": whatever page of them is shown. */
function which(filter: Filter, act: Act): string {
  const state = filter.states?.[0] ?? (act === "retry" ? "dead" : "pending");
  const range = param("range");
  return [
    filter.targets ? `to ${either(filter.targets.map(nameOfTarget))}` : "",
    `that is ${STATED[state]}`,
    ...(filter.campaign_ids ?? []).map((id) => `in ${nameOf("campaigns", id)}`),
    filter.conversion_id ? `of the conversion ${filter.conversion_id.slice(0, 12)}…` : "",
    filter.reasons ? `because of “${either(filter.reasons)}”` : "",
    isRange(range) ? `made ${RANGES[range].toLowerCase()}` : "",
  ].filter(Boolean).join(" ");
}
