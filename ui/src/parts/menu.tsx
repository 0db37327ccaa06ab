/** A small menu under a button, as a native popover: Escape and a click elsewhere close it. */

import type { ComponentChildren } from "preact";
import { useId, useRef } from "preact/hooks";

export function Menu({ name, label, children }: { name: ComponentChildren; label: string; children: ComponentChildren }) {
  const id = useId();
  const box = useRef<HTMLDivElement>(null);
  const leave = (event: Event): void => {
    if ((event.target as Element).closest("a, [data-leaves]")) box.current?.hidePopover();
  };
  return (
    <>
      <button type="button" class="quiet" popovertarget={id} aria-label={label}>{name}</button>
      <div id={id} popover="auto" class="menu" ref={box} onClick={leave}>{children}</div>
    </>
  );
}
