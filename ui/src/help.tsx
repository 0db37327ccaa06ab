/** `?`: what the keyboard does here. */

import { signal } from "@preact/signals";
import { Dialog } from "./parts/dialog";
import type { Key } from "./keys";

export const helping = signal(false);

export function Help({ keys }: { keys: readonly Key[] }) {
  return (
    <Dialog title="Keyboard" onClose={() => (helping.value = false)}>
      <h2>Keyboard</h2>
      <dl class="keys">
        {keys.map((key) => (
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
