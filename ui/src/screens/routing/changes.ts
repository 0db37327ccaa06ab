/** What becomes of a rule when its fact, its operator or its kind is chosen anew. Pure. */

import type { Rule } from "../../api";
import { factOf, fresh, GROUPS, type Operator, takes } from "./facts";
import { freshSchedule } from "./schedule-edit";

/** What a rule is about, as one word of a list: a fact's name, or one of these. */
export type Subject = "param" | "header" | "schedule" | "all" | "any" | (string & {});

export function subject(rule: Rule): Subject {
  if (rule.all?.length) return "all";
  if (rule.any?.length) return "any";
  if (rule.schedule) return "schedule";
  if (rule.param || rule.fact?.startsWith("query.")) return "param";
  if (rule.fact?.startsWith("header.")) return "header";
  return rule.fact || "param";
}

const FIRST: Rule = { fact: "country", operator: "in", value: [] };

export function about(rule: Rule, wanted: Subject): Rule {
  const negate = rule.negate ? { negate: true } : {};
  const inside = rule.all?.length ? rule.all : rule.any;
  if (wanted === "all" || wanted === "any") return { [wanted]: inside ?? [withoutNegate(rule)], ...negate };
  if (wanted === "schedule") return { schedule: freshSchedule(), ...negate };
  if (wanted === "param") return { param: "", operator: "eq", value: "", ...negate };
  if (wanted === "header") return { fact: "header.", operator: "contains", value: "", ...negate };
  const next = { fact: wanted };
  const [before, after] = [factOf(rule), factOf(next)];
  const kept = before.kind === after.kind && after.kind === "text" && rule.operator && !before.offers && !after.offers;
  return { ...next, ...(kept ? given(rule) : fresh(after)), ...negate };
}

function withoutNegate({ negate: _, ...rest }: Rule): Rule {
  return Object.keys(rest).length && subject(rest) !== "schedule" ? rest : FIRST;
}

function given(rule: Rule): Pick<Rule, "operator" | "value" | "list_id"> {
  return { ...(rule.operator ? { operator: rule.operator } : {}), ...(rule.value !== undefined ? { value: rule.value } : {}), ...(rule.list_id ? { list_id: rule.list_id } : {}) };
}

/** The same test with another operator: what was given is kept where it still fits. */
export function compared(rule: Rule, operator: Operator): Rule {
  const { value, list_id, ...rest } = rule;
  const all = Array.isArray(value) ? value : value ? [value] : [];
  switch (takes(operator)) {
    case "several":
      return { ...rest, operator, value: all };
    case "list":
      return { ...rest, operator, list_id: list_id ?? null };
    case "nothing":
      return { ...rest, operator };
    default:
      return { ...rest, operator, value: all[0] ?? "" };
  }
}

/** Whether a visitor without the value matches: what says "not", unless it is turned round. */
export function takesMissing(rule: Rule): boolean {
  const says = rule.operator === "neq" || Boolean(rule.operator?.startsWith("not_"));
  return says !== Boolean(rule.negate);
}

export const fallback = (): Rule => ({ ...FIRST, value: [] });
export const known = (name: string): boolean => Object.values(GROUPS).flat().some((fact) => fact.name === name);
