/** Accounts at ad platforms: whether each reports, what waits and until when, what was refused. */

import { useEffect, useMemo } from "preact/hooks";
import type { AccountReport, AdAccount } from "../../api";
import { useAll } from "../../all";
import { useToggle } from "../../editing";
import { offer } from "../../keys";
import { shown } from "../../parts/number";
import { Table } from "../../parts/table";
import { usePicking } from "../../picking";
import { param, set } from "../../route";
import { may, me } from "../../session";
import { columns } from "./account-columns";
import { AccountEditor } from "./account-edit";
import { AccountFigures } from "./account-figures";
import { AccountPanel } from "./account-panel";
import { NoAccounts } from "./none";
import { Tabs } from "./platforms";
import { standingOf, useStandings } from "./standing";
import { known, titleOf } from "./words";

/** An account with how its reporting goes; none while nothing was ever reported to it. */
export interface Line {
  account: AdAccount;
  standing: AccountReport | undefined;
}

export function Accounts() {
  const all = useAll("ad_accounts");
  const standings = useStandings();
  const [text, editing] = [param("search"), param("edit")];
  const made = (account: AdAccount): Line => ({ account, standing: standingOf(standings, account.id) });
  const lines = useMemo(() => {
    const wanted = text.trim().toLowerCase();
    return (all.value ?? [])
      .filter(({ name, platform, id }) => `${name} ${known(platform).title} ${id}`.toLowerCase().includes(wanted))
      .map(made)
      .sort((a, b) => titleOf(a.account).localeCompare(titleOf(b.account)) || a.account.id - b.account.id);
  }, [all.value, standings.value, text]);
  const open = Number(param("open")) || null;
  const chosen = all.value?.find((each) => each.id === open);
  const [picked, pick] = usePicking(lines, ({ account }) => set({ open: String(account.id) }));
  const toggle = useToggle("ad_accounts", all.put);
  const write = may("ad_accounts.write");
  useEffect(() => (write ? offer({ keys: "n", words: "New account", run: () => set({ open: null, edit: "new" }) }) : undefined), [write]);
  const saved = (account: AdAccount): void => (all.put(account), standings.again(), set({ edit: null, open: String(account.id) }));
  const close = (): void => set({ edit: null });
  return (
    <>
      <header class="head">
        <h1>Ad platforms</h1>
        <span class="dim">{all.value && shown(lines.length)} account{lines.length === 1 ? "" : "s"}</span>
        {write && <button type="button" class="main" onClick={() => set({ open: null, edit: "new" })}>New account</button>}
      </header>
      {standings.value && lines.length > 0 && <AccountFigures of={standings.value.items} />}
      <div class="tools" role="search">
        <Tabs />
        <input type="search" aria-label="Filter by name or platform" placeholder="Name or platform" value={text} onInput={(event) => (set({ search: event.currentTarget.value }, true), pick(-1))} />
      </div>
      {standings.fault && <p class="wrong" role="alert">{standings.fault.message}</p>}
      {all.value?.length === 0 ? (
        <NoAccounts />
      ) : (
        <Table caption="Accounts at ad platforms and how reporting to each goes" columns={columns(toggle, me.value?.sees_money !== false)} rows={lines} keyOf={({ account }) => account.id}
               open={open} onOpen={({ account }) => set({ open: String(account.id), edit: null })} picked={picked} stale={!all.value} quiet={({ account }) => account.status === "paused"} />
      )}
      {all.value && all.value.length > 0 && !lines.length && <p class="dim">No account is called that. <button type="button" class="link" onClick={() => set({ search: null })}>Show all</button></p>}
      {editing === "new" && <AccountEditor saved={saved} onClose={close} />}
      {chosen && editing === "1" && <AccountEditor key={chosen.revision} account={chosen} saved={saved} onClose={close} />}
      {chosen && !editing && <AccountPanel key={chosen.id} line={made(chosen)} toggle={toggle} put={all.put} drop={all.drop} again={standings.again} />}
    </>
  );
}
