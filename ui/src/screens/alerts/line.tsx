/** The gravest open alert on the dashboard, and how many more; nothing while all is well. */

import type { Alert } from "../../api";
import { href } from "../../route";
import { may } from "../../session";
import { graveOf } from "./words";

export function AlertLine({ open }: { open: readonly Alert[] }) {
  const unseen = open.filter((each) => !each.acknowledged_us);
  const first = unseen.find(graveOf) ?? unseen[0];
  if (!first || !may("alerts.read")) return null;
  const grave = graveOf(first);
  return (
    <p class={`trouble${grave ? " grave" : ""}`} role="status">
      <i class={`dot ${grave ? "loss" : "warn"}`} aria-hidden="true" /> {first.text}
      {unseen.length > 1 && ` And ${unseen.length - 1} more.`} <a href={href(`/alerts?open=${first.id}`)}>What to do</a>
    </p>
  );
}
