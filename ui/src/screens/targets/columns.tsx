/** The columns of the list of targets. */

import type { PostbackTarget, Queue, Unheard } from "../../api";
import type { Toggle } from "../../editing";
import { nameOf } from "../../names";
import { Amount } from "../../parts/figure";
import { shown } from "../../parts/number";
import { Switch } from "../../parts/switch";
import type { Column } from "../../parts/table";
import { duration, now } from "../../parts/time";
import { href, params } from "../../route";
import { may } from "../../session";
import { count, keyOf } from "../deliveries/queues";
import type { Line } from "./targets";
import { hostOf, sentence } from "./words";

export function columns(toggle: Toggle<PostbackTarget>, money: boolean): Column<Line>[] {
  const unheard: Column<Line>[] = money ? [{ key: "unheard", head: "Not heard of", figure: true, roomy: true, help: "Payouts of conversions that wait or were given up", show: ({ queue }) => <Money all={queue?.unheard ?? []} /> }] : [];
  return [
    { key: "status", head: "On", help: "Whether it is told of conversions", show: (line) => <OnOff line={line} toggle={toggle} /> },
    { key: "name", head: "Name", show: (line) => <Name line={line} /> },
    { key: "told", head: "Is told of", roomy: true, show: ({ target }) => <span class="clipped" title={sentence(target)}>{sentence(target)}</span> },
    { key: "source", head: "Source", roomy: true, show: ({ target }) => (target.source_id ? nameOf("sources", target.source_id) : <span class="zero">every</span>) },
    { key: "state", head: "State", roomy: true, show: (line) => <State line={line} brief /> },
    { key: "delivered", head: "Told", figure: true, roomy: true, help: "Deliveries that it acknowledged and that are still kept", show: (line) => <Counted line={line} state="delivered" /> },
    { key: "pending", head: "Waiting", figure: true, show: (line) => <Counted line={line} state="pending" /> },
    { key: "dead", head: "Given up", figure: true, show: (line) => <Counted line={line} state="dead" /> },
    ...unheard,
  ];
}

export function OnOff({ line: { target }, toggle }: { line: Line; toggle: Toggle<PostbackTarget> }) {
  const on = target.status === "active";
  if (!may("targets.write")) return <span class={on ? "" : "zero"}>{target.status}</span>;
  return <Switch on={on} label={`${target.name} is told of conversions`} busy={toggle.busy.has(target.id)} onChange={(wanted) => toggle.run(target, wanted)} />;
}

function Name({ line }: { line: Line }) {
  const { target, queue } = line;
  const wanted = new URLSearchParams(params.value);
  wanted.set("open", String(target.id));
  wanted.delete("edit");
  return (
    <>
      <a class="name" href={href(`/targets?${wanted}`)}>{target.name || `Target ${target.id}`} <small class="roomy">{hostOf(target.url)}</small></a>
      {(queue?.failures ?? 0) > 0 && <small class="phone-line loss">{queue?.paused_us ? "does not answer" : "fails"}</small>}
    </>
  );
}

export function State({ line: { target, queue }, brief }: { line: Line; brief?: boolean }) {
  if (target.status === "paused") return <span class="zero">paused by hand</span>;
  const [tone, words] = how(queue);
  return (
    <span class="state" title={queue?.reason || undefined}>
      <i class={`dot ${tone}`} aria-hidden="true" />
      <span class={tone === "loss" ? "loss" : undefined}>{words}</span>
      {queue && queue.paused_us > 0 && <span class="dim">{brief ? next(queue) : `for ${duration(Math.max(0, -ahead(queue.paused_us)))}; ${next(queue)}`}</span>}
    </span>
  );
}

function how(queue: Queue | undefined): readonly [tone: string, words: string] {
  if (queue?.paused_us) return ["loss", "does not answer"];
  if (queue?.failures) return ["warn", `failed ${queue.failures === 1 ? "once" : `${queue.failures} times`} in a row`];
  return count(queue, "delivered") ? ["good", "answers"] : ["", "not told yet"];
}

function next({ probe_us }: Queue): string {
  const seconds = ahead(probe_us);
  return seconds > 0 ? `tried in ${duration(seconds)}` : "tried now";
}

/** Seconds until then. */
export function ahead(us: number): number {
  return us / 1e6 - now.value.getTime() / 1000;
}

function Counted({ line: { target, queue }, state }: { line: Line; state: string }) {
  const many = count(queue, state);
  if (!many) return <Amount value={0} />;
  return <a class={state === "dead" ? "loss" : undefined} href={href(`/deliveries?target=${encodeURIComponent(keyOf(target.id))}&state=${state}`)}>{shown(many)}</a>;
}

/** 12.50 USD; the first of several currencies and how many more. */
export function Money({ all }: { all: readonly Unheard[] }) {
  const [first] = [...all].sort((a, b) => Number(b.amount) - Number(a.amount));
  if (!first) return <Amount value={0} />;
  return <span title={all.map((each) => `${shown(Number(each.amount), "money")} ${each.currency}`).join(", ")}>{shown(Number(first.amount), "money")} <span class="dim">{first.currency}{all.length > 1 && ` +${all.length - 1}`}</span></span>;
}
