/** Hours on weekdays by the clocks of a zone, drawn as a week. */

import type { Schedule, Window } from "../../api";
import { Choose, Text } from "../../parts/form";
import { useWrong } from "../../parts/form";
import { zones } from "../../parts/time";
import { zone } from "../../zone";
import { daysOf, hours } from "./sentence";

const DAYS = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"] as const;
const WORKDAY: Window = { days: [1, 2, 3, 4, 5], begin: "09:00", end: "18:00" };

interface Props {
  schedule: Schedule;
  path: string;
  onSchedule: (schedule: Schedule) => void;
}

export const freshSchedule = (): Schedule => ({ timezone: zone.peek(), windows: [WORKDAY] });

export function ScheduleEdit({ schedule, path, onSchedule }: Props) {
  const windows = schedule.windows ?? [];
  const put = (index: number, window: Window): void => onSchedule({ ...schedule, windows: windows.map((each, at) => (at === index ? window : each)) });
  return (
    <div class="hours">
      <Week windows={windows} />
      {windows.map((window, index) => (
        <WindowEdit key={index} window={window} path={`${path}.windows[${index}]`} onWindow={(made) => put(index, made)}
                    onRemove={() => onSchedule({ ...schedule, windows: windows.filter((_, at) => at !== index) })} />
      ))}
      <div class="fields">
        <button type="button" onClick={() => onSchedule({ ...schedule, windows: [...windows, WORKDAY] })}>Add hours</button>
        <Choose label="Clocks of" path={`${path}.timezone`} value={schedule.timezone ?? "UTC"} options={zones.map((each) => [each, each.replaceAll("_", " ")] as const)}
                onPick={(timezone) => onSchedule({ ...schedule, timezone })} />
        <Text label="From (empty: always was)" path={`${path}.first`} type="datetime-local" value={local(schedule.first)} onText={(first) => onSchedule({ ...schedule, first })} />
        <Text label="Until (empty: for ever)" path={`${path}.last`} type="datetime-local" value={local(schedule.last)} onText={(last) => onSchedule({ ...schedule, last })} />
      </div>
      <small class="dim">Open {hours(schedule)}.</small>
    </div>
  );
}

function local(text: string | undefined): string {
  return !text ? "" : text.length === 10 ? `${text}T00:00` : text.slice(0, 16);
}

function WindowEdit({ window, path, onWindow, onRemove }: { window: Window; path: string; onWindow: (window: Window) => void; onRemove: () => void }) {
  const days = daysOf(window);
  const wrong = useWrong(`${path}.days`);
  const flip = (day: number): void => onWindow({ ...window, days: days.includes(day) ? days.filter((each) => each !== day) : [...days, day].sort((a, b) => a - b) });
  const end = window.end ?? "24:00";
  return (
    <fieldset class="window">
      <legend class="unseen">Hours</legend>
      <div class="choice" role="group" aria-label="Weekdays">
        {DAYS.map((name, index) => (
          <button key={name} type="button" aria-pressed={days.includes(index + 1)} onClick={() => flip(index + 1)}>{name}</button>
        ))}
      </div>
      <Text bare label="Begins" path={`${path}.begin`} type="time" value={window.begin ?? "00:00"} onText={(begin) => onWindow({ ...window, begin })} />
      <span class="dim">to</span>
      <Text bare label="Ends" path={`${path}.end`} type="time" value={end === "24:00" ? "00:00" : end}
            onText={(text) => onWindow({ ...window, end: text === "00:00" ? "24:00" : text })} />
      <button type="button" class="quiet" aria-label="Remove these hours" onClick={onRemove}>×</button>
      {wrong && <span class="wrong">{wrong}</span>}
    </fieldset>
  );
}

const MINUTES = 1440;

/** Spans of one day in minutes: what its windows open, and what those of the day before reach into it. */
export function spans(windows: readonly Window[], day: number): [number, number][] {
  const found: [number, number][] = [];
  const minute = (text: string): number => Number(text.slice(0, 2)) * 60 + Number(text.slice(3, 5));
  for (const window of windows) {
    const [begin, end] = [minute(window.begin ?? "00:00"), minute(window.end ?? "24:00")];
    const days = daysOf(window);
    if (days.includes(day)) found.push([begin, end <= begin ? MINUTES : end]);
    if (end <= begin && days.includes(day === 1 ? 7 : day - 1)) found.push([0, end]);
  }
  return found.filter(([begin, end]) => end > begin);
}

function Week({ windows }: { windows: readonly Window[] }) {
  return (
    <div class="week" aria-hidden="true">
      {DAYS.map((name, index) => (
        <div key={name}>
          <span class="dim">{name}</span>
          <span class="day">
            {(windows.length ? spans(windows, index + 1) : [[0, MINUTES] as const]).map(([begin, end]) => (
              <i key={`${begin}`} style={{ left: `${(begin / MINUTES) * 100}%`, width: `${((end - begin) / MINUTES) * 100}%` }} />
            ))}
          </span>
        </div>
      ))}
      <div class="scale dim"><span /><span><b>0</b><b>6</b><b>12</b><b>18</b><b>24</b></span></div>
    </div>
  );
}
