/** The screens, by what the keyboard, the bar and the search call them. */

import { may, seesAll } from "./session";

export interface Place {
  path: string;
  name: string;
  letter: string;
  permission: string;
  /** In the tabs of a phone; the others are under "More". */
  thumb?: boolean;
  /** Only for who sees every campaign. */
  whole?: boolean;
  /** Under "More" also where there is room for a bar. */
  rare?: boolean;
}

const all: readonly Place[] = [
  { path: "/", name: "Dashboard", letter: "d", permission: "live.read", thumb: true },
  { path: "/campaigns", name: "Campaigns", letter: "c", permission: "campaigns.read", thumb: true },
  { path: "/destinations", name: "Destinations", letter: "o", permission: "destinations.read" },
  { path: "/sources", name: "Sources", letter: "t", permission: "sources.read" },
  { path: "/lists", name: "Lists", letter: "l", permission: "lists.read", rare: true },
  { path: "/networks", name: "Networks", letter: "n", permission: "networks.read" },
  { path: "/clicks", name: "Clicks", letter: "k", permission: "records.read", thumb: true },
  { path: "/conversions", name: "Conversions", letter: "v", permission: "records.read" },
  { path: "/inbox", name: "Inbox", letter: "i", permission: "records.read", whole: true },
  { path: "/deliveries", name: "Deliveries", letter: "y", permission: "deliveries.read" },
  { path: "/platforms", name: "Platforms", letter: "p", permission: "ad_accounts.read" },
  { path: "/events", name: "Events", letter: "e", permission: "events.read", whole: true, rare: true },
  { path: "/costs", name: "Costs", letter: "m", permission: "costs.read", rare: true },
  { path: "/rates", name: "Exchange rates", letter: "x", permission: "rates.read", rare: true },
  { path: "/targets", name: "Targets", letter: "r", permission: "targets.read", rare: true },
  { path: "/alerts", name: "Alerts", letter: "a", permission: "alerts.read", rare: true },
  { path: "/system", name: "System", letter: "s", permission: "system.read" },
];

/** The place that a path lies in: /campaigns/3 in /campaigns. */
export function placeOf(path: string): Place | undefined {
  return all.find((place) => place.path === path || (place.path !== "/" && path.startsWith(`${place.path}/`)));
}

/** Those that whoever is signed in may open. */
export function places(): readonly Place[] {
  return all.filter((place) => may(place.permission) && (!place.whole || seesAll()));
}
