/** One number that matters, with what it is compared with. */

import type { ComponentChildren } from "preact";
import { shown, type Shape } from "./number";

interface Props {
  name: string;
  unit?: string;
  value: number | null | undefined;
  shape?: Shape;
  /** Red when below zero: only where below zero is a loss. */
  loses?: boolean;
  note?: ComponentChildren;
  children?: ComponentChildren;
}

export function Figure({ name, unit, value, shape = "count", loses, note, children }: Props) {
  return (
    <div class="stat">
      <dt>
        {name}
        {unit && <small> {unit}</small>}
      </dt>
      <dd>
        <span class="figures"><Amount value={value} shape={shape} {...(loses ? { loses } : {})} /></span>
        {children}
        {note && <span class="note">{note}</span>}
      </dd>
    </div>
  );
}

/** A number in a cell: grey for zero and for unknown, red for a loss. */
export function Amount({ value, shape = "count", loses }: { value: number | null | undefined; shape?: Shape; loses?: boolean }) {
  const tone = !value ? "zero" : loses && value < 0 ? "loss" : undefined;
  return <span class={tone}>{shown(value, shape)}</span>;
}

/** A share as a bar; the number is beside it. */
export function Share({ part, whole, said }: { part: number; whole: number; said?: boolean }) {
  const percent = whole > 0 ? Math.min(100, (part / whole) * 100) : 0;
  return (
    <>
      <span class="share" aria-hidden="true" title={`${shown(percent, "percent")} %`}>
        <span style={{ width: `${percent}%` }} />
      </span>
      {said && <span class="unseen">{shown(percent, "percent")} %</span>}
    </>
  );
}
