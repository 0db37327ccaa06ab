/** A native dialog: it keeps the focus, and Escape closes it. */

import type { ComponentChildren } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";

export function Dialog({ title, onClose, children }: { title: string; onClose: () => void; children: ComponentChildren }) {
  const box = useRef<HTMLDialogElement>(null);
  // Before the next key arrives: after the paint, what is typed at once after `/` would go to the screen below.
  useLayoutEffect(() => {
    box.current?.showModal();
  }, []);
  return (
    <dialog ref={box} aria-label={title} onClose={onClose}
            onClick={(event) => event.target === box.current && box.current?.close()}>
      <div class="inside">{children}</div>
    </dialog>
  );
}
