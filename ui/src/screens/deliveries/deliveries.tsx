/** Deliveries: what targets were told of conversions, what waits, what was given up, and telling it again. */

import { useEffect, useRef } from "preact/hooks";
import type { Delivery } from "../../api";
import { useAll } from "../../all";
import { useAsk } from "../../ask";
import { Words } from "../../parts/form";
import { Table } from "../../parts/table";
import { begin, now } from "../../parts/time";
import { usePicking } from "../../picking";
import { days, isRange, RANGES } from "../../range";
import { param, set } from "../../route";
import { may } from "../../session";
import { zone } from "../../zone";
import { ZoneChoice } from "../../zone-choice";
import { PAGE } from "../records/page";
import { columns } from "./columns";
import { QueueFigures } from "./figures";
import { NoDeliveries } from "./none";
import { DeliveryPanel } from "./panel";
import { keyOf, nameOfTarget, useDeliveriesChange, useQueues } from "./queues";
import { AllOfThese } from "./all-of-these";

const STATES = [["", "All"], ["pending", "Waiting"], ["dead", "Given up"], ["delivered", "Told"], ["cancelled", "Cancelled"]] as const;
const PERIODS = [["", "Any time"], ...Object.entries(RANGES).filter(([word]) => word !== "month" && word !== "last-month")] as const;

/** What narrows the list, as operations want it; from midnight to midnight of the zone on the screen. */
export interface Filter {
  states?: Delivery["state"][];
  targets?: string[];
  campaign_ids?: number[];
  conversion_id?: string;
  /** What they died of. */
  reasons?: string[];
  from_us?: number;
  to_us?: number;
}

function filterOf(): Filter {
  const [state, target, campaign, conversion, range, reason] = ["state", "target", "campaign", "conversion", "range", "reason"].map((name) => param(name)) as [string, string, string, string, string, string];
  const period = isRange(range) ? days(range, now.value, zone.value) : undefined;
  return {
    ...(state ? { states: [state as Delivery["state"]] } : {}),
    ...(target ? { targets: target.split(",") } : {}),
    ...(Number(campaign) ? { campaign_ids: [Number(campaign)] } : {}),
    ...(conversion ? { conversion_id: conversion } : {}),
    ...(reason ? { reasons: [reason] } : {}),
    ...(period ? { from_us: begin(period.from, zone.value) * 1000, to_us: begin(period.to, zone.value, 1) * 1000 } : {}),
  };
}

export function Deliveries() {
  const queues = useQueues();
  const targets = useAll("targets", may("targets.read") ? {} : false);
  const campaigns = useAll("campaigns", may("campaigns.read") ? {} : false);
  const filter = filterOf();
  const before = Number(param("before")) || 0;
  // While it is followed the list does not move: it stays below the one that was newest when it was read.
  const top = useRef<{ of: string; number: number }>(undefined);
  const of = JSON.stringify([filter, before]);
  const pinned = before || (top.current?.of === of ? top.current.number : 0);
  const asked = useAsk("deliveries.list", { ...filter, limit: PAGE, ...(pinned ? { before: pinned } : {}) });
  const rows = asked.value?.items ?? [];
  // What is shown until the answer comes is of the filter before, and its newest says nothing of this one's.
  const former = useRef({ of, answer: asked.value });
  if (former.current.of !== of) former.current = { of, answer: asked.value };
  const newest = rows[0]?.number;
  useEffect(() => {
    if (newest && asked.value !== former.current.answer && top.current?.of !== of) top.current = { of, number: newest + 1 };
  }, [newest, asked.value, of]);
  const fresh = (): void => ((top.current = undefined), set({ before: null }), asked.again());
  const again = (): void => (asked.again(), queues.again());
  useDeliveriesChange(asked.again);
  const open = param("open");
  const [picked] = usePicking(rows, (row) => set({ open: row.id }));
  const named = targets.value?.map((each) => [keyOf(each.id), each.name || `Target ${each.id}`] as const) ?? [];
  const known = [...named, ...(queues.value?.items ?? []).filter((each) => !named.some(([key]) => key === each.target)).map((each) => [each.target, nameOfTarget(each.target)] as const)];
  const put = (changes: Record<string, string | null>): void => set({ before: null, ...changes });
  const held = new Set((queues.value?.items ?? []).filter((each) => each.paused_us).map((each) => each.target));
  const filtered = Object.keys(filter).length > 0;
  return (
    <>
      <header class="head">
        <h1>Deliveries</h1>
        <span class="dim">What targets were told, newest first</span>
        <button type="button" onClick={fresh}>Read again</button>
        <ZoneChoice />
      </header>
      {queues.value && <QueueFigures queues={queues.value} />}
      <div class="tools" role="search">
        <Words label="State" value={param("state")} options={STATES} onPick={(state) => put({ state })} />
        <label><span class="unseen">Target</span>
          <select value={param("target")} onChange={(event) => put({ target: event.currentTarget.value })}>
            <option value="">Every target</option>
            {filter.targets && filter.targets.length > 1 && <option value={param("target")}>{filter.targets.map(nameOfTarget).join(", ")}</option>}
            {known.map(([key, name]) => <option key={key} value={key}>{name}</option>)}
          </select>
        </label>
        <label><span class="unseen">Campaign</span>
          <select value={param("campaign")} onChange={(event) => put({ campaign: event.currentTarget.value })}>
            <option value="">Every campaign</option>
            {(campaigns.value ?? []).map((each) => <option key={each.id} value={each.id}>{each.name || each.slug}</option>)}
          </select>
        </label>
        <label><span class="unseen">Made</span>
          <select value={param("range")} onChange={(event) => put({ range: event.currentTarget.value })}>
            {PERIODS.map(([word, words]) => <option key={word} value={word}>{words}</option>)}
          </select>
        </label>
        <input type="search" aria-label="Find by conversion" placeholder="Conversion id, then Enter" defaultValue={param("conversion")} key={param("conversion")}
               onKeyDown={(event) => event.key === "Enter" && put({ conversion: event.currentTarget.value.trim() })} />
      </div>
      {filter.reasons && <p class="row acts">Because of: <strong>{filter.reasons.join(", ")}</strong> <button type="button" class="link" onClick={() => put({ reason: null })}>Whatever the reason</button></p>}
      {asked.fault && <p class="wrong" role="alert">{asked.fault.message}{asked.fault.fields.map((each) => ` ${each.path}: ${each.message}`)}</p>}
      {filtered && rows.length > 0 && may("deliveries.write") && <AllOfThese filter={filter} done={again} />}
      {asked.value && !rows.length ? (
        filtered || before ? <p class="dim">No delivery is like that. <button type="button" class="link" onClick={() => set({ state: null, target: null, campaign: null, range: null, conversion: null, reason: null, before: null })}>Show all</button></p> : <NoDeliveries />
      ) : (
        <Table caption="Deliveries, newest first" columns={columns(held)} rows={rows} keyOf={(row) => row.id} open={open} onOpen={(row) => set({ open: row.id })} picked={picked} stale={asked.busy && !asked.value} quiet={(row) => row.state === "cancelled"} />
      )}
      {(before > 0 || rows.length === PAGE) && (
        <p class="row pages">
          <button type="button" disabled={!before} onClick={() => set({ before: null })}>Newest</button>
          <button type="button" disabled={rows.length < PAGE} onClick={() => set({ before: String(rows.at(-1)?.number ?? 0) })}>Older</button>
        </p>
      )}
      {open && <DeliveryPanel key={open} id={open} held={held} done={again} />}
    </>
  );
}
