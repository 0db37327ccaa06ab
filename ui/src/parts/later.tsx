/** A screen that is fetched when it is first opened: the first paint stays small. */

import type { ComponentType } from "preact";
import { useEffect, useState } from "preact/hooks";

export function later(load: () => Promise<ComponentType>): ComponentType {
  let Loaded: ComponentType | undefined;
  let asked: Promise<ComponentType> | undefined;
  return function Later() {
    const [, setTurn] = useState(0);
    const [fault, setFault] = useState(false);
    const fetch = (): void => {
      asked ??= load();
      asked.then((found) => ((Loaded = found), setTurn(1)), () => ((asked = undefined), setFault(true)));
    };
    useEffect(() => {
      if (!Loaded) fetch();
    }, []);
    if (Loaded) return <Loaded />;
    if (!fault) return <p class="unseen" role="status">Loading</p>;
    return (
      <p class="wrong" role="alert">
        This screen could not be fetched. <button type="button" onClick={() => location.reload()}>Load again</button>
      </p>
    );
  };
}
