/** `?`: what the keyboard does here. */

import { signal } from "@preact/signals";
import { Dialog } from "./parts/dialog";
import type { Key } from "./keys";

export const helping = signal(false);

/** What works everywhere first, then the ways to go, then what this screen adds. */
function rank(key: Key): number {
  return key.keys === "/" || key.keys === "?" ? 0 : key.keys.startsWith("g ") ? 1 : 2;
}

export function Help({ keys }: { keys: readonly Key[] }) {
  return (
    <Dialog title="Keyboard" onClose={() => (helping.value = false)}>
      <h2>Keyboard</h2>
      <dl class="keys">
        {[...keys].sort((a, b) => rank(a) - rank(b)).map((key) => (
          <div key={key.keys}>
            <dt>{key.keys.split(" ").map((each) => <kbd key={each}>{each}</kbd>)}</dt>
            <dd>{key.words}</dd>
          </div>
        ))}
        <div>
          <dt><kbd>Esc</kbd></dt>
          <dd>Close what is open</dd>
        </div>
      </dl>
    </Dialog>
  );
}
