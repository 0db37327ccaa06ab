/** Several of those that have a name: each chosen one as a chip, the others behind a choice. */

import { useId } from "preact/hooks";
import { useWrong } from "./form";

interface Props<K> {
  label: string;
  path: string;
  /** What it means when none is chosen. */
  none: string;
  all: readonly (readonly [key: K, name: string])[];
  chosen: readonly K[];
  onChosen: (chosen: K[]) => void;
}

export function Several<K extends string | number>({ label, path, none, all, chosen, onChosen }: Props<K>) {
  const id = useId();
  const wrong = useWrong(path);
  const left = all.filter(([key]) => !chosen.includes(key));
  const nameOf = (key: K): string => all.find(([each]) => each === key)?.[1] ?? `#${key}`;
  return (
    <div class="item values">
      <label for={id}>{label}</label>
      {chosen.length > 0 && (
        <div class="chips">
          {chosen.map((key) => (
            <span key={key} class="value">
              {nameOf(key)}
              <button type="button" class="quiet" aria-label={`Remove ${nameOf(key)}`} onClick={() => onChosen(chosen.filter((each) => each !== key))}>×</button>
            </span>
          ))}
        </div>
      )}
      <select id={id} value="" {...(wrong ? { "aria-invalid": "true" as const, "aria-describedby": `${id}-wrong` } : {})} onChange={(event) => {
        const picked = left.find(([key]) => String(key) === event.currentTarget.value);
        event.currentTarget.value = "";
        if (picked) onChosen([...chosen, picked[0]]);
      }}>
        <option value="">{chosen.length ? (left.length ? "Add another…" : "These are all") : none}</option>
        {left.map(([key, name]) => <option key={key} value={String(key)}>{name}</option>)}
      </select>
      {wrong && <span class="wrong" id={`${id}-wrong`}>{wrong}</span>}
    </div>
  );
}
