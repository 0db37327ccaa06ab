/** What the doctor found: the fault in a sentence, what mends it in another, and a way to put it aside. */

import type { ShownFinding } from "../../api";
import { useAsk } from "../../ask";
import { perform } from "../../editing";
import { nameOf } from "../../names";
import { note } from "../../parts/notes";
import { shown } from "../../parts/number";
import { ago, full, now } from "../../parts/time";
import { href } from "../../route";
import { may } from "../../session";
import { zone } from "../../zone";

type Where = { network_id?: number; campaign_id?: number };

export interface Found {
  items: readonly ShownFinding[] | undefined;
  again: () => void;
  fault: string | undefined;
}

/** Those of a network, of a campaign, or all; none where nobody may see them. `muted`: those put aside for good. */
export function useFindings(where: Where = {}, muted = false): Found {
  const asked = useAsk("doctor.list", may("doctor.read") ? { ...where, muted, limit: 1000 } : null);
  const away = asked.fault?.code === "unavailable" || asked.fault?.code === "forbidden";
  return { items: asked.value?.items, again: asked.again, fault: away ? undefined : asked.fault?.message };
}

export function Findings({ found, named, muted }: { found: Found; named?: boolean; muted?: boolean }) {
  if (found.fault) return <p class="dim">{found.fault}</p>;
  if (!found.items?.length) return null;
  return (
    <ul class="troubles" aria-label="What the doctor found">
      {found.items.map((each) => <Finding key={each.id} finding={each} named={named ?? false} muted={muted ?? false} again={found.again} />)}
    </ul>
  );
}

function Finding({ finding, named, muted, again }: { finding: ShownFinding; named: boolean; muted: boolean; again: () => void }) {
  const last = new Date(finding.last_us / 1000);
  const put = (mute: boolean): void =>
    void perform("doctor.dismiss", { id: finding.id, mute }, () => {
      again();
      note(mute ? "It is not said again." : "Put aside; it comes back when it is seen again.");
    });
  const mend = where(finding, named);
  return (
    <li class={finding.grave ? "grave" : undefined}>
      <i class={`dot ${finding.grave ? "loss" : "warn"}`} aria-hidden="true" />
      <div class="grow">
        <p>{named && <Whose finding={finding} />}<strong>{finding.fault}</strong></p>
        <p>{finding.fix}</p>
        <p class="row">
          <small class="grow" title={full(last, zone.value)}>{finding.count > 1 ? `${shown(finding.count)} times, last ` : ""}{ago(last, now.value)}</small>
          {mend && <a href={href(mend[1])}>{mend[0]}</a>}
          {may("doctor.write") && <button type="button" class="link" onClick={() => put(false)}>{muted ? "Say it again" : "Put aside"}</button>}
          {may("doctor.write") && !muted && <button type="button" class="link" onClick={() => put(true)}>Never say it again</button>}
        </p>
      </div>
    </li>
  );
}

/** Where it is seen, or mended. */
function where({ code, network_id, campaign_id, about }: ShownFinding, named: boolean): readonly [words: string, to: string] | undefined {
  if (code === "rate_missing") return ["Enter the rate", `/rates?pair=${encodeURIComponent(about)}`];
  if (network_id && code === "postbacks_refused") return ["See them", `/inbox?network=${network_id}&range=7d`];
  if (network_id && /swapped|elsewhere|glued|secret/.test(code)) return ["See them", `/inbox?network=${network_id}&range=7d&outcome=${code.startsWith("secret") ? "door" : "refused"}`];
  if (network_id && code === "clicks_unknown") return ["See them", `/inbox?network=${network_id}&range=7d&outcome=click_unknown`];
  if (!named) return undefined;
  if (network_id) return ["To the network", `/networks?open=${network_id}`];
  if (campaign_id) return ["To the campaign", `/campaigns/${campaign_id}`];
  return undefined;
}

function Whose({ finding }: { finding: ShownFinding }) {
  if (finding.network_id) return <><a href={href(`/networks?open=${finding.network_id}`)}>{nameOf("networks", finding.network_id)}</a>{": "}</>;
  if (finding.campaign_id) return <><a href={href(`/campaigns?open=${finding.campaign_id}`)}>{nameOf("campaigns", finding.campaign_id)}</a>{": "}</>;
  return null;
}
