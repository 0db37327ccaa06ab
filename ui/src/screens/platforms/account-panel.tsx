/** One account: whether it reports for real, what waits, what was refused and why, and what proves it is ours. */

import type { AccountReport, AdAccount, Pixel } from "../../api";
import { useAll } from "../../all";
import { perform, type Toggle } from "../../editing";
import { Amount, Figure } from "../../parts/figure";
import { note } from "../../parts/notes";
import { shown } from "../../parts/number";
import { Panel } from "../../parts/panel";
import { href, set } from "../../route";
import { may, me } from "../../session";
import { OnOff } from "./account-columns";
import type { Line } from "./accounts";
import { DryRun } from "./dry-run";
import { Feed } from "./feed";
import { IntakeToken } from "./intake-token";
import { placeOfDeliveries } from "../deliveries/queues";
import { AtRisk, Deadline, lackOf, State, targetsOf } from "./standing";
import { Refusals, Usage } from "./told";
import { TryAccount } from "./try";
import { Identifiers } from "./identifiers";
import { known, nameOfPixel, titleOf } from "./words";

interface Props {
  line: Line;
  toggle: Toggle<AdAccount>;
  put: (account: AdAccount) => void;
  drop: (id: number) => void;
  again: () => void;
}

export function AccountPanel({ line, toggle, put, drop, again }: Props) {
  const { account, standing } = line;
  const write = may("ad_accounts.write");
  const money = me.value?.sees_money !== false;
  const platform = known(account.platform);
  const pixels = useAll("pixels", may("pixels.read") ? { ad_account_id: account.id } : false).value;
  const first = pixels?.reduce<Pixel | undefined>((found, each) => (found && found.id < each.id ? found : each), undefined);
  return (
    <Panel title={titleOf(account)} wide onClose={() => set({ open: null })}>
      <p class="dim">{platform.title} · #{account.id}</p>
      <p class="row">
        <OnOff line={line} toggle={toggle} />
        <State of={standing} />
        <span class="room" />
        {write && <button type="button" onClick={() => set({ edit: "1" })}>Edit</button>}
      </p>
      {(standing?.state === "paused" || lackOf(standing)) && <Refused line={line} again={again} />}
      {standing?.experimental && <p class="trouble" role="note">Experimental: what {platform.title} demands could not be verified by us. Look at its own figures before you rely on it.</p>}
      <DryRun account={account} standing={standing} put={put} />
      <dl class="grid">
        <Figure name="Queued" value={standing?.queued ?? 0} note={standing?.in_flight ? `${shown(standing.in_flight)} requests under way` : ""} />
        <Figure name="Accepted" value={standing?.accepted ?? 0} note={standing?.not_sent ? `${shown(standing.not_sent)} not sent (dry run)` : ""} />
        <Figure name="Refused" value={standing?.refused ?? 0} />
        <div class="stat"><dt>First lost</dt><dd><span class="figures"><Deadline us={standing?.next_deadline_us ?? 0} /></span><span class="note">{money && standing?.next_deadline_us ? <><AtRisk of={standing.at_risk} /> at risk</> : ""}</span></dd></div>
      </dl>
      <Refusals of={standing} />
      <h3>Who is recognised</h3>
      <Identifiers of={standing} />
      <h3>Its pixels</h3>
      <Pixels line={line} of={pixels} />
      {account.platform === "google" && <Feed account={account} standing={standing} put={put} />}
      {!account.feed_hash && <Opening account={account} standing={standing} pixel={first} />}
      {(write || may("tokens.write")) && <><h3>Events of your own</h3><IntakeToken account={account} put={put} /></>}
      {write && <p class="row"><button type="button" class="loses" onClick={() => archive(account, standing?.queued ?? 0, drop)}>Archive</button></p>}
    </Panel>
  );
}

/** What opens it, whether it does, and how much may be asked. */
function Opening({ account, standing, pixel }: { account: AdAccount; standing: AccountReport | undefined; pixel: Pixel | undefined }) {
  const write = may("ad_accounts.write");
  return (
    <>
      <h3>Token</h3>
      <p class="row"><code class="grow">{account.token || "none"}</code>{write && <button type="button" onClick={() => set({ edit: "1" })}>{account.token ? "Replace" : "Set"} it</button>}</p>
      <p class="dim">Kept encrypted; nobody can read it back.</p>
      {write && <TryAccount account={account} pixel={pixel} />}
      <Usage of={standing} perMinute={account.requests_per_minute} />
    </>
  );
}

function Refused({ line: { account, standing }, again }: { line: Line; again: () => void }) {
  if (!standing) return null;
  const money = me.value?.sees_money !== false;
  const lack = lackOf(standing);
  const resume = (): void => void perform("ad_accounts.resume", { id: account.id }, () => (note(`${titleOf(account)} is asked again now.`), again()));
  return (
    <div class="trouble grave stack" role="alert">
      <strong>{lack ? `Nothing is reported: ${lack}` : `${known(account.platform).title} refuses this account: ${standing.reason || "it said no more"}`}</strong>
      <p>
        {lack ? "It goes on by itself when that is mended." : "Nothing is sent but a single event from time to time, which asks whether it does still."} {standing.queued > 0 ? <>{shown(standing.queued)} events wait; the first is lost <Deadline us={standing.next_deadline_us} />{money && <>, <AtRisk of={standing.at_risk} /> in all</>}.</> : "Nothing waits."}
      </p>
      {may("ad_accounts.write") && <p class="row"><button type="button" class="main" onClick={() => set({ edit: "1" })}>{lack ? "Enter it again" : "Replace its token"}</button>{!lack && <button type="button" onClick={resume}>Ask again now</button>}</p>}
    </div>
  );
}

function Pixels({ line: { account, standing }, of }: { line: Line; of: readonly Pixel[] | undefined }) {
  const pixels = of ?? [];
  return (
    <>
      {pixels.length > 0 ? (
        <ul class="plainly">
          {pixels.map((pixel) => {
            const report = standing?.pixels.find((each) => each.pixel_id === pixel.id);
            return (
              <li key={pixel.id}>
                <a href={href(`/platforms?of=pixels&open=${pixel.id}`)}>{nameOfPixel(pixel)}</a>{" "}
                {pixel.test_code && <span class="tag tag-warn">tests</span>} {pixel.status === "paused" && <span class="tag tag-zero">paused</span>}{" "}
                <span class="dim">{report ? <>{shown(report.accepted)} accepted, {shown(report.queued)} queued, {shown(report.refused)} refused · <a href={href(placeOfDeliveries(targetsOf({ pixels: [report] }, Boolean(account.feed_hash))))}>its events</a></> : "nothing reported yet"}</span>
              </li>
            );
          })}
        </ul>
      ) : (
        <p class="dim">{of ? "None yet: without a pixel nothing is reported." : <Amount value={null} />}</p>
      )}
      {may("pixels.write") && <p><button type="button" onClick={() => set({ of: "pixels", open: null, edit: "new", account: String(account.id) })}>Add a pixel</button></p>}
    </>
  );
}

function archive(account: AdAccount, waiting: number, drop: (id: number) => void): void {
  void perform("ad_accounts.archive", { id: account.id, revision: account.revision }, (gone) => {
    drop(gone.id);
    set({ open: null });
    note(`${titleOf(gone)} is archived${waiting ? `, and ${shown(waiting)} events are given up` : ""}.`, () => void perform("ad_accounts.restore", { id: gone.id }, () => set({ open: String(gone.id) })));
  });
}
