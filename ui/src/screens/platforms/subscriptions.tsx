/** Subscriptions: of which campaigns of the ad platforms interpreted events are reported. */

import { useEffect, useMemo } from "preact/hooks";
import type { Subscription } from "../../api";
import { useAll } from "../../all";
import { type Toggle, useToggle } from "../../editing";
import { offer } from "../../keys";
import { Copy } from "../../parts/copy";
import { shown } from "../../parts/number";
import { Switch } from "../../parts/switch";
import { type Column, Table } from "../../parts/table";
import { usePicking } from "../../picking";
import { href, param, params, set } from "../../route";
import { may } from "../../session";
import { FilterState } from "../events/filter";
import { Tabs } from "./platforms";
import { SubscriptionEditor } from "./subscription-edit";

export function Subscriptions() {
  const all = useAll("subscriptions");
  const [text, editing] = [param("search"), param("edit")];
  const found = useMemo(() => {
    const wanted = text.trim().toLowerCase();
    return (all.value ?? []).filter((it) => `${it.campaign_id} ${it.name} ${it.network} ${it.account} ${it.traffic_source}`.toLowerCase().includes(wanted)).sort((a, b) => a.campaign_id.localeCompare(b.campaign_id) || a.id - b.id);
  }, [all.value, text]);
  const open = Number(param("open")) || null;
  const chosen = all.value?.find((each) => each.id === open);
  const [picked, pick] = usePicking(found, (it) => set({ open: String(it.id) }));
  const toggle = useToggle("subscriptions", all.put);
  const write = may("subscriptions.write");
  useEffect(() => (write ? offer({ keys: "n", words: "New subscription", run: () => set({ open: null, edit: "new" }) }) : undefined), [write]);
  return (
    <>
      <header class="head">
        <h1>Subscriptions</h1>
        <span class="dim">{all.value && shown(found.length)} campaign{found.length === 1 ? "" : "s"} whose interpreted events are reported</span>
        {write && <button type="button" class="main" onClick={() => set({ open: null, edit: "new" })}>New subscription</button>}
      </header>
      <FilterState />
      <div class="tools" role="search">
        <Tabs />
        <input type="search" aria-label="Filter by campaign, network or account" placeholder="Campaign, network or account" value={text} onInput={(event) => (set({ search: event.currentTarget.value }, true), pick(-1))} />
      </div>
      {all.value?.length === 0 ? (
        <section class="teach">
          <h2>No campaign is subscribed yet</h2>
          <p>Interpreted events come from networks for all of an account's campaigns. Reported are those of the campaigns named here, by the ad platform's own id; the others are counted and left.</p>
          {write && <><p><button type="button" class="main" onClick={() => set({ edit: "new" })}>Subscribe a campaign</button> or from a shell:</p><Copy label="the command" text={`weir call subscriptions.create '{"campaign_id": "120214170370120123"}'`} /></>}
        </section>
      ) : (
        <Table caption="Campaigns whose interpreted events are reported" columns={columns(toggle)} rows={found} keyOf={(it) => it.id} open={open} onOpen={(it) => set({ open: String(it.id), edit: null })} picked={picked} stale={!all.value} quiet={(it) => it.status === "paused"} />
      )}
      {all.value && all.value.length > 0 && !found.length && <p class="dim">No subscription is like that. <button type="button" class="link" onClick={() => set({ search: null })}>Show all</button></p>}
      {(editing === "new" || chosen) && <SubscriptionEditor key={editing === "new" ? "new" : `${chosen?.id} ${chosen?.revision}`} {...(editing !== "new" && chosen ? { subscription: chosen } : {})} saved={(it) => (all.put(it), set({ edit: null, open: null }))} drop={all.drop} onClose={() => set({ edit: null, open: null })} />}
    </>
  );
}

function columns(toggle: Toggle<Subscription>): Column<Subscription>[] {
  const any = (text: string, all: string) => text || <span class="zero">{all}</span>;
  return [
    { key: "status", head: "On", show: (it) => <OnOff it={it} toggle={toggle} /> },
    { key: "name", head: "Campaign id", show: (it) => <Name it={it} /> },
    { key: "network", head: "Network", roomy: true, show: (it) => any(it.network, "every") },
    { key: "account", head: "Its account", roomy: true, show: (it) => any(it.account, "every") },
    { key: "source", head: "Traffic source", roomy: true, show: (it) => any(it.traffic_source, "every") },
  ];
}

function Name({ it }: { it: Subscription }) {
  const wanted = new URLSearchParams(params.value);
  wanted.set("open", String(it.id));
  wanted.delete("edit");
  return <><a class="name" href={href(`/platforms?${wanted}`)}><code>{it.campaign_id}</code> <small>{it.name}</small></a><small class="phone-line">{[it.network, it.account, it.traffic_source].filter(Boolean).join(", ") || "of every network"}</small></>;
}

function OnOff({ it, toggle }: { it: Subscription; toggle: Toggle<Subscription> }) {
  const on = it.status === "active";
  if (!may("subscriptions.write")) return <span class={on ? "" : "zero"}>{it.status}</span>;
  return <Switch on={on} label={`Campaign ${it.campaign_id} is subscribed`} busy={toggle.busy.has(it.id)} onChange={(wanted) => toggle.run(it, wanted)} />;
}
