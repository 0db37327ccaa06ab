/** Conversions that their targets have not heard of for a while; nothing while all of them listen. */

import type { SystemStatus } from "../../api";
import { shown } from "../../parts/number";
import { duration, now } from "../../parts/time";
import { href } from "../../route";

/** Seconds that a delivery may wait without anybody looking. */
const WHILE = 60;

export function Undelivered({ status }: { status: SystemStatus }) {
  const { pending, dead, oldest_seconds } = status.deliveries;
  // A picture of the appliance is sent when something happens; time goes on without.
  const waits = oldest_seconds + Math.max(0, now.value.getTime() / 1000 - status.at_us / 1e6);
  const late = pending > 0 && waits > WHILE;
  if (!late && !dead) return null;
  return (
    <p class="trouble" role="status">
      <i class="dot warn" aria-hidden="true" />{" "}
      {late && <>{shown(pending)} deliver{pending === 1 ? "y waits" : "ies wait"}, the oldest for {duration(waits)}. <a href={href("/deliveries?state=pending")}>Which</a>{dead > 0 && " · "}</>}
      {dead > 0 && <>{shown(dead)} {dead === 1 ? "was" : "were"} given up. <a href={href("/deliveries?state=dead")}>Tell again, or cancel</a></>}
    </p>
  );
}
