/** How a stream chooses among its destinations, and what it remembers of its visitors. */

import type { Distribution, UniquePolicy } from "../../api";
import { Choose, type Options, Text, Tick, Whole } from "../../parts/form";
import { shared } from "../routing/sentence";

const STRATEGIES: Options = [
  ["weighted", "by weight"], ["waterfall", "waterfall: the first that is open"], ["round_robin", "round robin: in turn"],
  ["best_roi", "best ROI of a window"], ["adaptive", "adaptive: more to what works"],
]; // prettier-ignore
const SIMPLE = STRATEGIES.slice(0, 3);

export function DistributionEdit({ distribution, onDistribution }: { distribution: Distribution; onDistribution: (distribution: Distribution) => void }) {
  const strategy = distribution.strategy ?? "weighted";
  const learns = strategy === "best_roi" || strategy === "adaptive";
  const put = (changes: Partial<Distribution>): void => onDistribution({ ...distribution, ...changes });
  return (
    <>
      <div class="fields">
        <Choose label="Shared out" path="distribution.strategy" value={strategy} options={STRATEGIES} onPick={(word) => onDistribution(word === "weighted" ? {} : { strategy: word as "weighted" })} />
        {learns && <Whole label="Looks back" unit="h" path="distribution.window_hours" value={distribution.window_hours ?? 24} onNumber={(window_hours) => put({ window_hours })} class="short" />}
        {strategy === "best_roi" && <Whole label="From clicks on" path="distribution.min_clicks" value={distribution.min_clicks ?? 100} onNumber={(min_clicks) => put({ min_clicks })} class="short" />}
        {strategy === "best_roi" && <Choose label="Below that" path="distribution.fallback" value={distribution.fallback ?? "round_robin"} options={SIMPLE} onPick={(word) => put({ fallback: word as "weighted" })} />}
        {strategy === "adaptive" && <Choose label="By" path="distribution.goal" value={distribution.goal ?? "conversions"} options={[["conversions", "conversions"], ["revenue", "revenue"]]} onPick={(goal) => put({ goal: goal as "revenue" })} />}
        {strategy === "adaptive" && <Whole label="Each gets at least" unit="%" path="distribution.floor_percent" value={distribution.floor_percent ?? 5} onNumber={(floor_percent) => put({ floor_percent })} class="short" />}
      </div>
      <small class="dim">A click goes to {strategy === "weighted" || strategy === "round_robin" ? "one of the open destinations, " : ""}{shared(distribution)}.</small>
    </>
  );
}

const KEYS: Options = [
  ["source_click_id", "the source's click id"], ["visitor", "the visitor (cookie)"], ["address", "the address"], ["user_agent", "the user agent"],
  ...Array.from({ length: 30 }, (_, index) => [`sub${index + 1}`, `sub${index + 1}`] as const),
  ...["utm_source", "utm_medium", "utm_campaign", "utm_content", "utm_term"].map((name) => [name, name] as const),
];

export function PolicyEdit({ policy, onPolicy }: { policy: UniquePolicy | null; onPolicy: (policy: UniquePolicy | null) => void }) {
  const key = policy?.user_key ?? "source_click_id";
  const query = key.startsWith("query.");
  const put = (changes: Partial<UniquePolicy>): void => onPolicy({ ...policy, ...changes });
  return (
    <>
      <Tick label="Never the same destination twice for the same visitor" on={policy !== null && policy.enabled !== false} onTick={(on) => onPolicy(on ? {} : null)} />
      {policy && (
        <div class="block">
          <div class="fields">
            <Choose label="Known by" path="unique_policy.user_key" value={query ? "query." : key} options={[...KEYS, ["query.", "a query parameter…"]]} onPick={(user_key) => put({ user_key })} />
            {query && <Text label="Its name" path="unique_policy.user_key" mono value={key.slice(6)} onText={(name) => put({ user_key: `query.${name.trim()}` })} class="short" />}
            <Whole label="Remembered for" unit="h" path="unique_policy.history_window_hours" value={policy.history_window_hours ?? 24} onNumber={(history_window_hours) => put({ history_window_hours })} class="short" />
            <Choose label="When all were shown" path="unique_policy.exhausted_mode" value={policy.exhausted_mode ?? "allow_repeat"} options={[["allow_repeat", "show one again"], ["no_destination", "to the trafficback"]]}
                    onPick={(mode) => put({ exhausted_mode: mode as "allow_repeat" })} />
          </div>
          <Tick label="Never what this visitor converted on, whatever else" on={policy.skip_converted ?? false} onTick={(skip_converted) => put({ skip_converted })} />
        </div>
      )}
    </>
  );
}
