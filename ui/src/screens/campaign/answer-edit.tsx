/** How a stream answers a click: a way to the destination, or an answer of its own. */

import type { Answer, Campaign } from "../../api";
import { Area, Choose, type Options, Whole } from "../../parts/form";
import { ANSWERS } from "../routing/sentence";

type Kind = NonNullable<Answer["kind"]>;
const all = Object.entries(ANSWERS) as [Kind, string][];
const LEADING: Options = all.slice(0, 6);
const OWN: Options = all.slice(6);
const REDIRECTS: Options = [["302", "302 Found"], ["303", "303 See Other"], ["307", "307 Temporary"], ["301", "301 Moved"], ["308", "308 Permanent"]];

const MEANS: Readonly<Record<Kind, string>> = {
  redirect: "The browser is sent on by its HTTP status. 301 and 308 are kept by browsers: later changes do not reach them.",
  meta: "A page that goes on by itself at once.",
  double_meta: "Two pages one after another: the destination sees no referrer.",
  js: "A page whose script goes on.",
  iframe: "The destination is shown within a page of the tracked link's host; many sites forbid that.",
  form_post: "The parameters of the destination's address are sent as a form.",
  text: "Plain text, and no destination.",
  html: "A page of your own, and no destination.",
  json: "One JSON value, and no destination.",
  status: "A status without anything else: 204 and 404 are usual.",
  campaign: "Another campaign decides, in a click of its own.",
};

interface Props {
  answer: Answer;
  campaigns: readonly Campaign[];
  onAnswer: (answer: Answer) => void;
}

export function AnswerEdit({ answer, campaigns, onAnswer }: Props) {
  const kind = answer.kind ?? "redirect";
  const body = kind === "text" || kind === "html" || kind === "json";
  const picked = (word: string): void =>
    onAnswer(word === "redirect" ? {} : word === "status" ? { kind: "status", status: 404 } : { kind: word as Kind });
  return (
    <>
      <div class="fields">
        <Choose label="Answers with" path="answer.kind" value={kind} options={[]} groups={{ "To the destination": LEADING, "Without a destination": OWN }} onPick={picked} />
        {kind === "redirect" && <Choose label="Status" path="answer.status" value={String(answer.status ?? 302)} options={REDIRECTS} onPick={(status) => onAnswer(status === "302" ? {} : { kind, status: Number(status) })} />}
        {kind === "status" && <Whole label="Status" path="answer.status" value={answer.status ?? 302} onNumber={(status) => onAnswer({ ...answer, status })} class="short" />}
        {body && <Whole label="Status" path="answer.status" value={answer.status ?? 200} onNumber={(status) => onAnswer({ ...answer, status })} class="short" />}
        {kind === "campaign" && (
          <Choose label="Campaign" path="answer.campaign_id" value={String(answer.campaign_id ?? "")} options={[["", "choose one…"], ...campaigns.map((each) => [String(each.id), each.name || each.slug] as const)]}
                  onPick={(id) => onAnswer({ kind, campaign_id: Number(id) || null })} />
        )}
      </div>
      {body && <Area label={kind === "json" ? "One JSON value" : kind === "html" ? "HTML" : "Text"} path="answer.body" mono rows={5} value={answer.body ?? ""} onText={(text) => onAnswer({ ...answer, body: text })} />}
      <small class="dim">{MEANS[kind]}</small>
    </>
  );
}
