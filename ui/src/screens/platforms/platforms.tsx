/** Ad platforms: the accounts that are reported to, their pixels, and which campaigns are subscribed. */

import { type Options, Words } from "../../parts/form";
import { param, set } from "../../route";
import { may } from "../../session";
import { Accounts } from "./accounts";
import { Pixels } from "./pixels";
import { Subscriptions } from "./subscriptions";

export function Platforms() {
  const of = param("of");
  return of === "pixels" ? <Pixels /> : of === "subscriptions" ? <Subscriptions /> : <Accounts />;
}

export function Tabs() {
  const options: Options = [["", "Accounts"], ...(may("pixels.read") ? ([["pixels", "Pixels"]] as const) : []), ...(may("subscriptions.read") ? ([["subscriptions", "Subscriptions"]] as const) : [])];
  return <Words label="What is shown" value={param("of")} options={options} onPick={(of) => set({ of, open: null, edit: null, search: null })} />;
}
