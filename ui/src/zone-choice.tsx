/** The zone on every screen with times in it, and the way to change it. */

import { zones } from "./parts/time";
import { chooseZone, zone } from "./zone";

export function ZoneChoice() {
  const listed = zones.includes(zone.value) ? zones : [zone.value, ...zones];
  return (
    <label class="zone">
      <span class="unseen">Time zone</span>
      <select value={zone.value} onChange={(event) => chooseZone(event.currentTarget.value)} title="Time zone of every time and day">
        {listed.map((each) => (
          <option key={each} value={each}>{each.replaceAll("_", " ")}</option>
        ))}
      </select>
    </label>
  );
}
