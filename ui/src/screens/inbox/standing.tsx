/** What a conversion is, and what it would be. */

import type { InboxStanding as Standing } from "../../api";
import { Amount } from "../../parts/figure";
import { me } from "../../session";
import { TONES } from "../conversions/conversion";

/** Before → after; either may be missing. */
export function Change({ before, after }: { before: Standing | null; after: Standing | null }) {
  const same = before && after && before.status === after.status;
  return (
    <span>
      {before && !same && <><State of={before} /> → </>}
      {after ? <State of={after} /> : <span class="tag tag-zero">nothing</span>}
      {me.value?.sees_money !== false && <> <Money before={before} after={after} /></>}
    </span>
  );
}

function State({ of }: { of: Standing }) {
  return <span class={`tag tag-${TONES[of.status] ?? "plain"}`}>{of.status}</span>;
}

function Money({ before, after }: { before: Standing | null; after: Standing | null }) {
  const now = after ?? before;
  if (!now) return null;
  const paid = (it: Standing | null): number | null => (it ? Number(it.payout ?? 0) : null);
  const changed = before && after && (paid(before) !== paid(after) || before.currency !== after.currency);
  return (
    <span class="dim">
      {changed && <><Amount value={paid(before)} shape="fine" /> {before.currency !== now.currency && before.currency} → </>}
      <Amount value={paid(now)} shape="fine" /> {now.currency}
    </span>
  );
}
