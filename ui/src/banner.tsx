/** A lost socket, said quietly: the screen stays, and it comes back by itself. */

import { useEffect, useState } from "preact/hooks";
import { rpc } from "./live";
import { now } from "./parts/time";

/** Milliseconds in which a reconnect is nobody's business. */
const GRACE = 1200;

export function Banner() {
  const lost = rpc.state.value === "lost";
  const [shown, setShown] = useState(false);
  useEffect(() => {
    if (!lost) return setShown(false);
    const timer = setTimeout(() => setShown(true), GRACE);
    return () => clearTimeout(timer);
  }, [lost]);
  const seconds = Math.max(0, Math.ceil((rpc.retryAt.value - now.value.getTime()) / 1000));
  return (
    <div class="banner" role="status" hidden={!shown}>
      {shown && (
        <p>
          <i class="dot warn" aria-hidden="true" /> Not connected. What you see is from before; clicks are still answered.{" "}
          {seconds > 0 ? `Next try in ${seconds} s.` : "Trying…"}{" "}
          <button type="button" onClick={() => rpc.hurry()}>Try now</button>
        </p>
      )}
    </div>
  );
}
