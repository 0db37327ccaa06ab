/** What the platform said: why events were refused, and how much of its allowance is used. */

import type { AccountReport } from "../../api";
import { Share } from "../../parts/figure";
import { shown } from "../../parts/number";
import { ago, now } from "../../parts/time";
import { href } from "../../route";
import { placeOfDeliveries } from "../deliveries/queues";
import { targetsOf } from "./standing";

export function Refusals({ of }: { of: AccountReport | undefined }) {
  const all = Object.entries(of?.refused_by ?? {}).sort(([, a], [, b]) => b - a);
  if (!of || !all.length) return null;
  const targets = targetsOf(of);
  return (
    <>
      <h3>Refused, by reason</h3>
      <ul class="outcomes">
        {all.map(([label, count]) => (
          <li key={label}><a href={href(placeOfDeliveries(targets, "dead", label))}>{label}</a><Share part={count} whole={of.refused} /><span class="figure">{shown((count / Math.max(1, of.refused)) * 100)} %</span><span class="figure">{shown(count)}</span></li>
        ))}
      </ul>
      <p class="dim">Refused for good: sent again as they are, they would be refused again. <a href={href(placeOfDeliveries(targets, "dead"))}>All of them, with what was said</a></p>
    </>
  );
}

export function Usage({ of, perMinute }: { of: AccountReport | undefined; perMinute: number }) {
  const asked = Object.entries(of?.answers ?? {}).filter(([, count]) => count);
  return (
    <>
      <h3>Allowance</h3>
      {of && of.busy_at_us > 0 ? (
        <p class="row"><span>{shown(of.busy, "percent")} % used</span><Share part={of.busy} whole={100} /><span class="dim">as it said {ago(new Date(of.busy_at_us / 1000), now.value)}</span></p>
      ) : (
        <p class="dim">It has not said how much is used.</p>
      )}
      <p class="dim">
        At most {shown(perMinute)} requests a minute. {asked.length > 0 && `Since the start its answers were: ${asked.map(([word, count]) => `${ANSWERS[word] ?? word} ${shown(count)}`).join(", ")}.`} {of && of.unreconciled > 0 && <span class="warned">It said of {shown(of.unreconciled)} events less than was sent that they arrived.</span>}
      </p>
    </>
  );
}

const ANSWERS: Readonly<Record<string, string>> = { accepted: "accepted", refused: "refused", retry: "not now", throttle: "slower", pause: "account refused" };
