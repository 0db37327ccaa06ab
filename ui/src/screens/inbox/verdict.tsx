/** What became of a postback, as a mark. */

import { type Postback, verdict, worded } from "./postback";

export function Verdict(of: { postback: Postback } | { outcome: string; reason: string }) {
  const [words, tone] = "postback" in of ? verdict(of.postback) : worded(of.outcome, of.reason);
  return <span class={`tag tag-${tone}`}>{words}</span>;
}
