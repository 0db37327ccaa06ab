/** Fields of a form: a label, what it means, and what the server found wrong, each beside its field. */

import type { ComponentChildren } from "preact";
import { createContext } from "preact";
import { useContext, useId } from "preact/hooks";

export interface Problem {
  path: string;
  message: string;
}

/** What the server said of the form around; empty while nothing is wrong. */
export const Problems = createContext<readonly Problem[]>([]);

/** What is wrong at `path`: of the field itself, or of a member of it that has no field of its own. */
export function useWrong(path: string, members = true): string {
  const all = useContext(Problems);
  if (!path) return "";
  const mine = all.filter((each) => each.path === path || (members && /^[.[]/.test(each.path.slice(path.length)) && each.path.startsWith(path)));
  return mine.map((each) => (each.path === path ? each.message : `${each.path.slice(path.length).replace(/^\./, "")}: ${each.message}`)).join("; ");
}

interface Around {
  label: string;
  path?: string;
  hint?: ComponentChildren;
  /** The label is read aloud but not shown. */
  bare?: boolean;
  class?: string;
}

interface Aria {
  id: string;
  "aria-invalid"?: "true";
  "aria-describedby"?: string;
}

/** A label around one control; `draw` gets what ties them together. */
export function Labelled({ label, path = "", hint, bare, draw, class: more }: Around & { draw: (aria: Aria) => ComponentChildren }) {
  const id = useId();
  const wrong = useWrong(path);
  const told = [hint && `${id}-hint`, wrong && `${id}-wrong`].filter(Boolean).join(" ");
  const aria: Aria = { id, ...(wrong ? { "aria-invalid": "true" } : {}), ...(told ? { "aria-describedby": told } : {}) };
  return (
    <div class={`item${more ? ` ${more}` : ""}`} data-path={path || undefined}>
      <label for={id} class={bare ? "unseen" : undefined}>{label}</label>
      {draw(aria)}
      {hint && <small id={`${id}-hint`}>{hint}</small>}
      {wrong && <span class="wrong" id={`${id}-wrong`}>{wrong}</span>}
    </div>
  );
}

interface Texted extends Around {
  value: string;
  onText: (text: string) => void;
  placeholder?: string;
  mono?: boolean;
  type?: "text" | "search" | "date" | "time" | "datetime-local" | "url";
  offers?: readonly string[];
  numeric?: boolean;
}

export function Text({ value, onText, placeholder, mono, type = "text", offers, numeric, ...around }: Texted) {
  const id = useId();
  return (
    <Labelled {...around} draw={(aria) => (
      <>
        <input {...aria} type={type} class={mono ? "mono" : undefined} value={value} placeholder={placeholder} spellcheck={false}
               autocomplete="off" inputMode={numeric ? "decimal" : undefined} list={offers ? id : undefined}
               onInput={(event) => onText(event.currentTarget.value)} />
        {offers && <datalist id={id}>{offers.map((each) => <option key={each} value={each} />)}</datalist>}
      </>
    )} />
  );
}

/** A whole number; what is no number is 0, so that the server can say what would be right. */
export function Whole({ value, onNumber, unit, ...around }: Around & { value: number; onNumber: (value: number) => void; unit?: string }) {
  return (
    <Labelled {...around} draw={(aria) => (
      <span class="unit">
        <input {...aria} type="text" inputMode="numeric" class="digits-in" value={String(value)}
               onInput={(event) => onNumber(Math.trunc(Number(event.currentTarget.value.replace(/[^\d-]/g, ""))) || 0)} />
        {unit && <span class="dim" aria-hidden="true">{unit}</span>}
      </span>
    )} />
  );
}

export type Options = readonly (readonly [value: string, words: string])[];

interface Chosen extends Around {
  value: string;
  options: Options;
  /** Name of a group → its options, below `options`. */
  groups?: Readonly<Record<string, Options>>;
  onPick: (value: string) => void;
}

export function Choose({ value, options, groups = {}, onPick, ...around }: Chosen) {
  const list = (all: Options) => all.map(([each, words]) => <option key={each} value={each}>{words}</option>);
  return (
    <Labelled {...around} draw={(aria) => (
      <select {...aria} value={value} onChange={(event) => onPick(event.currentTarget.value)}>
        {list(options)}
        {Object.entries(groups).map(([name, all]) => all.length > 0 && <optgroup key={name} label={name}>{list(all)}</optgroup>)}
      </select>
    )} />
  );
}

export function Area({ value, onText, rows = 4, placeholder, mono, ...around }: Around & { value: string; onText: (text: string) => void; rows?: number; placeholder?: string; mono?: boolean }) {
  return (
    <Labelled {...around} draw={(aria) => (
      <textarea {...aria} rows={rows} class={mono ? "mono" : undefined} value={value} placeholder={placeholder} spellcheck={false}
                onInput={(event) => onText(event.currentTarget.value)} />
    )} />
  );
}

export function Tick({ label, on, onTick, hint }: { label: string; on: boolean; onTick: (on: boolean) => void; hint?: string }) {
  return (
    <label class="tick">
      <input type="checkbox" checked={on} onChange={(event) => onTick(event.currentTarget.checked)} />
      <span>{label}{hint && <small> {hint}</small>}</span>
    </label>
  );
}

/** One of a few words, all in sight. */
export function Words({ label, value, options, onPick }: { label: string; value: string; options: Options; onPick: (value: string) => void }) {
  return (
    <div class="choice" role="group" aria-label={label}>
      {options.map(([each, words]) => (
        <button key={each} type="button" aria-pressed={value === each} onClick={() => onPick(each)}>{words}</button>
      ))}
    </div>
  );
}
