/** Caps: at most so many clicks, conversions or so much money, in a calendar day or a rolling window. */

import type { Cap } from "../../api";
import { Choose, Text, useWrong, Whole } from "../../parts/form";
import { zones } from "../../parts/time";
import { zone } from "../../zone";
import { capped } from "../routing/sentence";

const METRICS = [["clicks", "clicks"], ["conversions", "conversions"], ["cost", "cost"], ["revenue", "revenue"]] as const;

export function CapsEdit({ caps, currency, onCaps }: { caps: readonly Cap[]; currency: string; onCaps: (caps: Cap[]) => void }) {
  const wrong = useWrong("caps", false);
  const put = (index: number, cap: Cap): void => onCaps(caps.map((each, at) => (at === index ? cap : each)));
  return (
    <>
      {caps.map((cap, index) => (
        <CapEdit key={index} cap={cap} path={`caps[${index}]`} currency={currency} onCap={(made) => put(index, made)} onRemove={() => onCaps(caps.filter((_, at) => at !== index))} />
      ))}
      {wrong && <p class="wrong">{wrong}</p>}
      <p class="row">
        <button type="button" onClick={() => onCaps([...caps, { metric: "clicks", limit: "1000", timezone: zone.peek() }])}>Add a cap</button>
        {!caps.length && <span class="dim">None: it takes as many clicks as come.</span>}
      </p>
    </>
  );
}

function CapEdit({ cap, path, currency, onCap, onRemove }: { cap: Cap; path: string; currency: string; onCap: (cap: Cap) => void; onRemove: () => void }) {
  const money = cap.metric === "cost" || cap.metric === "revenue";
  const rolling = Boolean(cap.window_hours);
  const metric = (name: string): void => {
    const { currency: _, ...rest } = cap;
    const wants = name === "cost" || name === "revenue";
    onCap({ ...rest, metric: name as Cap["metric"], ...(wants && cap.currency ? { currency: cap.currency } : {}) });
  };
  return (
    <fieldset class="block">
      <legend class="unseen">Cap on {cap.metric}</legend>
      <div class="fields">
        <Text label="At most" path={`${path}.limit`} numeric value={cap.limit} onText={(limit) => onCap({ ...cap, limit: limit.trim() })} class="short" />
        <Choose label="Of" path={`${path}.metric`} value={cap.metric} options={METRICS} onPick={metric} />
        {money && <Text label="Currency" path={`${path}.currency`} value={cap.currency ?? ""} placeholder={currency} onText={(text) => onCap({ ...cap, currency: text.trim().toUpperCase() })} class="short" />}
        <Choose label="In" path={rolling ? "" : `${path}.window_hours`} value={rolling ? "hours" : "day"} options={[["day", "a calendar day"], ["hours", "any hours in a row"]]}
                onPick={(word) => onCap({ ...cap, window_hours: word === "day" ? 0 : 24 })} />
        {rolling ? (
          <Whole label="Hours" path={`${path}.window_hours`} value={cap.window_hours ?? 24} onNumber={(hours) => onCap({ ...cap, window_hours: Math.max(1, hours) })} class="short" />
        ) : (
          <Choose label="Of the zone" path={`${path}.timezone`} value={cap.timezone ?? "UTC"} options={zones.map((each) => [each, each.replaceAll("_", " ")] as const)} onPick={(timezone) => onCap({ ...cap, timezone })} />
        )}
        <button type="button" class="quiet remove" aria-label={`Remove the cap on ${cap.metric}`} onClick={onRemove}>×</button>
      </div>
      <small class="dim">At most {capped(cap)}{money && !cap.currency ? `, in ${currency || "the appliance's currency"}` : ""}.</small>
    </fieldset>
  );
}
