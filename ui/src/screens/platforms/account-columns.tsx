/** The columns of the list of accounts. */

import type { AdAccount } from "../../api";
import type { Toggle } from "../../editing";
import { Amount } from "../../parts/figure";
import { shown } from "../../parts/number";
import { Switch } from "../../parts/switch";
import type { Column } from "../../parts/table";
import { href, params } from "../../route";
import { may } from "../../session";
import type { Line } from "./accounts";
import { placeOfDeliveries } from "../deliveries/queues";
import { AtRisk, Deadline, Quality, State, targetsOf } from "./standing";
import { known, titleOf } from "./words";

export function columns(toggle: Toggle<AdAccount>, money: boolean): Column<Line>[] {
  const risk: Column<Line>[] = money ? [{ key: "risk", head: "At risk", figure: true, help: "Value of what is queued: lost if nobody acts before its deadline", show: ({ standing }) => <AtRisk of={standing?.at_risk ?? {}} /> }] : [];
  return [
    { key: "status", head: "On", help: "Whether its events are reported", show: (line) => <OnOff line={line} toggle={toggle} /> },
    { key: "name", head: "Name", show: (line) => <Name line={line} /> },
    { key: "mode", head: "Mode", roomy: true, help: "In a dry run events are made and checked, and not sent", show: ({ account }) => <Mode of={account} /> },
    { key: "state", head: "State", roomy: true, show: ({ standing }) => <State of={standing} brief /> },
    { key: "queued", head: "Queued", figure: true, show: (line) => <Listed line={line} part="queued" state="pending" /> },
    { key: "accepted", head: "Accepted", figure: true, roomy: true, show: (line) => <Listed line={line} part="accepted" state="delivered" /> },
    { key: "refused", head: "Refused", figure: true, roomy: true, show: (line) => <Listed line={line} part="refused" state="dead" /> },
    { key: "deadline", head: "First lost", roomy: true, help: "When the first queued event leaves the platform's window", show: ({ standing }) => <Deadline us={standing?.next_deadline_us ?? 0} /> },
    ...risk,
    { key: "quality", head: "Match", unit: "of 10", figure: true, roomy: true, help: "An estimate by the identifiers that were sent", show: ({ standing }) => <Quality of={standing?.match_quality} /> },
  ];
}

export function OnOff({ line: { account }, toggle }: { line: Line; toggle: Toggle<AdAccount> }) {
  const on = account.status === "active";
  if (!may("ad_accounts.write")) return <span class={on ? "" : "zero"}>{account.status}</span>;
  return <Switch on={on} label={`${titleOf(account)} is reported to`} busy={toggle.busy.has(account.id)} onChange={(wanted) => toggle.run(account, wanted)} />;
}

export function Mode({ of }: { of: AdAccount }) {
  return of.dry_run ? <span class="tag tag-warn">dry run</span> : <span class="tag tag-good">for real</span>;
}

function Name({ line: { account, standing } }: { line: Line }) {
  const wanted = new URLSearchParams(params.value);
  wanted.set("open", String(account.id));
  wanted.delete("edit");
  return (
    <>
      <a class="name" href={href(`/platforms?${wanted}`)}>{titleOf(account)} <small class="roomy">{known(account.platform).title}</small></a>
      <small class="phone-line">{account.dry_run ? "dry run" : <State of={standing} brief />}</small>
    </>
  );
}

function Listed({ line: { account, standing }, part, state }: { line: Line; part: "queued" | "accepted" | "refused"; state: string }) {
  const many = standing?.[part] ?? 0;
  if (!standing || !many) return <Amount value={0} />;
  return <a class={part === "refused" ? "loss" : undefined} href={href(placeOfDeliveries(targetsOf(standing, Boolean(account.feed_hash)), state))}>{shown(many)}</a>;
}
