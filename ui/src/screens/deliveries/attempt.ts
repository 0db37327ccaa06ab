/** What an attempt came to. */

import type { Attempt } from "../../api";

type Ended = Pick<Attempt, "status" | "error">;

/** As the server words it: made and checked, and nothing was to be sent. */
const DRY_RUN = "dry run";

/** A platform may refuse an event in an answer of status 200: `error` says so. */
export function toneOf({ status, error }: Ended): "good" | "loss" | "zero" {
  if (error.startsWith(DRY_RUN)) return "zero";
  return error || (status && (status < 200 || status >= 300)) ? "loss" : "good";
}

export function said({ status, error }: Ended): string {
  // Nothing was asked and nothing is wrong: a row of a file that is fetched.
  return [status ? `status ${status}` : "", error].filter(Boolean).join(" · ") || "listed in the file";
}
