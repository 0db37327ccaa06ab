/** Targets: who is told of conversions, of which, and whether they listen. */

import { useEffect, useMemo } from "preact/hooks";
import type { PostbackTarget, Queue } from "../../api";
import { useAll } from "../../all";
import { useAsk } from "../../ask";
import { useToggle } from "../../editing";
import { offer } from "../../keys";
import { Words } from "../../parts/form";
import { shown } from "../../parts/number";
import { Table } from "../../parts/table";
import { usePicking } from "../../picking";
import { param, set } from "../../route";
import { may, me } from "../../session";
import { keyOf, useQueues } from "../deliveries/queues";
import { columns } from "./columns";
import { TargetEditor } from "./edit";
import { NoTargets } from "./none";
import { TargetPanel } from "./panel";
import { PresetPicker } from "./presets";

/** A target with its queue; none while nothing was ever told to it. */
export interface Line {
  target: PostbackTarget;
  queue: Queue | undefined;
}

export function Targets() {
  const all = useAll("targets");
  const queues = useQueues();
  const presets = useAsk("targets.presets", {});
  const [text, only, editing] = [param("search"), param("only"), param("edit")];
  const made = (target: PostbackTarget): Line => ({ target, queue: queues.value?.items.find((each) => each.target === keyOf(target.id)) });
  const lines = useMemo(() => {
    const wanted = text.trim().toLowerCase();
    return (all.value ?? [])
      .filter(({ name, url, id }) => `${name} ${url} ${id}`.toLowerCase().includes(wanted))
      .map(made)
      .filter((line) => !only || ailing(line))
      .sort((a, b) => a.target.name.localeCompare(b.target.name) || a.target.id - b.target.id);
  }, [all.value, queues.value, text, only]);
  const open = Number(param("open")) || null;
  const chosen = all.value?.find((each) => each.id === open);
  const [picked, pick] = usePicking(lines, ({ target }) => set({ open: String(target.id) }));
  const toggle = useToggle("targets", all.put);
  const write = may("targets.write");
  useEffect(() => (write ? offer({ keys: "n", words: "New target", run: () => set({ open: null, edit: "new" }) }) : undefined), [write]);
  const saved = (target: PostbackTarget): void => (all.put(target), queues.again(), set({ edit: null, open: String(target.id) }));
  const close = (): void => set({ edit: null });
  return (
    <>
      <header class="head">
        <h1>Targets</h1>
        <span class="dim">{all.value && shown(lines.length)} told of conversions</span>
        {write && <button type="button" class="main" onClick={() => set({ open: null, edit: "new" })}>New target</button>}
      </header>
      {queues.fault && <p class="wrong" role="alert">{queues.fault.message}</p>}
      {all.value?.length === 0 ? (
        <NoTargets />
      ) : (
        <>
          <div class="tools" role="search">
            <input type="search" aria-label="Filter by name or URL" placeholder="Name or URL" value={text} onInput={(event) => (set({ search: event.currentTarget.value }, true), pick(-1))} />
            <Words label="State" value={only} options={[["", "All"], ["ill", "With trouble"]]} onPick={(word) => set({ only: word })} />
          </div>
          <Table caption="Targets, what each is told and what waits for it" columns={columns(toggle, me.value?.sees_money !== false)} rows={lines} keyOf={({ target }) => target.id}
                 open={open} onOpen={({ target }) => set({ open: String(target.id), edit: null })} picked={picked} stale={!all.value} quiet={({ target }) => target.status === "paused"} />
          {all.value && !lines.length && <p class="dim">No target is like that. <button type="button" class="link" onClick={() => set({ search: null, only: null })}>Show all</button></p>}
        </>
      )}
      {editing === "new" && <PresetPicker presets={presets.value} saved={saved} onClose={close} />}
      {editing === "own" && <TargetEditor saved={saved} onClose={close} />}
      {chosen && editing === "1" && <TargetEditor key={chosen.revision} target={chosen} saved={saved} onClose={close} />}
      {chosen && !editing && <TargetPanel key={chosen.id} line={made(chosen)} toggle={toggle} again={queues.again} />}
    </>
  );
}

/** Something waits longer than it should, or was given up. */
function ailing({ queue }: Line): boolean {
  return Boolean(queue && (queue.failures || queue.paused_us || queue.states["dead"]));
}
