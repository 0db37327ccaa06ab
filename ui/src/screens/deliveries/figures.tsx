/** The queues together: what waits, until when, what was given up, and the money that nobody heard of. */

import type { Queues } from "../../api";
import { Figure } from "../../parts/figure";
import { shown } from "../../parts/number";
import { duration, now } from "../../parts/time";
import { href } from "../../route";
import { may, me } from "../../session";
import { count } from "./queues";

const SOON = 6 * 3600;

export function QueueFigures({ queues: { items, unheard, whole } }: { queues: Queues }) {
  const sum = (state: string): number => items.reduce((all, each) => all + count(each, state), 0);
  const [waiting, dead] = [sum("pending"), sum("dead")];
  const seconds = (us: number): number => us / 1e6 - now.value.getTime() / 1000;
  const oldest = Math.min(...items.filter((each) => each.oldest_us).map((each) => each.oldest_us));
  const first = Math.min(...items.filter((each) => each.deadline_us).map((each) => each.deadline_us));
  const paused = items.filter((each) => each.paused_us).length;
  const money = me.value?.sees_money !== false;
  const more = whole ? "" : "at least; more waits";
  return (
    <dl class="strip" aria-label="What waits">
      <Figure name="Waiting" value={waiting} note={Number.isFinite(oldest) ? `the oldest for ${duration(Math.max(0, -seconds(oldest)))}` : "nothing"} />
      <div class="stat"><dt>First given up</dt><dd><span class={`figures${Number.isFinite(first) && seconds(first) < SOON ? " loss" : ""}`}>{Number.isFinite(first) ? (seconds(first) > 0 ? `in ${duration(seconds(first))}` : "now") : <span class="zero">–</span>}</span><span class="note">{Number.isFinite(first) ? "if not answered" : ""}</span></dd></div>
      <Figure name="Given up" value={dead} note={dead ? <a href={href("/deliveries?state=dead")}>See them, tell them again</a> : ""} />
      <div class="stat"><dt>Silent targets</dt><dd><span class="figures">{paused ? <span class="loss">{paused}</span> : <span class="zero">0</span>}</span><span class="note">{paused > 0 && may("targets.read") && <a href={href("/targets?only=ill")}>Which, and why</a>}</span></dd></div>
      {money && (unheard.length ? unheard.slice(0, 3).map((each) => <Figure key={each.currency} name="Not heard of" unit={each.currency} value={Number(each.amount)} shape="money" note={more || `${shown(each.conversions)} conversion${each.conversions === 1 ? "" : "s"}`} />) : <Figure name="Not heard of" value={0} shape="money" note="every target knows all it should" />)}
    </dl>
  );
}
