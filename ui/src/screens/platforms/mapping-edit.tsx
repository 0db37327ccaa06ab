/** What one conversion, or one interpreted event, is to the platform: rows, each read back as a sentence. */

import { useRef, useState } from "preact/hooks";
import type { AdPlatforms, EventRow } from "../../api";
import { useAsk } from "../../ask";
import { Choose, Text } from "../../parts/form";
import { STATUSES } from "../targets/words";
import { StatusChips } from "./status-chips";
import { COUNTS, type Row, rowSentence, VALUES, wholeRow } from "./words";

interface Props {
  platform: string;
  rows: readonly EventRow[];
  onRows: (rows: EventRow[]) => void;
}

export function MappingEdit({ platform, rows, onRows }: Props) {
  const asked = useAsk("ad_accounts.platforms", {}).value;
  const facts = asked?.items.find((each) => each.name === platform);
  const names = facts?.names ?? {};
  const [keys, forget] = useKeys(rows.length);
  const put = (index: number, made: Partial<Row>): void => onRows(rows.map((row, at) => (at === index ? { ...row, ...made } : row)));
  return (
    <>
      {rows.map((row, index) => <RowEdit key={keys[index]} place={index} row={wholeRow(row)} asked={asked} names={names} put={(made) => put(index, made)} remove={() => (forget(index), onRows(rows.filter((_, at) => at !== index)))} />)}
      {!rows.length && <ul class="plainly dim">{(facts?.usual ?? []).map((row, index) => <li key={index}>{rowSentence(wholeRow(row), names)}</li>)}</ul>}
      <p class="row">
        <button type="button" onClick={() => onRows([...rows, wholeRow({ event_name: "Purchase" })])}>Add an event</button>
        {!rows.length && facts && <button type="button" onClick={() => onRows(facts.usual.map(wholeRow))}>Begin with the usual ones</button>}
        {rows.length > 0 && <span class="dim">Only these are reported. <button type="button" class="link" onClick={() => onRows([])}>Back to the usual ones</button></span>}
      </p>
    </>
  );
}

/** A key for each of so many rows, that goes with its row: what one holds is not the next one's. */
function useKeys(count: number): [readonly number[], (index: number) => void] {
  const [keys, next] = [useRef<number[]>([]), useRef(0)];
  while (keys.current.length < count) keys.current.push((next.current += 1));
  keys.current.length = count;
  return [keys.current, (index) => void keys.current.splice(index, 1)];
}

interface RowProps {
  place: number;
  row: Row;
  asked: AdPlatforms | undefined;
  names: Readonly<Record<string, string>>;
  put: (made: Partial<Row>) => void;
  remove: () => void;
}

function RowEdit({ place, row, asked, names, put, remove }: RowProps) {
  const path = `mapping[${place}]`;
  const counts: readonly Row["count"][] = row.when === "conversion" ? ["1"] : ["1", "conversions", "lander_visitors", "lander_searches"];
  return (
    <div class="block" role="group" aria-label={`Event ${place + 1}`}>
      <div class="fields">
        <Text label="Event" path={`${path}.event_name`} mono value={row.event_name} offers={asked?.standard ?? []} {...(names[row.event_name] ? { hint: `there: ${names[row.event_name]}` } : {})} onText={(event_name) => put({ event_name: event_name.trim() })} />
        <Choose label="For" path={`${path}.when`} value={row.when} options={[["conversion", "our conversions"], ["interpreted", "interpreted events"]]} onPick={(when) => put(when === "conversion" ? { when, count: "1" } : { when: "interpreted", statuses: [] })} />
        <Text label="Of the network" path={`${path}.network`} value={row.network} placeholder="every one" onText={(network) => put({ network: network.trim() })} />
      </div>
      <div class="fields">
        {row.when === "interpreted" && <Choose label="How many" path={`${path}.count`} value={row.count} options={counts.map((each) => [each, COUNTS[each]] as const)} onPick={(count) => put({ count: count as Row["count"] })} />}
        <Choose label="With" path={`${path}.value`} value={row.value} options={Object.entries(VALUES)} onPick={(value) => put({ value: value as Row["value"] })} />
        <button type="button" class="quiet remove" aria-label={`Remove event ${place + 1}`} onClick={remove}>×</button>
      </div>
      {row.when === "conversion" && <StatusChips label="With the status" path={`${path}.statuses`} all={STATUSES} chosen={row.statuses} none="none chosen: every status of the pixel" onChosen={(statuses) => put({ statuses })} />}
      <Custom path={`${path}.custom`} macros={(row.when === "conversion" ? asked?.conversion_macros : asked?.interpreted_macros) ?? {}} custom={row.custom} onCustom={(custom) => put({ custom })} />
      <p class="means"><b>{rowSentence(row, names)}</b></p>
    </div>
  );
}

type Pair = readonly [name: string, text: string];

function Custom({ path, macros, custom, onCustom }: { path: string; macros: Readonly<Record<string, string>>; custom: Readonly<Record<string, string>>; onCustom: (custom: Record<string, string>) => void }) {
  const [rows, setRows] = useState<readonly Pair[]>(Object.entries(custom));
  const put = (made: readonly Pair[]): void => (setRows(made), onCustom(Object.fromEntries(made.filter(([name]) => name))));
  return (
    <>
      {rows.map(([name, text], index) => (
        <div class="fields mapped" key={index}>
          <Text label="Parameter" bare={index > 0} path={name ? `${path}.${name}` : ""} mono value={name} placeholder="content_name" onText={(made) => put(rows.map((row, at) => (at === index ? [made.trim(), text] : row)))} />
          <Text label="Its text, with macros" bare={index > 0} mono value={text} placeholder="{keyword}" offers={Object.keys(macros).map((macro) => `{${macro}}`)} onText={(made) => put(rows.map((row, at) => (at === index ? [name, made] : row)))} />
          <button type="button" class="quiet" aria-label={`Remove ${name || "the parameter"}`} onClick={() => put(rows.filter((_, at) => at !== index))}>×</button>
        </div>
      ))}
      <p class="row"><button type="button" onClick={() => put([...rows, ["", ""]])}>Add a parameter</button></p>
    </>
  );
}
