/** One rule: what it looks at, how, with what; and beside it what it means and what cannot be known. */

import type { NamedList, Rule } from "../../api";
import { Choose, type Options, Text, useWrong } from "../../parts/form";
import { shown } from "../../parts/number";
import { Values } from "../../parts/values";
import { href } from "../../route";
import { about, compared, fallback, known, subject, takesMissing } from "./changes";
import { factOf, GROUPS, type Operator, operatorsFor, takes, unknowable } from "./facts";
import { ScheduleEdit } from "./schedule-edit";
import { said } from "./sentence";

/** What the rules of an editor need to know of the rest. */
export interface Around {
  lists: readonly NamedList[];
  /** Facts that no database of addresses tells here. */
  lacking: ReadonlySet<string>;
}

interface Props {
  rule: Rule;
  path: string;
  around: Around;
  onRule: (rule: Rule) => void;
  onRemove: () => void;
}

const OTHERS: Options = [["param", "query parameter…"], ["header", "header…"], ["schedule", "time and weekday"], ["all", "all of a group"], ["any", "any of a group"]];
const FACTS: Readonly<Record<string, Options>> = Object.fromEntries(
  Object.entries(GROUPS).map(([name, facts]) => [name, facts.map((fact) => [fact.name, fact.words] as const)]),
);

export const listNames = (lists: readonly NamedList[]) => (id: number): string => lists.find((each) => each.id === id)?.name ?? `list ${id}`;

export function RuleEdit(props: Props) {
  const { rule, path, around, onRule, onRemove } = props;
  const what = subject(rule);
  const group = what === "all" || what === "any";
  const strange: Options = group || what === "param" || what === "header" || what === "schedule" || known(what) ? [] : [[what, what]];
  const wrong = useWrong(path, false);
  return (
    <li class={`rule${group ? " group" : ""}`}>
      <div class="test">
        <button type="button" class="not" aria-pressed={Boolean(rule.negate)} title="Turn it round" onClick={() => onRule(turned(rule))}>not</button>
        <Choose bare label="What is looked at" path={`${path}.fact`} value={what} options={strange} groups={{ Other: OTHERS, ...FACTS }} onPick={(wanted) => onRule(about(rule, wanted))} />
        {what === "param" && (
          <Text bare label="Name of the parameter" path={`${path}.param`} mono value={rule.param || rule.fact?.slice(6) || ""} placeholder="zone" onText={(param) => onRule({ ...named(rule), param })} />
        )}
        {what === "header" && (
          <Text bare label="Name of the header" path={`${path}.fact`} mono value={rule.fact?.slice(7) ?? ""} placeholder="x-requested-with" onText={(name) => onRule({ ...rule, fact: `header.${name.trim().toLowerCase()}` })} />
        )}
        {!group && what !== "schedule" && <Test {...props} />}
        <button type="button" class="quiet remove" aria-label="Remove this rule" onClick={onRemove}>×</button>
      </div>
      {what === "schedule" && rule.schedule && <ScheduleEdit schedule={rule.schedule} path={`${path}.schedule`} onSchedule={(schedule) => onRule({ ...rule, schedule })} />}
      {group && <RulesEdit rules={(what === "all" ? rule.all : rule.any) ?? []} path={`${path}.${what}`} joint={what === "all" ? "and" : "or"} around={around} onRules={(rules) => (rules.length ? onRule({ ...rule, [what]: rules }) : onRemove())} />}
      {!group && what !== "schedule" && <Meaning rule={rule} around={around} />}
      {wrong && <p class="wrong">{wrong}</p>}
    </li>
  );
}

function turned(rule: Rule): Rule {
  const { negate, ...rest } = rule;
  return negate ? rest : { ...rest, negate: true };
}

/** Of a parameter the older spelling query.NAME becomes the plain one. */
function named({ fact: _, ...rest }: Rule): Rule {
  return rest;
}

