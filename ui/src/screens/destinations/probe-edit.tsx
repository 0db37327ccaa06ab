/** How a destination is asked whether it is well. */

import type { Probe } from "../../api";
import { Choose, Text, Tick, Whole } from "../../parts/form";

export function ProbeEdit({ probe, onProbe }: { probe: Probe | null; onProbe: (probe: Probe | null) => void }) {
  const put = (changes: Partial<Probe>): void => onProbe({ ...probe, ...changes });
  return (
    <>
      <Tick label="Ask it regularly whether it answers" on={probe !== null} onTick={(on) => onProbe(on ? {} : null)} />
      {probe && (
        <div class="block">
          <Text label="Address" path="probe.url" type="url" mono value={probe.url ?? ""} placeholder="the destination's own, macros left empty" onText={(url) => put({ url: url.trim() })} />
          <div class="fields">
            <Choose label="Method" path="probe.method" value={probe.method ?? "GET"} options={[["GET", "GET"], ["HEAD", "HEAD"]]} onPick={(method) => put({ method: method as "GET" })} />
            <Whole label="Every" path="probe.every_s" unit="s" value={probe.every_s ?? 60} onNumber={(every_s) => put({ every_s })} class="short" />
            <Whole label="Gives up after" path="probe.timeout_s" unit="s" value={probe.timeout_s ?? 5} onNumber={(timeout_s) => put({ timeout_s })} class="short" />
            <Whole label="Ill after failures" path="probe.down_after" value={probe.down_after ?? 3} onNumber={(down_after) => put({ down_after })} class="short" />
            <Whole label="Well after successes" path="probe.up_after" value={probe.up_after ?? 2} onNumber={(up_after) => put({ up_after })} class="short" />
          </div>
          <div class="fields">
            <Text label="Good statuses" path="probe.statuses" value={(probe.statuses ?? []).join(", ")} placeholder="200 to 399"
                  onText={(text) => put({ statuses: text.split(/[\s,]+/).filter(Boolean).map(Number).filter(Number.isInteger) })} />
            <Text label="Must contain" path="probe.contains" value={probe.contains ?? ""} placeholder="anything" onText={(contains) => put({ contains })} />
          </div>
        </div>
      )}
    </>
  );
}
