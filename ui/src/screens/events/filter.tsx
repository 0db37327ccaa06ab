/** Whether subscriptions are asked: off, everything that comes in is reported. */

import { useState } from "preact/hooks";
import type { Api } from "../../api";
import { type Asked, useAsk } from "../../ask";
import { perform } from "../../editing";
import { note } from "../../parts/notes";
import { ago, now } from "../../parts/time";
import { may } from "../../session";

export type IntakesAnswer = Api["intakes.list"]["answer"];

export function useIntakes(): Asked<IntakesAnswer> {
  return useAsk("intakes.list", may("intakes.read") ? {} : null);
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
      note(on ? "Only subscribed campaigns are reported." : "Every campaign's events are reported.", () => turn(!on));
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
