/** The recorded words of a decision (appliance/routing/verdicts.py) as people say them, with what to do. */

export type Tone = "good" | "plain" | "zero" | "loss" | "warn";

const STREAM: Readonly<Record<string, readonly [words: string, tone: Tone]>> = {
  matched: ["took the click", "good"],
  rule: ["a rule did not hold", "zero"],
  unknown: ["a rule's fact cannot be known", "warn"],
  not_drawn: ["would do; the draw fell on another", "zero"],
  paused: ["paused", "zero"],
  no_targets: ["has no destination", "warn"],
};

const DESTINATION: Readonly<Record<string, readonly [words: string, tone: Tone]>> = {
  chosen: ["chosen", "good"],
  sticky: ["chosen: the visitor's cookie names it", "good"],
  repeated: ["chosen again: all open ones were shown", "good"],
  open: ["open", "plain"],
  destination_disabled: ["paused", "zero"],
  no_weight: ["weight 0", "zero"],
  schedule: ["outside its hours", "warn"],
  offer_cap_reached: ["cap reached", "warn"],
  destination_unhealthy: ["unhealthy", "loss"],
  repeat: ["shown to this visitor before", "zero"],
  converted: ["this visitor converted on it", "zero"],
};

const REASON: Readonly<Record<string, string>> = {
  no_matching_stream: "No stream took it. A default stream without rules catches what is left.",
  no_destination_available: "The stream's destinations were closed, for different reasons.",
  destination_disabled: "Every destination of the stream is paused.",
  schedule: "Every destination of the stream is outside its hours.",
  offer_cap_reached: "Every destination of the stream has reached a cap.",
  destination_unhealthy: "Every destination of the stream is unhealthy, as its probe found.",
  campaign_paused: "The campaign is paused.",
  asked: "The visitor came to /tb/ itself.",
  trafficback_too_deep: "Too many trafficbacks in a row: somebody sends it back.",
  trafficback_loop: "Every trafficback that there is was visited already.",
  too_many_campaigns: "Campaigns hand it on and on: more of them than allowed.",
  bot_or_low_quality: "A bot.",
  timeout_or_error: "Deciding failed by a fault of Weir; its log says more.",
  transparent_refused: "A transparent link named a next hop that is not allowed; it went the usual way.",
};

const DECISION: Readonly<Record<string, string>> = {
  destination: "to a destination", trafficback: "to the trafficback", reply: "a plain reply", answer: "answered by the stream itself",
  campaign: "on to another campaign", transparent: "to the visible next hop",
}; // prettier-ignore

const other = (word: string): readonly [string, Tone] => [word.replaceAll("_", " "), "plain"];

export const ofStream = (word: string): readonly [string, Tone] => STREAM[word] ?? other(word);
export const ofDestination = (word: string): readonly [string, Tone] => DESTINATION[word] ?? other(word);
export const ofReason = (word: string): string => (word ? REASON[word] ?? word.replaceAll("_", " ") : "");
export const ofDecision = (word: string): string => DECISION[word] ?? word.replaceAll("_", " ");
