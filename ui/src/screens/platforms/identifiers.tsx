/** By what the platform can recognise a visitor: which identifiers were in how many of the events sent. */

import type { AccountReport } from "../../api";
import { Share } from "../../parts/figure";
import { shown } from "../../parts/number";
import { Quality } from "./standing";
import { IDENTIFIERS } from "./words";

export function Identifiers({ of }: { of: AccountReport | undefined }) {
  const all = Object.entries(of?.identifiers ?? {}).sort(([, a], [, b]) => b - a);
  if (!of?.measured || !all.length) return <p class="dim">Nothing was made since Weir started: with the first event it stands here which identifiers it carried.</p>;
  return (
    <>
      <p>Match quality <strong><Quality of={of.match_quality} /></strong> <span class="dim">of 10, our estimate by what {shown(of.measured)} events carried.</span></p>
      <ul class="outcomes">
        {all.map(([name, count]) => (
          <li key={name}><span>{IDENTIFIERS[name] ?? name}</span><Share part={count} whole={of.measured} /><span class="figure">{shown((count / of.measured) * 100)} %</span><span class="figure">{shown(count)}</span></li>
        ))}
      </ul>
    </>
  );
}
