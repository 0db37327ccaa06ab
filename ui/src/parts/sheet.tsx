/** A box around a table: it scrolls sideways where the table is wider, and then the keyboard can scroll it too. */

import type { ComponentChildren } from "preact";
import { useLayoutEffect, useRef, useState } from "preact/hooks";

interface Props {
  label: string;
  stale?: boolean | undefined;
  children: ComponentChildren;
}

export function Sheet({ label, stale, children }: Props) {
  const box = useRef<HTMLDivElement>(null);
  const [scrolls, setScrolls] = useState(false);
  useLayoutEffect(() => {
    const at = box.current;
    if (!at) return;
    const look = (): void => setScrolls(at.scrollWidth > at.clientWidth);
    const watching = new ResizeObserver(look);
    watching.observe(at);
    if (at.firstElementChild) watching.observe(at.firstElementChild);
    return () => watching.disconnect();
  }, []);
  const reachable = scrolls ? { tabIndex: 0, role: "region" as const, "aria-label": `${label}, scrolls` } : {};
  return <div ref={box} class={`sheet${stale ? " stale" : ""}`} {...reachable}>{children}</div>;
}
