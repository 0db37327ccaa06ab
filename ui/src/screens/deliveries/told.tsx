/** Who was told of one conversion or interpreted event: each target, how it ended, and every attempt at it. */

import { useState } from "preact/hooks";
import type { Delivery } from "../../api";
import { useAsk } from "../../ask";
import { shown } from "../../parts/number";
import { href } from "../../route";
import { moment } from "../records/page";
import { WORDS } from "./columns";
import { Tried } from "./panel";
import { nameOfTarget, TONES, useDeliveriesChange } from "./queues";

const MOST = 100;

export function Told({ conversion }: { conversion: string }) {
  const asked = useAsk("deliveries.list", { conversion_id: conversion, limit: MOST });
  useDeliveriesChange(asked.again);
  if (asked.fault) return <p class="dim">{asked.fault.message}</p>;
  if (!asked.value) return <p class="dim">–</p>;
  if (!asked.value.items.length) return <p class="dim">Nobody: no target and no pixel wants it.</p>;
  const { items, total } = asked.value;
  return (
    <>
      <ul class="stack">{items.map((each) => <One key={each.id} delivery={each} />)}</ul>
      {(total ?? 0) > items.length && <p class="dim">The newest {shown(items.length)} of {shown(total ?? 0)}. <a href={href(`/deliveries?conversion=${conversion}`)}>All of them</a></p>}
    </>
  );
}

function One({ delivery }: { delivery: Delivery }) {
  const [open, setOpen] = useState(false);
  const { attempts } = delivery;
  return (
    <li>
      <p>
        <span class={`tag tag-${TONES[delivery.state]}`}>{WORDS[delivery.state]}</span> <a href={href(`/deliveries?open=${delivery.id}`)}>{nameOfTarget(delivery.target)}</a>{" "}
        <span class="dim">{delivery.event_name && `${delivery.event_name}, `}{moment(delivery.created_us)}, revision {delivery.revision}{delivery.reason && `: ${delivery.reason}`}</span>
      </p>
      {attempts > 0 && (
        <details class="more" onToggle={(event) => setOpen(event.currentTarget.open)}>
          <summary>{attempts} attempt{attempts === 1 ? "" : "s"}</summary>
          {open && <Attempts id={delivery.id} attempts={attempts} />}
        </details>
      )}
    </li>
  );
}

function Attempts({ id, attempts }: { id: string; attempts: number }) {
  const asked = useAsk("deliveries.get", { id });
  if (asked.fault) return <p class="dim">{asked.fault.message}</p>;
  return <ol class="tried" key={attempts}>{[...(asked.value?.attempts ?? [])].reverse().map((each, index) => <Tried key={each.at_us} attempt={each} open={index === 0} />)}</ol>;
}
