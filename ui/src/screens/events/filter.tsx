/** Whether subscriptions are asked: off, everything that comes in is reported. */

import { useEffect, useRef, useState } from "preact/hooks";
import type { Api } from "../../api";
import { type Asked, useAsk } from "../../ask";
import { perform } from "../../editing";
import { watch } from "../../live";
import { note } from "../../parts/notes";
import { ago, now } from "../../parts/time";
import { may } from "../../session";

export type IntakesAnswer = Api["intakes.list"]["answer"];

export function useIntakes(): Asked<IntakesAnswer> {
  const asked = useAsk("intakes.list", may("intakes.read") ? {} : null);
  const again = useRef(asked.again);
  again.current = asked.again;
  useEffect(() => {
    if (!may("system.read")) return;
    // The first frame counts as a change: what happened before it may be unseen.
    let seen = "";
    return watch(["system"], ({ system }) => {
      const said = system && JSON.stringify([system.intakes, system.interpreter]);
      if (said && said !== seen) again.current();
      seen = said ?? seen;
    });
  }, []);
  return asked;
}

export function FilterState() {
  const asked = useIntakes();
  if (asked.value?.filter.on !== false) return null;
  return <Filter of={asked.value} again={asked.again} />;
}

export function Filter({ of, again }: { of: IntakesAnswer; again: () => void }) {
  const [asking, ask] = useState(false);
  const write = may("intakes.write");
  const turn = (on: boolean): void =>
    void perform(on ? "subscription_filter.on" : "subscription_filter.off", {}, () => {
      ask(false);
      again();
      note(on ? "Subscriptions are asked again." : "Events of every campaign are reported now.", () => turn(!on));
    });
  if (!of.filter.on) {
    return (
      <div class="trouble" role="status">
        <strong>Subscriptions are not asked.</strong> <span>Switched off by {of.filter.by}{of.filter.at_us > 0 && <>, {ago(new Date(of.filter.at_us / 1000), now.value)}</>}: events of every campaign are reported.</span>
        {write && <p class="row"><button type="button" onClick={() => turn(true)}>Ask them again</button></p>}
      </div>
    );
  }
  if (asking) {
    return (
      <div class="trouble stack" role="alert">
        <p>From then on events of every campaign are reported, subscribed or not. What was reported cannot be taken back.</p>
        <p class="row"><button type="button" onClick={() => ask(false)}>Leave them</button><button type="button" class="loses" onClick={() => turn(false)}>Report every campaign</button></p>
      </div>
    );
  }
  return <p class="row acts"><span class="grow">Only subscribed campaigns are reported.</span>{write && <button type="button" onClick={() => ask(true)}>Report every campaign…</button>}</p>;
}
