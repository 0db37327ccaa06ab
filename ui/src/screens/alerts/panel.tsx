/** One alert: what is wrong, since when, what to do, who knows. */

import type { ShownAlert } from "../../api";
import { Panel } from "../../parts/panel";
import { ago, duration, full, now } from "../../parts/time";
import { href, set } from "../../route";
import { may } from "../../session";
import { zone } from "../../zone";
import { acknowledge } from "./alerts";
import { placeOf, remedyOf, wordsOf } from "./words";

export function AlertPanel({ alert, again }: { alert: ShownAlert; again: () => void }) {
  const at = (us: number) => <time dateTime={new Date(us / 1000).toISOString()} title={full(new Date(us / 1000), zone.value)}>{ago(new Date(us / 1000), now.value)}</time>;
  const ended = alert.state === "closed";
  return (
    <Panel title={wordsOf(alert.kind)} onClose={() => set({ open: null })}>
      <p class={ended ? "dim" : "loss"}><strong>{alert.text}</strong></p>
      <p>{remedyOf(alert.kind)} {!ended && <a href={href(placeOf(alert))}>Look into it</a>}</p>
      <dl class="facts">
        <div><dt>Since</dt><dd>{at(alert.opened_us)}</dd></div>
        {ended ? <div><dt>Ended</dt><dd>{at(alert.closed_us)}, after {duration((alert.closed_us - alert.opened_us) / 1e6)}</dd></div> : <div><dt>Last seen to be so</dt><dd>{at(alert.seen_us)}</dd></div>}
        <div><dt>Told by</dt><dd>{alert.told.join(", ") || "nobody yet"}</dd></div>
        <div><dt>Seen by</dt><dd>{alert.acknowledged_us ? <>{alert.acknowledged_by}, {at(alert.acknowledged_us)}</> : "nobody yet"}</dd></div>
        <div><dt>About</dt><dd><code>{alert.about}</code></dd></div>
      </dl>
      {!ended && !alert.acknowledged_us && may("alerts.write") && <p class="row"><button type="button" class="main" onClick={() => acknowledge(alert, again)}>I have seen it</button></p>}
    </Panel>
  );
}
