/** Destinations with weights, and the share that each gets. */

import type { Destination, Target } from "../../api";
import { useWrong, Whole } from "../../parts/form";
import { shown } from "../../parts/number";

interface Props {
  targets: readonly Target[];
  path: string;
  all: readonly Destination[];
  /** Shares by weight mean nothing in a waterfall or in turn. */
  weighed: boolean;
  ordered?: boolean;
  onTargets: (targets: Target[]) => void;
}

export function TargetsEdit({ targets, path, all, weighed, ordered, onTargets }: Props) {
  const wrong = useWrong(path, false);
  const whole = targets.reduce((sum, each) => sum + Math.max(0, each.weight), 0);
  const left = all.filter((each) => !targets.some((target) => target.destination_id === each.id));
  const put = (index: number, target: Target): void => onTargets(targets.map((each, at) => (at === index ? target : each)));
  const move = (index: number): void => {
    const made = [...targets];
    const [moved] = made.splice(index, 1);
    if (moved) made.splice(index - 1, 0, moved);
    onTargets(made);
  };
  return (
    <div class="targets">
      {targets.map((target, index) => (
        <TargetEdit key={target.destination_id} target={target} path={`${path}[${index}]`} place={index} destination={all.find((each) => each.id === target.destination_id)}
                    share={weighed ? (whole ? (Math.max(0, target.weight) / whole) * 100 : 0) : undefined}
                    onTarget={(made) => put(index, made)} onUp={ordered && index > 0 ? () => move(index) : undefined}
                    onRemove={() => onTargets(targets.filter((_, at) => at !== index))} />
      ))}
      <label class="row">
        <span class="unseen">Add a destination</span>
        <select value="" onChange={(event) => {
          const id = Number(event.currentTarget.value);
          event.currentTarget.value = "";
          if (id) onTargets([...targets, { destination_id: id, weight: 100 }]);
        }}>
          <option value="">{left.length ? "Add a destination…" : all.length ? "Every destination is here already" : "There is no destination yet"}</option>
          {left.map((each) => <option key={each.id} value={each.id}>{each.name || `#${each.id}`}{each.status === "paused" ? " (paused)" : ""}</option>)}
        </select>
      </label>
      {wrong && <p class="wrong">{wrong}</p>}
    </div>
  );
}

interface One {
  target: Target;
  path: string;
  place: number;
  destination: Destination | undefined;
  share: number | undefined;
  onTarget: (target: Target) => void;
  onUp: (() => void) | undefined;
  onRemove: () => void;
}

function TargetEdit({ target, path, place, destination, share, onTarget, onUp, onRemove }: One) {
  const wrong = useWrong(`${path}.destination_id`);
  const name = destination?.name || `#${target.destination_id}`;
  return (
    <div class="target">
      <span class="dim">{place + 1}</span>
      <span class="c-name grow">{name}{destination?.status === "paused" && <span class="tag"> paused</span>}{wrong && <span class="wrong"> {wrong}</span>}</span>
      {share !== undefined && <span class="share" aria-hidden="true"><span style={{ width: `${share}%` }} /></span>}
      {share !== undefined && <span class="figure percent">{shown(share, share > 0 && share < 10 ? "percent" : "count")} %</span>}
      <Whole bare label={`Weight of ${name}`} path={`${path}.weight`} value={target.weight} onNumber={(weight) => onTarget({ ...target, weight })} />
      {onUp && <button type="button" class="quiet" aria-label={`${name} before the one above`} onClick={onUp}>↑</button>}
      <button type="button" class="quiet" aria-label={`Remove ${name}`} onClick={onRemove}>×</button>
    </div>
  );
}
