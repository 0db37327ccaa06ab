/** A secret as a field: what is stored is never shown, so the field begins empty, and empty keeps it. */

import type { ComponentChildren } from "preact";
import { Text } from "../../parts/form";

/** Instead of a secret that is stored; sent back it means "as it is". */
export const MASK = "********";

interface Props {
  label: string;
  path: string;
  /** What was typed, MASK for what is stored, or "". */
  value: string;
  stored: boolean;
  example?: string;
  hint?: ComponentChildren;
  onValue: (value: string) => void;
  /** It may be taken away. */
  optional?: boolean;
}

export function SecretText({ label, path, value, stored, example = "", hint, onValue, optional }: Props) {
  const kept = stored && value === MASK;
  const forget = optional && kept && <> <button type="button" class="link" onClick={() => onValue("")}>Remove it</button></>;
  const back = stored && value === "" && <> It is removed. <button type="button" class="link" onClick={() => onValue(MASK)}>Keep it</button></>;
  return (
    <Text label={label} path={path} mono value={value === MASK ? "" : value} placeholder={kept ? "stored; leave empty to keep it" : example} hint={<>{hint}{forget}{back}</>}
          onText={(text) => onValue(text.trim() || (stored ? MASK : ""))} />
  );
}
