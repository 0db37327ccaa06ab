/** The masked request that a conversion would become for a pixel: nothing is sent. */

import { useState } from "preact/hooks";
import type { Api } from "../../api";
import { useAsk } from "../../ask";
import { Text } from "../../parts/form";
import { shown } from "../../parts/number";
import { useSettled } from "../../parts/settled";
import { href } from "../../route";
import { may, me } from "../../session";
import { conversionsOf, type Revision } from "../conversions/conversion";
import { Wire } from "../deliveries/wire";
import { moment } from "../records/page";
import { IDENTIFIERS } from "./words";

type PixelsPreview = Api["pixels.preview"]["answer"];

const LATEST = 20;

interface Props {
  /** None: the values are a new one's. */
  id?: number;
  /** Fields that are not saved yet. */
  values?: Readonly<Record<string, unknown>>;
}

export function Preview({ id, values = {} }: Props) {
  const newest = useAsk("conversions.list", may("records.read") ? { limit: LATEST } : null);
  const offered = conversionsOf((newest.value?.items ?? []) as Revision[]);
  const [typed, type] = useState("");
  const conversion_id = typed || offered[0]?.id || "";
  const [still, latest] = useSettled({ conversion_id, ...(id ? { id } : {}), values: { ...values } });
  const ready = Boolean(still.conversion_id && (id || values["code"]));
  const asked = useAsk("pixels.preview", ready ? still : null);
  return (
    <div class="try stack" role="group" aria-label="What a conversion becomes">
      <Text label="Of the conversion" mono value={typed} placeholder={offered[0]?.id ?? "its id"} offers={offered.map((each) => each.id)} onText={(text) => type(text.trim())}
            hint={offered[0] && !typed ? <>the newest: {offered[0].now.status}, {moment(offered[0].now.at_us)}. <a href={href("/conversions")}>Others</a></> : undefined} />
      {!ready ? <p class="dim">{conversion_id ? "With its code the request stands here." : "With the first conversion its request stands here."}</p> : asked.fault ? <p class="dim">{[asked.fault.message, ...asked.fault.fields.map((each) => `${each.path}: ${each.message}`)].join("; ")}</p> : asked.value ? <Previewed of={asked.value} stale={asked.busy || !latest} /> : <p class="dim">…</p>}
    </div>
  );
}

function Previewed({ of, stale }: { of: PixelsPreview; stale: boolean }) {
  const money = me.value?.sees_money !== false;
  return (
    <>
      {!of.told && <p class="warned">It is not told of this one{of.why && `: ${of.why}`}.</p>}
      <ul class="plainly">
        {of.events.map((each) => (
          <li key={each.event_id}>
            <strong>{each.event_name}</strong>{money && each.value !== null && ` of ${shown(each.value / 1e6, "money")} ${each.currency}`}{each.consent !== "granted" && `, consent ${each.consent}`} {each.label && <span class="loss">would be refused: {each.label}</span>}
            <div class="dim">{each.identifiers.length ? `recognised by ${each.identifiers.map((name) => IDENTIFIERS[name] ?? name).join(", ")}` : "nothing to recognise the visitor by"}</div>
          </li>
        ))}
      </ul>
      {of.request && <Wire text={of.request} label="The request, masked" stale={stale} />}
      <small>Who the visitor was is masked. Nothing is sent.</small>
    </>
  );
}
