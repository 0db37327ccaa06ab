/** A side panel over the screen: the rows stay in sight. Escape closes it. */

import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";

interface Props {
  title: string;
  onClose: () => void;
  wide?: boolean;
  children: ComponentChildren;
}

export function Panel({ title, onClose, wide, children }: Props) {
  const box = useRef<HTMLElement>(null);
  const close = useRef(onClose);
  close.current = onClose;
  useEffect(() => {
    const before = document.activeElement as HTMLElement | null;
    box.current?.focus({ preventScroll: true });
    const pressed = (event: KeyboardEvent): void => {
      if (event.key !== "Escape" || (event.target as Element | null)?.closest("dialog")) return;
      close.current();
    };
    document.addEventListener("keydown", pressed);
    return () => {
      document.removeEventListener("keydown", pressed);
      before?.focus?.({ preventScroll: true });
    };
  }, []);
  return (
    <aside class={`panel${wide ? " broad" : ""}`} ref={box} tabIndex={-1} aria-label={title}>
      <header>
        <h2>{title}</h2>
        <button type="button" class="quiet" onClick={onClose}>
          Close <kbd>Esc</kbd>
        </button>
      </header>
      <div class="inside">{children}</div>
    </aside>
  );
}
