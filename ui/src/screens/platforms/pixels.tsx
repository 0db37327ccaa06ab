/** Pixels: which conversions each reports, as which events, and what a request would look like. */

import { useEffect, useMemo } from "preact/hooks";
import type { AdAccount, Pixel, PixelReport } from "../../api";
import { useAll } from "../../all";
import { type Toggle, useToggle } from "../../editing";
import { offer } from "../../keys";
import { Amount } from "../../parts/figure";
import { shown } from "../../parts/number";
import { Switch } from "../../parts/switch";
import { type Column, Table } from "../../parts/table";
import { usePicking } from "../../picking";
import { href, param, params, set } from "../../route";
import { may } from "../../session";
import { placeOfDeliveries } from "../deliveries/queues";
import { PixelEditor } from "./pixel-edit";
import { PixelPanel } from "./pixel-panel";
import { Tabs } from "./platforms";
import { targetsOf, useStandings } from "./standing";
import { known, nameOfPixel, sentence, titleOf } from "./words";

export interface PixelLine {
  pixel: Pixel;
  account: AdAccount | undefined;
  report: PixelReport | undefined;
}

export function Pixels() {
  const all = useAll("pixels");
  const accounts = useAll("ad_accounts", may("ad_accounts.read") ? {} : false);
  const standings = useStandings();
  const [text, editing] = [param("search"), param("edit")];
  const made = (pixel: Pixel): PixelLine => ({
    pixel,
    account: accounts.value?.find((each) => each.id === pixel.ad_account_id),
    report: standings.value?.items.flatMap((each) => each.pixels).find((each) => each.pixel_id === pixel.id),
  });
  const lines = useMemo(() => {
    const wanted = text.trim().toLowerCase();
    return (all.value ?? [])
      .map(made)
      .filter(({ pixel, account }) => `${pixel.name} ${pixel.code} ${pixel.id} ${account ? titleOf(account) : ""}`.toLowerCase().includes(wanted))
      .sort((a, b) => nameOfPixel(a.pixel).localeCompare(nameOfPixel(b.pixel)) || a.pixel.id - b.pixel.id);
  }, [all.value, accounts.value, standings.value, text]);
  const open = Number(param("open")) || null;
  const chosen = all.value?.find((each) => each.id === open);
  const [picked, pick] = usePicking(lines, ({ pixel }) => set({ open: String(pixel.id) }));
  const toggle = useToggle("pixels", all.put);
  const write = may("pixels.write");
  useEffect(() => (write ? offer({ keys: "n", words: "New pixel", run: () => set({ open: null, edit: "new" }) }) : undefined), [write]);
  const saved = (pixel: Pixel): void => (all.put(pixel), set({ edit: null, account: null, open: String(pixel.id) }));
  const close = (): void => set({ edit: null, account: null });
  return (
    <>
      <header class="head">
        <h1>Pixels</h1>
        <span class="dim">{all.value && shown(lines.length)} told of conversions</span>
        {write && <button type="button" class="main" onClick={() => set({ open: null, edit: "new" })}>New pixel</button>}
      </header>
      <div class="tools" role="search">
        <Tabs />
        <input type="search" aria-label="Filter by name, code or account" placeholder="Name, code or account" value={text} onInput={(event) => (set({ search: event.currentTarget.value }, true), pick(-1))} />
      </div>
      {all.value?.length === 0 ? (
        <section class="teach">
          <h2>No pixel yet</h2>
          <p>A pixel is what an ad platform counts events for: Meta's dataset, TikTok's pixel, Google's conversion action. It says which conversions are reported and as which events; an account may have several.</p>
          {write && (accounts.value?.length === 0 ? <p><a href={href("/platforms?edit=new")}>Add an account first.</a></p> : <p><button type="button" class="main" onClick={() => set({ edit: "new" })}>Add a pixel</button></p>)}
        </section>
      ) : (
        <Table caption="Pixels, their accounts and what was reported" columns={columns(toggle)} rows={lines} keyOf={({ pixel }) => pixel.id}
               open={open} onOpen={({ pixel }) => set({ open: String(pixel.id), edit: null })} picked={picked} stale={!all.value} quiet={({ pixel }) => pixel.status === "paused"} />
      )}
      {all.value && all.value.length > 0 && !lines.length && <p class="dim">No pixel is called that. <button type="button" class="link" onClick={() => set({ search: null })}>Show all</button></p>}
      {editing === "new" && accounts.value && <PixelEditor accounts={accounts.value} saved={saved} onClose={close} />}
      {chosen && editing === "1" && accounts.value && <PixelEditor key={chosen.revision} pixel={chosen} accounts={accounts.value} saved={saved} onClose={close} />}
      {chosen && !editing && <PixelPanel key={chosen.id} line={made(chosen)} toggle={toggle} drop={all.drop} />}
    </>
  );
}

