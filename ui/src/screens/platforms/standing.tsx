/** How reporting of an account goes: read again whenever deliveries change. */

import type { AccountReport } from "../../api";
import { type Asked, useAsk } from "../../ask";
import type { Api } from "../../api";
import { Amount } from "../../parts/figure";
import { shown } from "../../parts/number";
import { duration, now } from "../../parts/time";
import { may } from "../../session";
import { useDeliveriesChange } from "../deliveries/queues";

export type Standings = Asked<Api["ad_accounts.standings"]["answer"]>;

export function useStandings(): Standings {
  const asked = useAsk("ad_accounts.standings", may("ad_accounts.read") ? {} : null);
  useDeliveriesChange(asked.again);
  return asked;
}

export function standingOf(asked: Standings, account: number): AccountReport | undefined {
  return asked.value?.items.find((each) => each.account_id === account);
}

/** As what its events are listed; `fetched`: also as those of the file that Google fetches. */
export function targetsOf(of: Pick<AccountReport, "pixels">, fetched = false): string[] {
  return of.pixels.flatMap(({ target, pixel_id }) => (fetched ? [target, `feed:${pixel_id}`] : [target]));
}

/** What keeps it from reporting although nobody paused it; "" for nothing. */
export function lackOf(it: AccountReport | undefined): string {
  if (it?.state !== "held" || !it.reason) return "";
  return it.reason.startsWith("it has no") ? `it cannot report: ${it.reason}` : `its token cannot be opened: ${it.reason}`;
}

const SOON = 24 * 3600;

/** Seconds until then. */
export function ahead(us: number): number {
  return us / 1e6 - now.value.getTime() / 1000;
}

/** A word and its tone; what an operator did comes before what the platform says. */
export function how(it: AccountReport | undefined): readonly [tone: string, words: string] {
  switch (it?.state) {
    case undefined:
      return ["", "nothing reported yet"];
    case "held":
      return it.reason ? ["loss", lackOf(it).split(":")[0] ?? ""] : ["", "paused by hand"];
    case "paused":
      return ["loss", "the platform refuses it"];
    case "throttled":
      return ["warn", "slowed down"];
    case "dry_run":
      return ["", "dry run: nothing is sent"];
    case "sending":
      if (it.pixels.some((each) => each.paused_us)) return ["loss", "a pixel is refused"];
      return it.accepted ? ["good", "reports"] : ["", "nothing accepted yet"];
  }
}

export function State({ of, brief }: { of: AccountReport | undefined; brief?: boolean }) {
  const [tone, words] = how(of);
  const until = of?.state === "paused" ? of.probe_us : of?.state === "throttled" ? of.not_before_us : 0;
  return (
    <span class="state" title={of?.reason || undefined}>
      <i class={`dot ${tone}`} aria-hidden="true" />
      <span class={tone === "loss" ? "loss" : undefined}>{words}</span>
      {!brief && until > 0 && <span class="dim">tried {ahead(until) > 0 ? `in ${duration(ahead(until))}` : "now"}</span>}
    </span>
  );
}

/** When the first of what is queued is lost; red when that is near. */
export function Deadline({ us }: { us: number }) {
  if (!us) return <span class="zero">–</span>;
  const left = ahead(us);
  return <span class={left < SOON ? "loss" : undefined}>{left > 0 ? `in ${duration(left)}` : "now"}</span>;
}

/** Micro-units by currency: the largest, and how many more. */
export function AtRisk({ of }: { of: Readonly<Record<string, number>> }) {
  const all = Object.entries(of).filter(([, amount]) => amount).sort(([, a], [, b]) => b - a);
  const [first] = all;
  if (!first) return <Amount value={0} />;
  return <span title={all.map(([currency, amount]) => `${shown(amount / 1e6, "money")} ${currency}`).join(", ")}>{shown(first[1] / 1e6, "money")} <span class="dim">{first[0]}{all.length > 1 && ` +${all.length - 1}`}</span></span>;
}

/** From 0 to 10; `–` before anything was sent. */
export function Quality({ of }: { of: number | null | undefined }) {
  if (of === null || of === undefined) return <span class="zero">–</span>;
  return <span class={of < 4 ? "warned" : undefined}>{shown(Math.round(of * 10) / 10, "rate")}</span>;
}
