/** A visit that never happened: what would become of it, and why. Answers while one types; nothing is recorded. */

import { useEffect, useState } from "preact/hooks";
import type { Api, Campaign } from "../../api";
import { useAsk } from "../../ask";
import { Choose, type Options, Problems, Text, Words } from "../../parts/form";
import { param, set } from "../../route";
import { TraceTree } from "../routing/trace";
import { Outcomes, Verdict } from "./outcome";

type Request = Api["routing.simulate"]["request"];
const PAUSE = 250;
const MANY = 1000;

const AGENTS: Options = [
  ["Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1", "iPhone, Safari"],
  ["Mozilla/5.0 (Linux; Android 14; SM-S918B) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Mobile Safari/537.36", "Android, Chrome"],
  ["Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36", "Windows, Chrome"],
  ["Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Safari/605.1.15", "Mac, Safari"],
  ["Mozilla/5.0 (compatible; Googlebot/2.1)", "Googlebot"],
  ["curl/8.0", "curl"],
];
const DEVICES: Options = [["", "as detected"], ...["desktop", "mobile", "tablet", "tv", "console", "wearable"].map((each) => [each, each] as const)];

/** The visit stands in the URL: a link to it shows the same. */
const FIELDS = ["country", "device", "ua", "query", "at", "city", "language", "address", "referrer", "many"] as const;
type Field = (typeof FIELDS)[number];
const key = (field: Field): string => `sim.${field}`;
const given = (field: Field): string => param(key(field), field === "ua" ? AGENTS[0]?.[0] ?? "" : "");
const put = (field: Field, text: string): void => set({ [key(field)]: text }, true);

export function Simulate({ campaign, draft }: { campaign: Campaign; draft?: NonNullable<Request["changes"]> }) {
  const wanted = JSON.stringify(requested(campaign.id, draft));
  const asked = useSettled(wanted);
  const found = useAsk("routing.simulate", JSON.parse(asked) as Request);
  const many = given("many") === "1";
  const fields = found.fault?.fields.filter((each) => !each.path.startsWith("changes")) ?? [];
  const elsewhere = found.fault && !fields.length ? [found.fault.message, ...found.fault.fields.map((each) => `${each.path.replace(/^changes\[0\]\.values\./, "")}: ${each.message}`)].join("; ") : "";
  return (
    <section class="simulate" aria-label="Simulate a click">
      <Problems.Provider value={fields}>
        <div class="fields">
          <Text label="Country" path="facts.country" value={given("country")} placeholder="DE" onText={(text) => put("country", text.trim().toUpperCase())} class="short" />
          <Choose label="Device" path="facts.device_type" value={given("device")} options={DEVICES} onPick={(word) => put("device", word)} class="short" />
          <Choose label="User agent" value={AGENTS.some(([text]) => text === given("ua")) ? given("ua") : "other"} options={[...AGENTS, ["other", "another…"]]} onPick={(text) => put("ua", text === "other" ? " " : text)} />
        </div>
        {!AGENTS.some(([text]) => text === given("ua")) && <Text label="User agent as sent" path="user_agent" mono value={given("ua").trimStart()} onText={(text) => put("ua", text || " ")} />}
        <div class="fields">
          <Text label="Query" path="query" mono value={given("query")} placeholder="sub1=zone-5&cost=0.02" onText={(text) => put("query", text.trim().replace(/^\?/, ""))} />
          <Text label="Time (empty: now)" path="time" type="datetime-local" value={given("at")} onText={(text) => put("at", text)} />
        </div>
        <details class="more">
          <summary>More of the visit</summary>
          <div class="fields">
            <Text label="City" path="facts.city" value={given("city")} onText={(text) => put("city", text)} />
            <Text label="Language" path="language" value={given("language")} placeholder="de-DE,de" onText={(text) => put("language", text)} />
            <Text label="Address" path="address" mono value={given("address")} placeholder="203.0.113.9" onText={(text) => put("address", text.trim())} />
            <Text label="Referrer" path="referrer" mono value={given("referrer")} onText={(text) => put("referrer", text.trim())} />
          </div>
        </details>
        <Words label="How many clicks" value={many ? "1" : ""} options={[["", "One click"], ["1", "1,000 clicks"]]} onPick={(word) => put("many", word)} />
      </Problems.Provider>
      {elsewhere && <p class="wrong" role="alert">{elsewhere}</p>}
      {found.value && !found.fault && (
        <div class={found.busy || asked !== wanted ? "stale" : undefined} aria-live="polite">
          {many ? <Outcomes simulation={found.value} /> : <Verdict simulation={found.value} />}
          {!many && found.value.traces.map((trace, index) => <TraceTree key={index} trace={trace} hop={found.value && found.value.traces.length > 1 ? index + 1 : 0} />)}
        </div>
      )}
    </section>
  );
}

function requested(campaign: number, draft: Request["changes"]): Request {
  const facts = Object.fromEntries([["country", given("country")], ["device_type", given("device")], ["city", given("city")]].filter(([, text]) => text)) as Record<string, string>;
  const at = given("at") && new Date(given("at"));
  return {
    campaign_id: campaign, query: given("query"), user_agent: given("ua").trim(), language: given("language"), address: given("address"), referrer: given("referrer"), facts,
    ...(at && !Number.isNaN(at.getTime()) ? { time: at.toISOString() } : {}),
    ...(given("many") === "1" ? { clicks: MANY } : {}),
    ...(draft?.length ? { changes: draft } : {}),
  }; // prettier-ignore
}

/** The latest value once it has stood for a moment. */
function useSettled(value: string): string {
  const [settled, setSettled] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(value), PAUSE);
    return () => clearTimeout(timer);
  }, [value]);
  return settled;
}
