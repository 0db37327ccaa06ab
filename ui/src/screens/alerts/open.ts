/** Open alerts, as the feed says them. */

import { useEffect, useRef, useState } from "preact/hooks";
import type { Alert } from "../../api";
import { watch } from "../../live";
import { may } from "../../session";

/** undefined until the first frame. */
export function useOpenAlerts(): readonly Alert[] | undefined {
  const [open, setOpen] = useState<readonly Alert[]>();
  useEffect(() => (may("system.read") && may("alerts.read") ? watch(["system"], ({ system }) => system && setOpen(system.alerts.open)) : undefined), []);
  return open;
}

/** Calls `act` when an alert was opened, changed or closed. */
export function useAlertsChange(act: () => void): void {
  const open = useOpenAlerts();
  const said = open && JSON.stringify(open.map(({ id, text, acknowledged_us, told }) => [id, text, acknowledged_us, told]));
  // The first frame counts as a change: what happened before it may be unseen.
  const seen = useRef<string>(undefined);
  const latest = useRef(act);
  latest.current = act;
  useEffect(() => {
    if (said === undefined || said === seen.current) return;
    seen.current = said;
    latest.current();
  }, [said]);
}
