/** The columns of the list of deliveries. */

import type { Delivery } from "../../api";
import { nameOf } from "../../names";
import { Amount } from "../../parts/figure";
import type { Column } from "../../parts/table";
import { duration, now } from "../../parts/time";
import { me } from "../../session";
import { At } from "../records/page";
import { nameOfTarget, TONES } from "./queues";

export const WORDS: Readonly<Record<Delivery["state"], string>> = { pending: "waiting", delivered: "told", dead: "given up", cancelled: "cancelled" };

/** `held`: the targets that are left alone after failures. */
export function columns(held: ReadonlySet<string>): Column<Delivery>[] {
  const money: Column<Delivery>[] = me.value?.sees_money === false ? [] : [
    { key: "payout", head: "Payout", figure: true, help: "Of the conversion; what was told may be a part of it", show: (row) => <><Amount value={row.payout ? Number(row.payout) : null} shape="fine" /> <span class="dim">{row.currency}</span></> },
  ]; // prettier-ignore
  return [
    { key: "at", head: "Made", show: (row) => <At us={row.created_us} open={row.id} /> },
    { key: "name", head: "Target", show: (row) => <>{nameOfTarget(row.target)}<small class="phone-line"><State row={row} held={held} brief /></small></> },
    { key: "of", head: "Of a", roomy: true, show: (row) => row.event_name || row.status || <span class="zero">–</span> },
    ...money,
    { key: "campaign", head: "Campaign", roomy: true, show: (row) => nameOf("campaigns", row.campaign_id) || <span class="zero">–</span> },
    { key: "state", head: "State", roomy: true, show: (row) => <State row={row} held={held} /> },
    { key: "attempts", head: "Attempts", figure: true, roomy: true, show: (row) => <Amount value={row.attempts} /> },
    { key: "reason", head: "Why", roomy: true, show: (row) => <span class="clipped dim" title={row.reason}>{row.reason || (row.state === "pending" ? "" : "–")}</span> },
  ];
}

export function State({ row, held, brief }: { row: Delivery; held: ReadonlySet<string>; brief?: boolean }) {
  const wait = row.not_before_us / 1e6 - now.value.getTime() / 1000;
  return (
    <>
      <span class={`tag tag-${TONES[row.state]}`}>{WORDS[row.state]}</span>
      {row.state === "pending" && !brief && <span class="dim"> {held.has(row.target) ? "until its target answers" : wait > 1 ? `next try in ${duration(wait)}` : "due now"}</span>}
    </>
  );
}
