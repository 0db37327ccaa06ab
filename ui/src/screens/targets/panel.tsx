/** One target: whether it listens, what it is told, what waits for it, and trying it. */

import type { PostbackTarget } from "../../api";
import { perform } from "../../editing";
import type { Toggle } from "../../editing";
import { Copy } from "../../parts/copy";
import { Figure } from "../../parts/figure";
import { note } from "../../parts/notes";
import { shown } from "../../parts/number";
import { Panel } from "../../parts/panel";
import { duration } from "../../parts/time";
import { href, set } from "../../route";
import { may, me } from "../../session";
import { count, keyOf } from "../deliveries/queues";
import { ahead, Money, OnOff, State } from "./columns";
import type { Line } from "./targets";
import { TryTarget } from "./try";
import { sentence } from "./words";

interface Props {
  line: Line;
  toggle: Toggle<PostbackTarget>;
  again: () => void;
}

export function TargetPanel({ line, toggle, again }: Props) {
  const { target, queue } = line;
  const [waiting, dead] = [count(queue, "pending"), count(queue, "dead")];
  const listed = (state: string): string => href(`/deliveries?target=${encodeURIComponent(keyOf(target.id))}${state && `&state=${state}`}`);
  const money = me.value?.sees_money !== false;
  return (
    <Panel title={target.name || `Target ${target.id}`} wide onClose={() => set({ open: null })}>
      <p class="row">
        <OnOff line={line} toggle={toggle} />
        <State line={line} />
        <span class="dim grow">· #{target.id}</span>
        {may("targets.write") && <button type="button" onClick={() => set({ edit: "1" })}>Edit</button>}
      </p>
      {queue && queue.failures > 0 && <Ailing line={line} again={again} />}
      <dl class="grid">
        <Figure name="Waiting" value={waiting} note={waiting ? <a href={listed("pending")}>See them</a> : ""} />
        <Figure name="Given up" value={dead} note={dead ? <a href={listed("dead")}>See them, tell them again</a> : ""} />
        <Figure name="Told" value={count(queue, "delivered")} note={queue ? <a href={listed("")}>All its deliveries</a> : ""} />
        {money && <div class="stat"><dt>Not heard of</dt><dd><span class="figures"><Money all={queue?.unheard ?? []} /></span><span class="note">{queue && waiting > 0 && queue.deadline_us > 0 ? `first given up in ${duration(Math.max(0, ahead(queue.deadline_us)))}` : ""}</span></dd></div>}
      </dl>
      <h3>What it is told</h3>
      <p class="means"><b>{sentence(target)}</b></p>
      <p class="dim">{target.method === "POST" ? "As JSON by POST" : "By GET"}{target.secret && ", signed"}{Object.keys(target.headers).length > 0 && `, with the headers ${Object.keys(target.headers).join(", ")}`}; a failure is repeated for {shown(target.deadline_hours)} hours.</p>
      <h3>Address</h3>
      <Copy text={target.url} label="the address" />
      {may("targets.write") && <><h3>Try it</h3><TryTarget id={target.id} values={{}} url={target.url} /></>}
      {may("targets.write") && <p><button type="button" class="loses" onClick={() => archive(target, waiting)}>Archive</button></p>}
    </Panel>
  );
}

function Ailing({ line: { target, queue }, again }: { line: Line; again: () => void }) {
  const now = (): void => void perform("deliveries.retry", { targets: [keyOf(target.id)], states: ["pending"] }, (done) => (note(`${shown(done.count)} deliveries to ${target.name} are attempted now.`), again()));
  return (
    <div class="trouble" role="status">
      <strong>{queue?.paused_us ? "Left alone after failures" : "It fails"}: {queue?.reason}</strong>
      <p>
        {queue?.paused_us ? "One delivery is tried from time to time; when it is acknowledged the others follow. Mend the address and all are told at once." : "What failed is tried again after longer and longer pauses."}
      </p>
      {may("deliveries.write") && count(queue, "pending") > 0 && <p class="row"><button type="button" onClick={now}>Attempt all of them now</button></p>}
    </div>
  );
}

function archive(target: PostbackTarget, waiting: number): void {
  void perform("targets.archive", { id: target.id, revision: target.revision }, (gone) => {
    set({ open: null });
    note(`${gone.name} is archived${waiting ? `, and ${shown(waiting)} deliveries are given up` : ""}.`, () => void perform("targets.restore", { id: gone.id }, () => set({ open: String(gone.id) })));
  });
}
