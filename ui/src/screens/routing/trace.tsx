/** Why a click went where it went: every stream tried, every rule with the value it looked at, every destination. */

import type { DestinationSeen, Rule, RuleSeen, StreamSeen, Trace } from "../../api";
import { nameOf } from "../../names";
import { shown } from "../../parts/number";
import { said } from "./sentence";
import { ofDestination, ofStream, type Tone } from "./words";

/** Draws are whole numbers below this (appliance/routing/draws.py). */
const DRAWS = 2 ** 53;
const DOTS: Readonly<Record<Tone, string>> = { good: "good", plain: "", zero: "", loss: "loss", warn: "warn" };

export function TraceTree({ trace, hop }: { trace: Trace; hop: number }) {
  const facts = Object.entries(trace.facts).filter(([, value]) => value !== "");
  return (
    <div class="why">
      {hop > 0 && <h3>{hop}. {trace.campaign || `Campaign ${trace.campaign_id}`}</h3>}
      <h3>Streams, as they were tried</h3>
      {trace.streams.length ? <ol class="tried">{trace.streams.map((stream) => <StreamNode key={stream.id} stream={stream} />)}</ol> : <p class="dim">None was tried.</p>}
      {trace.destinations.length > 0 && <Destinations trace={trace} />}
      {facts.length > 0 && (
        <details class="more">
          <summary>{facts.length} facts of the visit</summary>
          <dl class="facts">{facts.map(([name, value]) => <div key={name}><dt>{name.replaceAll("_", " ")}</dt><dd>{value}</dd></div>)}</dl>
        </details>
      )}
      {trace.unknown_macros.length > 0 && <p class="warned">Left empty, because nobody knows them: {trace.unknown_macros.map((each) => `{${each}}`).join(", ")}</p>}
      {trace.unusable_params.length > 0 && <p class="warned">Read as missing, because they are unusable or a macro not filled in: {trace.unusable_params.join(", ")}</p>}
    </div>
  );
}

function StreamNode({ stream }: { stream: StreamSeen }) {
  const [words, tone] = ofStream(stream.verdict);
  return (
    <li class={`at-${tone}`}>
      <p class="row">
        <i class={`dot ${DOTS[tone]}`} aria-hidden="true" />
        <strong>{stream.name || `Stream ${stream.id}`}</strong>
        {stream.kind !== "regular" && <span class="tag">{stream.kind}</span>}
        <span class={tone === "warn" ? "warned" : tone === "good" ? undefined : "dim"}>{words}</span>
      </p>
      {stream.rules.length > 0 && <ul>{stream.rules.map((rule, index) => <RuleNode key={index} rule={rule} />)}</ul>}
    </li>
  );
}

const SIGNS = { held: "✓", failed: "✗", unknown: "?", skipped: "–" } as const;
const SIGN_WORDS = { held: "held", failed: "did not hold", unknown: "cannot be known", skipped: "not looked at" } as const;

function RuleNode({ rule }: { rule: RuleSeen }) {
  return (
    <li class={`ruled ${rule.outcome}`}>
      <span class="sign" role="img" aria-label={SIGN_WORDS[rule.outcome]} title={SIGN_WORDS[rule.outcome]}>{SIGNS[rule.outcome]}</span>
      <div>
        {rule.group ? <span>{rule.negate && "not "}{rule.group} of</span> : <span>{spokenOf(rule)}{Boolean(rule.more) && ` and ${shown(rule.more)} more`}</span>}
        {!rule.group && rule.outcome !== "skipped" && <Given rule={rule} />}
        {rule.rules && rule.rules.length > 0 && <ul>{rule.rules.map((each, index) => <RuleNode key={index} rule={each} />)}</ul>}
      </div>
    </li>
  );
}

function Given({ rule }: { rule: RuleSeen }) {
  if (rule.outcome === "unknown") return <span class="warned"> — cannot be known here</span>;
  const unkept = rule.fact === "ip" || rule.fact?.startsWith("header.");
  if (rule.given === null || rule.given === undefined) return <span class="dim"> — {unkept ? "not kept" : "missing"}</span>;
  return <span> — was <b>{rule.given === "" ? "empty" : rule.given}</b></span>;
}

function spokenOf(rule: RuleSeen): string {
  if (rule.schedule) return `${rule.negate ? "not " : ""}within its hours by ${rule.schedule}`;
  const { param, fact, operator, value, list_id, negate } = rule;
  const test = { ...(param ? { param } : {}), ...(fact ? { fact } : {}), ...(operator ? { operator } : {}), ...(value !== undefined ? { value } : {}), ...(list_id ? { list_id } : {}), ...(negate ? { negate } : {}) } as Rule;
  return said(test, (id) => nameOf("lists", id));
}

function Destinations({ trace }: { trace: Trace }) {
  const open = trace.destinations.filter((each) => ["chosen", "open", "sticky", "repeated"].includes(each.verdict));
  const whole = open.reduce((sum, each) => sum + (each.given_weight ?? each.weight ?? 0), 0);
  return (
    <>
      <h3>Destinations</h3>
      <ul class="tried">
        {trace.destinations.map((each) => <DestinationNode key={each.id} seen={each} part={open.includes(each) && whole ? ((each.given_weight ?? each.weight ?? 0) / whole) * 100 : undefined} />)}
      </ul>
      <p class="dim">
        The draw fell on {shown((trace.draw / DRAWS) * 100, "percent")} %{trace.turn >= 0 && `; turn ${shown(trace.turn)} of the round`}.
      </p>
    </>
  );
}

function DestinationNode({ seen, part }: { seen: DestinationSeen; part: number | undefined }) {
  const [words, tone] = ofDestination(seen.verdict);
  return (
    <li class={`at-${tone}`}>
      <p class="row">
        <i class={`dot ${DOTS[tone]}`} aria-hidden="true" />
        <strong>{seen.name || `Destination ${seen.id}`}</strong>
        <span class={tone === "loss" ? "loss" : tone === "warn" ? "warned" : tone === "good" ? undefined : "dim"}>{words}</span>
        <span class="room" />
        {seen.weight !== null && <span class="dim">weight {shown(seen.weight)}{seen.given_weight !== null && seen.given_weight !== seen.weight && `, made ${shown(seen.given_weight)}`}</span>}
        {part !== undefined && <span class="figure">{shown(part, "percent")} %</span>}
      </p>
    </li>
  );
}