function Test({ rule, path, around, onRule }: Props) {
  const fact = factOf(rule);
  const operator: Operator = rule.operator ?? "";
  const { usual, others } = operatorsFor(fact.kind);
  const [texts, one] = [Array.isArray(rule.value) ? rule.value : rule.value ? [rule.value] : [], Array.isArray(rule.value) ? rule.value[0] ?? "" : rule.value ?? ""];
  const offers = fact.offers ? { offers: fact.offers } : {};
  const flag = fact.kind === "flag" && (operator === "eq" || operator === "neq");
  return (
    <>
      <Choose bare label="How it is compared" path={`${path}.operator`} value={operator} options={usual} groups={{ "Seldom of use here": others }} onPick={(wanted) => onRule(compared(rule, wanted as Operator))} />
      {flag && <Choose bare label="Yes or no" path={`${path}.value`} value={one} options={[["1", "yes"], ["0", "no"]]} onPick={(value) => onRule({ ...rule, value })} />}
      {takes(operator) === "several" && <Values label="Values" path={`${path}.value`} values={texts} {...offers} placeholder={fact.kind === "address" ? "10.0.0.0/8, then Enter" : operator.endsWith("mask") ? "*bot*, then Enter" : `${fact.offers?.slice(0, 2).join(", ") ?? "a value"}, then Enter`} onValues={(value) => onRule({ ...rule, value })} />}
      {takes(operator) === "one" && !flag && <Text bare label="Value" path={`${path}.value`} mono={operator === "regex"} value={one} {...offers} onText={(value) => onRule({ ...rule, value })} />}
      {takes(operator) === "number" && <Text bare label="Number" path={`${path}.value`} numeric value={one} class="short" onText={(value) => onRule({ ...rule, value: value.trim() })} />}
      {takes(operator) === "list" && (
        <Choose bare label="Named list" path={`${path}.list_id`} value={String(rule.list_id ?? "")}
                options={[["", around.lists.length ? "choose a list…" : "there is no list yet"], ...around.lists.map((each) => [String(each.id), `${each.name} (${shown(each.entries)})`] as const)]}
                onPick={(id) => onRule({ ...rule, list_id: Number(id) || null })} />
      )}
    </>
  );
}

/** Live: what the rule says as it stands, and what it does to those of whom the value is missing. */
function Meaning({ rule, around }: { rule: Rule; around: Around }) {
  const fact = factOf(rule);
  const lacking = unknowable(rule, around.lacking);
  return (
    <>
      <small class="means">
        Takes clicks where <b>{said(rule, listNames(around.lists))}</b>; {takesMissing(rule) ? "also" : "not"} those without it. <span class="dim">{fact.help && `${fact.help}.`}</span>
      </small>
      {lacking.length > 0 && (
        <p class="warned unknowable">
          <i class="dot warn" aria-hidden="true" /> {lacking.join(", ")} cannot be known here, so this rule matches nobody: no database of addresses tells it.
          Name one with it in <code>geo.databases</code> (<a href={href("/system")}>what is there</a>).
        </p>
      )}
    </>
  );
}

interface Many {
  rules: readonly Rule[];
  path: string;
  joint: "and" | "or";
  around: Around;
  onRules: (rules: Rule[]) => void;
}

export function RulesEdit({ rules, path, joint, around, onRules }: Many) {
  const wrong = useWrong(path, false);
  return (
    <div class="rules-edit">
      <ol class={joint}>
        {rules.map((rule, index) => (
          <RuleEdit key={index} rule={rule} path={`${path}[${index}]`} around={around} onRule={(made) => onRules(rules.map((each, at) => (at === index ? made : each)))}
                    onRemove={() => onRules(rules.filter((_, at) => at !== index))} />
        ))}
      </ol>
      {wrong && <p class="wrong">{wrong}</p>}
      <p class="row">
        <button type="button" onClick={() => onRules([...rules, fallback()])}>Add a rule</button>
        <button type="button" class="quiet" onClick={() => onRules([...rules, { any: [fallback()] }])}>Add a group</button>
      </p>
    </div>
  );
}
