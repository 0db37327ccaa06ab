/** The screens, by what the keyboard, the bar and the search call them. */

import { may } from "./session";

export interface Place {
  path: string;
  name: string;
  letter: string;
  permission: string;
}

const all: readonly Place[] = [
  { path: "/", name: "Dashboard", letter: "d", permission: "live.read" },
  { path: "/campaigns", name: "Campaigns", letter: "c", permission: "campaigns.read" },
  { path: "/system", name: "System", letter: "s", permission: "system.read" },
];

/** Those that whoever is signed in may open. */
export function places(): readonly Place[] {
  return all.filter((place) => may(place.permission));
}
