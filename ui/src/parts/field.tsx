/** A labelled input with what the server found wrong beside it. */

import { useId } from "preact/hooks";

interface Props {
  label: string;
  name: string;
  value: string;
  onText: (text: string) => void;
  wrong?: string | undefined;
  email?: boolean;
  digits?: boolean;
  placeholder?: string;
  /** What a browser or a phone may fill in. */
  fill?: string;
}

export function Field({ label, name, value, onText, wrong, email, digits, placeholder, fill }: Props) {
  const id = useId();
  const kind: object = { type: email ? "email" : "text", autocomplete: fill };
  return (
    <p class="field">
      <label for={id}>{label}</label>
      <input id={id} name={name} {...kind} class={digits ? "digits" : undefined} value={value}
             inputMode={digits ? "numeric" : email ? "email" : "text"} placeholder={placeholder}
             required autofocus spellcheck={false} aria-invalid={wrong ? "true" : undefined}
             aria-describedby={wrong ? `${id}-wrong` : undefined} onInput={(event) => onText(event.currentTarget.value)} />
      {wrong && <span class="wrong" id={`${id}-wrong`}>{wrong}</span>}
    </p>
  );
}
