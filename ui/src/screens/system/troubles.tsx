/** What needs somebody, each with its remedy; nothing when all is well. */

import type { SystemStatus } from "../../api";
import { href } from "../../route";
import { place, remedy } from "./tree";

export function Troubles({ status, brief }: { status: SystemStatus; brief?: boolean }) {
  const all = [...status.problems.map((text) => ({ text, grave: true })), ...status.degraded.map((text) => ({ text, grave: false }))];
  if (!all.length) return null;
  if (brief) {
    const [first] = all;
    return (
      <p class={`trouble${first?.grave ? " grave" : ""}`} role="status">
        <i class={`dot ${first?.grave ? "loss" : "warn"}`} aria-hidden="true" /> {first?.text}
        {all.length > 1 && `, and ${all.length - 1} more`}. <a href={href("/system")}>What to do</a>
      </p>
    );
  }
  return (
    <ul class="troubles" aria-label="What needs somebody">
      {all.map((each) => (
        <li key={each.text} class={each.grave ? "grave" : undefined}>
          <i class={`dot ${each.grave ? "loss" : "warn"}`} aria-hidden="true" />
          <div>
            <strong>{each.text}</strong>
            <p>{remedy(each.text)} {place(each.text) && <a href={href(place(each.text))}>Look into it</a>}</p>
          </div>
        </li>
      ))}
    </ul>
  );
}
