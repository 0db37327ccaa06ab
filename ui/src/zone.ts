/** The time zone that everything is shown and counted in: of the URL, else chosen before, else the browser's. */

import { computed } from "@preact/signals";
import { isZone, ownZone } from "./parts/time";
import { param, set } from "./route";
import { kept, keep } from "./kept";

export const zone = computed(() => {
  const wanted = param("tz") || kept("tz");
  return wanted && isZone(wanted) ? wanted : ownZone;
});

export function chooseZone(name: string): void {
  keep("tz", name === ownZone ? "" : name);
  set({ tz: name });
}
