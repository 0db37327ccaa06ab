/** Weir starts, or is away: nothing is known yet, and it is asked again by itself. */

import { Gate } from "./gate";

export function Silent({ why }: { why: string }) {
  return (
    <Gate title="Weir does not answer yet">
      <p role="status">{why}</p>
      <p class="dim">This page goes on by itself as soon as it does. Clicks are answered meanwhile.</p>
    </Gate>
  );
}
