/** Some of a few words, each a chip that is pressed or not. */

import { useWrong } from "../../parts/form";

interface Props {
  label: string;
  path: string;
  all: readonly string[];
  chosen: readonly string[];
  /** What it means when none is. */
  none: string;
  onChosen: (chosen: string[]) => void;
}

export function StatusChips({ label, path, all, chosen, none, onChosen }: Props) {
  const wrong = useWrong(path);
  return (
    <div class="item">
      <span class="dim" aria-hidden="true">{label}</span>
      <div class="chips" role="group" aria-label={label}>
        {all.map((each) => {
          const on = chosen.includes(each);
          return <button key={each} type="button" class="chip" aria-pressed={on} onClick={() => onChosen(on ? chosen.filter((one) => one !== each) : all.filter((one) => one === each || chosen.includes(one)))}>{each}</button>;
        })}
        {!chosen.length && <small>{none}</small>}
      </div>
      {wrong && <span class="wrong">{wrong}</span>}
    </div>
  );
}
