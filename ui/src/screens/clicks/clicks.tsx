/** The click log: newest first, narrowed by what is asked, and why each click went where it went. */

import { useAll } from "../../all";
import { useAsk } from "../../ask";
import { nameOf } from "../../names";
import { Words } from "../../parts/form";
import { Amount } from "../../parts/figure";
import { shown } from "../../parts/number";
import { type Column, Table } from "../../parts/table";
import { usePicking } from "../../picking";
import { RANGES } from "../../range";
import { param, set } from "../../route";
import { may, me } from "../../session";
import { zone } from "../../zone";
import { ZoneChoice } from "../../zone-choice";
import { At, Fresh, PAGE, Pages, useFresh, useOffset, usePeriod } from "../records/page";
import { ofReason } from "../routing/words";
import { NoClicks } from "./none";
import { ClickPanel } from "./panel";

/** A row of clicks.list, as far as it is shown. */
export interface Click {
  id: string;
  at_us: number;
  campaign_id: number;
  stream_id: number;
  destination_id: number;
  source_id: number;
  decision: string;
  reason: string;
  counted: number;
  cost: number | null;
  currency: string;
  source_click_id: string;
  facts: Record<string, string>;
  subs: Record<string, string>;
}

const FACTS = "country device os browser".split(" ");

export function Clicks() {
  const { range, period, words } = usePeriod();
  const from = useOffset();
  const number = (name: string): object => (Number(param(name)) ? { [`${name}_id`]: Number(param(name)) } : {});
  const counted = param("counted");
  const asked = useAsk("clicks.list", {
    ...period, timezone: zone.value, limit: PAGE, offset: from, ...number("campaign"), ...number("destination"), ...number("source"),
    ...(counted ? { counted: counted === "yes" } : {}),
  }); // prettier-ignore
  const campaigns = useAll("campaigns", may("campaigns.read") ? {} : false);
  const rows = (asked.value?.items ?? []) as Click[];
  const total = asked.value?.total ?? 0;
  const open = param("open");
  const [picked] = usePicking(rows, (row) => set({ open: row.id }));
  const fresh = useFresh("clicks", ["clicks", "uncounted"]);
  const filtered = Boolean(param("campaign") || param("destination") || param("source") || counted);
  return (
    <>
      <header class="head">
        <h1>Clicks</h1>
        <span class="dim">{asked.value && `${shown(total)} in ${words}`}</span>
        <Fresh fresh={fresh} again={asked.again} />
        <ZoneChoice />
      </header>
      <div class="tools" role="search">
        <Words label="Period" value={range} options={Object.entries(RANGES)} onPick={(word) => set({ range: word, from: null })} />
        <label><span class="unseen">Campaign</span>
          <select value={param("campaign")} onChange={(event) => set({ campaign: event.currentTarget.value, from: null })}>
            <option value="">Every campaign</option>
            {(campaigns.value ?? []).map((each) => <option key={each.id} value={each.id}>{each.name || each.slug}</option>)}
          </select>
        </label>
        <Words label="Counted" value={counted} options={[["", "All"], ["yes", "Counted"], ["no", "Not counted"]]} onPick={(word) => set({ counted: word, from: null })} />
        <input type="search" aria-label="Open a click by its id" placeholder="Click id, then Enter" onKeyDown={(event) => event.key === "Enter" && event.currentTarget.value.trim() && set({ open: event.currentTarget.value.trim() })} />
      </div>
      {asked.fault && <p class="wrong" role="alert">{asked.fault.message}{asked.fault.fields.map((each) => ` ${each.path}: ${each.message}`)}</p>}
      {asked.value && !rows.length ? (
        filtered ? <p class="dim">No click is like that. <button type="button" class="link" onClick={() => set({ campaign: null, destination: null, source: null, counted: null })}>Show all</button></p> : <NoClicks />
      ) : (
        <Table caption="Clicks, newest first" columns={columns()} rows={rows} keyOf={(row) => row.id} open={open} onOpen={(row) => set({ open: row.id })} picked={picked} stale={asked.busy} quiet={(row) => !row.counted} />
      )}
      <Pages from={from} total={total} />
      {open && <ClickPanel key={open} id={open} />}
    </>
  );
}

function columns(): Column<Click>[] {
  const money: Column<Click>[] = me.value?.sees_money === false ? [] : [{ key: "cost", head: "Cost", figure: true, roomy: true, show: (row) => <><Amount value={row.cost} shape="fine" /> <span class="dim">{row.currency}</span></> }];
  return [
    { key: "at", head: "Time", show: (row) => <At us={row.at_us} open={row.id} /> },
    { key: "campaign", head: "Campaign", show: (row) => nameOf("campaigns", row.campaign_id) || "–" },
    { key: "stream", head: "Stream", roomy: true, show: (row) => nameOf("streams", row.stream_id) || <span class="zero">–</span> },
    { key: "to", head: "Where to", show: (row) => <WhereTo row={row} /> },
    { key: "facts", head: "Visitor", roomy: true, show: (row) => <Visitor facts={row.facts} /> },
    { key: "sub1", head: "sub1", roomy: true, show: (row) => row.subs["1"] ?? row.subs["sub1"] ?? <span class="zero">–</span> },
    ...money,
  ];
}

function WhereTo({ row }: { row: Click }) {
  if (row.destination_id) return <>{nameOf("destinations", row.destination_id)}</>;
  return <span class="dim" title={ofReason(row.reason)}>{row.decision.replaceAll("_", " ")}{row.reason && `: ${row.reason.replaceAll("_", " ")}`}</span>;
}

function Visitor({ facts }: { facts: Record<string, string> }) {
  const told = FACTS.map((name) => facts[name] ?? facts[`${name}_type`]).filter(Boolean);
  return <>{told.join(" · ") || <span class="zero">–</span>}{facts["bot"] === "1" && <span class="tag"> bot</span>}</>;
}
