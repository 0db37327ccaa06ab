/** Several texts as chips: enter or a comma adds one, backspace takes the last, a paste of lines adds them all. */

import { useId, useState } from "preact/hooks";
import { useWrong } from "./form";
import { shown } from "./number";

interface Props {
  label: string;
  path: string;
  values: readonly string[];
  onValues: (values: string[]) => void;
  offers?: readonly string[];
  placeholder?: string;
}

/** From here on chips are in the way, and lines do. */
const MANY = 40;

export function Values({ label, path, values, onValues, offers, placeholder }: Props) {
  const id = useId();
  const [text, setText] = useState("");
  const wrong = useWrong(path);
  const many = values.length > MANY;
  const add = (given: string): void => {
    const fresh = given.split(/[,\n\r\t]+/).map((each) => each.trim()).filter(Boolean);
    if (fresh.length) onValues([...new Set([...values, ...fresh])]);
    setText("");
  };
  const typed = (given: string): void => (/[,\n]/.test(given) || (offers?.includes(given) ?? false) ? add(given) : setText(given));
  const pressed = (event: KeyboardEvent): void => {
    if (event.key === "Enter" && !event.ctrlKey && !event.metaKey && text) {
      event.preventDefault();
      add(text);
    } else if (event.key === "Backspace" && !text) onValues(values.slice(0, -1));
  };
  const pasted = (event: ClipboardEvent): void => {
    const given = event.clipboardData?.getData("text") ?? "";
    if (!/[\n,]/.test(given)) return;
    event.preventDefault();
    add(given);
  };
  const told = wrong ? { "aria-invalid": "true" as const, "aria-describedby": `${id}-wrong` } : {};
  return (
    <div class="item values">
      {many ? (
        <textarea aria-label={`${label}, one a line`} rows={6} class="mono" value={values.join("\n")} {...told}
                  onInput={(event) => onValues(event.currentTarget.value.split("\n").map((each) => each.trim()).filter(Boolean))} />
      ) : (
        <div class="tags">
          {values.map((each) => (
            <span key={each} class="value">
              {each}
              <button type="button" class="quiet" aria-label={`Remove ${each}`} onClick={() => onValues(values.filter((one) => one !== each))}>×</button>
            </span>
          ))}
          <input type="text" aria-label={label} value={text} list={offers ? id : undefined} autocomplete="off" spellcheck={false} {...told}
                 placeholder={values.length ? "" : placeholder} onInput={(event) => typed(event.currentTarget.value)} onKeyDown={pressed} onPaste={pasted} onBlur={() => add(text)} />
          {offers && <datalist id={id}>{offers.filter((each) => !values.includes(each)).map((each) => <option key={each} value={each} />)}</datalist>}
        </div>
      )}
      {many && <small>{shown(values.length)} values, one a line. A named list is easier to keep.</small>}
      {wrong && <span class="wrong" id={`${id}-wrong`}>{wrong}</span>}
    </div>
  );
}
