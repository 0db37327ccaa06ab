/** All accounts together: what waits, what is lost first, the money behind it. */

import type { AccountReport } from "../../api";
import { Figure } from "../../parts/figure";
import { shown } from "../../parts/number";
import { me } from "../../session";
import { Deadline } from "./standing";

export function AccountFigures({ of }: { of: readonly AccountReport[] }) {
  const sum = (part: (it: AccountReport) => number): number => of.reduce((all, it) => all + part(it), 0);
  const first = Math.min(...of.map((it) => it.next_deadline_us).filter(Boolean));
  const refused = of.filter((it) => it.state === "paused").length;
  const dry = of.filter((it) => it.dry_run).length;
  const money = me.value?.sees_money !== false;
  const risks = new Map<string, number>();
  for (const it of of) for (const [currency, amount] of Object.entries(it.at_risk)) risks.set(currency, (risks.get(currency) ?? 0) + amount);
  const atRisk = [...risks].filter(([, amount]) => amount).sort(([, a], [, b]) => b - a);
  return (
    <dl class="strip" aria-label="Every account together">
      <Figure name="Queued" value={sum((it) => it.queued)} note={sum((it) => it.in_flight) ? `${shown(sum((it) => it.in_flight))} requests under way` : "events"} />
      <div class="stat"><dt>First lost</dt><dd><span class="figures"><Deadline us={Number.isFinite(first) ? first : 0} /></span><span class="note">{Number.isFinite(first) ? "unless it is accepted before" : "nothing waits"}</span></dd></div>
      <Figure name="Accepted" value={sum((it) => it.accepted)} />
      <Figure name="Refused" value={sum((it) => it.refused)} />
      <div class="stat"><dt>Refused accounts</dt><dd><span class="figures">{refused ? <span class="loss">{refused}</span> : <span class="zero">0</span>}</span><span class="note">{dry ? `${shown(dry)} in dry run` : ""}</span></dd></div>
      {money && (atRisk.length ? atRisk.slice(0, 2).map(([currency, amount]) => <Figure key={currency} name="At risk" unit={currency} value={amount / 1e6} shape="money" note="queued, not accepted yet" />) : <Figure name="At risk" value={0} shape="money" note="nothing waits" />)}
    </dl>
  );
}
