/** One pixel: what it reports, as which events, and the masked request that a conversion would become. */

import type { Pixel } from "../../api";
import { useAsk } from "../../ask";
import { perform, type Toggle } from "../../editing";
import { Figure } from "../../parts/figure";
import { note } from "../../parts/notes";
import { shown } from "../../parts/number";
import { Panel } from "../../parts/panel";
import { href, set } from "../../route";
import { may } from "../../session";
import { OnOff, type PixelLine } from "./pixels";
import { Preview } from "./preview";
import { placeOfDeliveries } from "../deliveries/queues";
import { TryAccount } from "./try";
import { known, nameOfPixel, ofTests, rowSentence, sentence, titleOf, wholeRow } from "./words";

export function PixelPanel({ line, toggle, drop }: { line: PixelLine; toggle: Toggle<Pixel>; drop: (id: number) => void }) {
  const { pixel, account, report } = line;
  const write = may("pixels.write");
  const facts = useAsk("ad_accounts.platforms", {}).value?.items.find((each) => each.name === account?.platform);
  const rows = pixel.mapping.length ? pixel.mapping : (facts?.usual ?? []);
  const listed = (state: string): string => href(placeOfDeliveries([`pixel:${pixel.id}`, ...(account?.feed_hash ? [`feed:${pixel.id}`] : [])], state));
  return (
    <Panel title={nameOfPixel(pixel)} wide onClose={() => set({ open: null })}>
      <p class="row">
        <OnOff line={line} toggle={toggle} />
        <span class="dim grow">{account ? <><a href={href(`/platforms?open=${account.id}`)}>{titleOf(account)}</a> · {known(account.platform).title}</> : `account ${pixel.ad_account_id}`} · #{pixel.id}</span>
        {write && <button type="button" onClick={() => set({ edit: "1" })}>Edit</button>}
      </p>
      {account?.dry_run && <p class="trouble" role="status">Its account is in <a href={href(`/platforms?open=${account.id}`)}>dry run</a>: events are made and checked, and nothing is sent.</p>}
      {report && report.paused_us > 0 && <p class="trouble" role="alert">{known(account?.platform ?? "").title} refuses this pixel: {report.reason}. Correct its code, or let the account's token have it. The account's other pixels go on.</p>}
      {pixel.test_code && <p class="trouble" role="status">Its events are tests, with the code <code>{pixel.test_code}</code>. {ofTests(known(account?.platform ?? "").title, facts?.tests)} Remove the code to report live ones.</p>}
      <dl class="grid">
        <Figure name="Queued" value={report?.queued ?? 0} note={report?.queued ? <a href={listed("pending")}>See them</a> : ""} />
        <Figure name="Accepted" value={report?.accepted ?? 0} note={report?.accepted ? <a href={listed("delivered")}>See them</a> : ""} />
        <Figure name="Refused" value={report?.refused ?? 0} note={report?.refused ? <a href={listed("dead")}>Which, and why</a> : ""} />
        <Figure name="Not sent" value={report?.not_sent ?? 0} note={report?.not_sent ? <a href={listed("cancelled")}>in a dry run</a> : ""} />
      </dl>
      <h3>Which conversions</h3>
      <p class="means"><b>{sentence(pixel)}</b></p>
      <h3>As which events</h3>
      {!pixel.mapping.length && <p class="dim">The usual ones:</p>}
      <ul class="plainly">{rows.map((row, index) => <li key={index}>{rowSentence(wholeRow(row), facts?.names)}{pixel.mapping.length > 0 && <Parameters of={row.custom ?? {}} />}</li>)}</ul>
      <h3>What a conversion becomes</h3>
      <Preview key={pixel.revision} id={pixel.id} />
      {account && !account.feed_hash && may("ad_accounts.write") && <><h3>Does its platform take it?</h3><TryAccount account={account} pixel={pixel} /></>}
      {write && <p><button type="button" class="loses" onClick={() => archive(pixel, report?.queued ?? 0, drop)}>Archive</button></p>}
    </Panel>
  );
}

function Parameters({ of }: { of: Readonly<Record<string, string>> }) {
  const all = Object.entries(of);
  return all.length ? <span class="dim"> Also {all.map(([name, text]) => `${name} = ${text}`).join(", ")}.</span> : null;
}

function archive(pixel: Pixel, waiting: number, drop: (id: number) => void): void {
  void perform("pixels.archive", { id: pixel.id, revision: pixel.revision }, (gone) => {
    drop(gone.id);
    set({ open: null });
    note(`${nameOfPixel(gone)} is archived${waiting ? `, and ${shown(waiting)} events are given up` : ""}.`, () => void perform("pixels.restore", { id: gone.id }, () => set({ open: String(gone.id) })));
  });
}
