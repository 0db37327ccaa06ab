/** j and k choose a row, enter opens it. */

import { useEffect, useMemo, useState } from "preact/hooks";
import { offer } from "./keys";

export function usePicking<R>(found: readonly R[], open: (row: R) => void): [number, (place: number) => void] {
  const [picked, pick] = useState(-1);
  const held = useMemo(() => ({ found, picked, open }), []);
  Object.assign(held, { found, picked, open });
  useEffect(() => {
    const step = (by: number) => () => pick(Math.max(0, Math.min(held.found.length - 1, held.picked + by)));
    return offer(
      { keys: "j", words: "Next row", run: step(1) },
      { keys: "k", words: "Row before", run: step(-1) },
      { keys: "Enter", words: "Open the row", run: () => {
        const row = held.found[held.picked];
        if (row) held.open(row);
      } }, // prettier-ignore
    );
  }, []);
  return [picked, pick];
}