function columns(toggle: Toggle<Pixel>): Column<PixelLine>[] {
  const listed = (line: PixelLine, part: "queued" | "accepted" | "refused", state: string) => {
    const many = line.report?.[part] ?? 0;
    if (!line.report || !many) return <Amount value={0} />;
    return <a class={part === "refused" ? "loss" : undefined} href={href(placeOfDeliveries(targetsOf({ pixels: [line.report] }, Boolean(line.account?.feed_hash)), state))}>{shown(many)}</a>;
  };
  return [
    { key: "status", head: "On", help: "Whether its events are reported", show: (line) => <OnOff line={line} toggle={toggle} /> },
    { key: "name", head: "Name", show: (line) => <Name line={line} /> },
    { key: "account", head: "Account", roomy: true, show: ({ account }) => account ? <>{titleOf(account)} <span class="dim">{known(account.platform).title}</span></> : <span class="zero">–</span> },
    { key: "told", head: "Reports", roomy: true, show: ({ pixel }) => <span class="clipped" title={sentence(pixel)}>{sentence(pixel)}</span> },
    { key: "events", head: "Events", roomy: true, show: ({ pixel }) => <Events pixel={pixel} /> },
    { key: "queued", head: "Queued", figure: true, show: (line) => listed(line, "queued", "pending") },
    { key: "accepted", head: "Accepted", figure: true, roomy: true, show: (line) => listed(line, "accepted", "delivered") },
    { key: "refused", head: "Refused", figure: true, show: (line) => listed(line, "refused", "dead") },
  ];
}

function Events({ pixel }: { pixel: Pixel }) {
  if (!pixel.mapping.length) return <span class="dim">the usual ones</span>;
  const names = [...new Set(pixel.mapping.map((row) => row.event_name))].join(", ");
  return <span class="clipped" title={names}>{names}</span>;
}

export function OnOff({ line: { pixel }, toggle }: { line: PixelLine; toggle: Toggle<Pixel> }) {
  const on = pixel.status === "active";
  if (!may("pixels.write")) return <span class={on ? "" : "zero"}>{pixel.status}</span>;
  return <Switch on={on} label={`${nameOfPixel(pixel)} is told of conversions`} busy={toggle.busy.has(pixel.id)} onChange={(wanted) => toggle.run(pixel, wanted)} />;
}

function Name({ line: { pixel, account } }: { line: PixelLine }) {
  const wanted = new URLSearchParams(params.value);
  wanted.set("open", String(pixel.id));
  wanted.delete("edit");
  return (
    <>
      <a class="name" href={href(`/platforms?${wanted}`)}>{nameOfPixel(pixel)} <small class="roomy">{pixel.name && pixel.code}</small></a>
      {pixel.test_code && <> <span class="tag tag-warn" title="Its events are tests and never live ones">tests</span></>}
      <small class="phone-line">{account && titleOf(account)}</small>
    </>
  );
}
