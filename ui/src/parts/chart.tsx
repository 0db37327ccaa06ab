/** Series over time, painted by uPlot in the colours of the tokens. Charts with one `together` share a crosshair. */

import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import { colour, painted, pixels } from "../theme";
import { clock, full } from "./time";
import { shown } from "./number";

export interface Series {
  label: string;
  /** A token's name. */
  token: string;
  /** Drawn as bars; the others as points, so that rare things are seen and nothing is drawn between them. */
  bars?: boolean;
  values: readonly (number | null)[];
}

interface Props {
  /** Read aloud instead of the picture. */
  label: string;
  /** Unix seconds. */
  times: readonly number[];
  series: readonly Series[];
  zone: string;
  height: string;
  together?: string;
}

export function Chart(props: Props) {
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const told = useRef<HTMLParagraphElement>(null);
  const { zone, height } = props;
  const kinds = props.series.map((each) => `${each.label} ${each.token} ${each.bars}`).join();
  const version = painted.value;

  useEffect(() => {
    const at = box.current;
    if (!at) return;
    const made = new uPlot(options(props, at.clientWidth, told), data(props), at);
    plot.current = made;
    const watching = new ResizeObserver(() => made.setSize({ width: at.clientWidth, height: pixels(height) }));
    watching.observe(at);
    return () => {
      watching.disconnect();
      made.destroy();
      plot.current = null;
    };
  }, [zone, height, kinds, version]);
  useEffect(() => plot.current?.setData(data(props)), [props.times, props.series]);

  return (
    <figure class="chart">
      <figcaption>
        {props.series.map((each) => (
          <span key={each.label} class={`key key-${each.token}`}>{each.label}</span>
        ))}
        <span class="told" ref={told} aria-hidden="true" />
      </figcaption>
      <div ref={box} class={`canvas of-${height}`} role="img" aria-label={props.label} />
    </figure>
  );
}

function data(props: Props): uPlot.AlignedData {
  return [props.times as number[], ...props.series.map((each) => each.values as (number | null)[])];
}

function options(props: Props, width: number, told: { current: HTMLElement | null }): uPlot.Options {
  const [ink, line] = [colour("dim"), colour("line")];
  const font = `${pixels("small")}px ${getComputedStyle(document.body).fontFamily}`;
  const axis = { stroke: ink, font, ticks: { show: false }, grid: { stroke: line, width: 1 } };
  const bars = uPlot.paths.bars?.({ size: [0.7, 24], radius: 0.2 });
  return {
    width,
    height: pixels(props.height),
    padding: [8, 4, 0, 0],
    tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), props.zone),
    legend: { show: false },
    cursor: { y: false, drag: { x: false, y: false }, points: { size: 6 },
              ...(props.together ? { sync: { key: props.together } } : {}) }, // prettier-ignore
    scales: {
      // Half a step more at both ends: the first and the last bar are whole.
      x: { range: (u, low, high) => [low - step(u) / 2, high + step(u) / 2] },
      ...Object.fromEntries(
        props.series.map((_, index) => [`y${index}`, { range: (_u: uPlot, _low: number, high: number) => [0, Math.max(4, high * 1.1)] }]),
      ),
    } as uPlot.Scales,
    axes: [
      { ...axis, grid: { show: false }, values: (_u, times) => times.map((each) => clock(new Date(each * 1000), props.zone)), size: 26 },
      ...props.series.map((each, index) => ({
        ...axis, scale: `y${index}`, side: index ? 1 : 3, size: 38, gap: 4, stroke: index ? colour(each.token) : ink,
        grid: index ? { show: false } : axis.grid,
        values: (_u: uPlot, values: number[]) => values.map((value) => (Number.isInteger(value) ? shown(value) : "")),
      })), // prettier-ignore
    ],
    series: [
      {},
      ...props.series.map((each, index) => ({
        label: each.label, scale: `y${index}`, stroke: colour(each.token), width: 0,
        ...(each.bars ? { fill: colour(each.token), ...(bars ? { paths: bars } : {}), points: { show: false } }
                      : { paths: () => null, points: { show: true, size: 7, fill: colour(each.token), width: 0 } }),
      })), // prettier-ignore
    ],
    hooks: { setCursor: [(made) => tell(made, props.zone, told.current)] },
  };
}

function step(made: uPlot): number {
  const times = made.data[0];
  return (times[1] ?? 0) - (times[0] ?? 0);
}

function tell(made: uPlot, zone: string, into: HTMLElement | null): void {
  if (!into) return;
  const at = made.cursor.idx;
  const time = at === null || at === undefined ? undefined : made.data[0][at];
  if (at === null || at === undefined || time === undefined) {
    into.textContent = "";
    return;
  }
  const values = made.series.slice(1).map((each, index) => `${shown(made.data[index + 1]?.[at] ?? null)} ${String(each.label).toLowerCase()}`);
  const moment = new Date(time * 1000);
  into.textContent = `${clock(moment, zone)} · ${values.join(" · ")}`;
  into.title = full(moment, zone);
}

/** A line without axes: the shape of the last while. */
export function Spark({ values, label }: { values: readonly number[]; label: string }) {
  const most = Math.max(1, ...values);
  const step = 100 / Math.max(1, values.length - 1);
  const points = values.map((value, index) => `${(index * step).toFixed(1)},${(30 - (value / most) * 28).toFixed(1)}`);
  return (
    <svg class="spark" viewBox="0 0 100 32" preserveAspectRatio="none" role="img" aria-label={label}>
      <polyline points={points.join(" ")} />
    </svg>
  );
}
