/** Something to take along: the text and a button that copies it. */

import { useEffect, useRef, useState } from "preact/hooks";

export function Copy({ text, label, plain }: { text: string; label: string; plain?: boolean }) {
  const [said, setSaid] = useState("");
  const shown = useRef<HTMLElement>(null);
  useEffect(() => {
    if (!said) return;
    const timer = setTimeout(() => setSaid(""), 1600);
    return () => clearTimeout(timer);
  }, [said]);
  const copy = async (): Promise<void> => {
    try {
      await navigator.clipboard.writeText(text);
      setSaid("Copied");
    } catch {
      // No clipboard without https: mark it, so that one key does.
      if (shown.current) getSelection()?.selectAllChildren(shown.current);
      setSaid("Press Ctrl-C");
    }
  };
  return (
    <span class={`copy${plain ? " plain" : ""}`}>
      <code ref={shown} title={text}>{text}</code>
      <button type="button" onClick={copy} aria-label={`Copy ${label}`}>
        <span aria-live="polite">{said || "Copy"}</span>
      </button>
    </span>
  );
}
