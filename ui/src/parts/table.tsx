/** A dense table: sorted by its heads, rows opened by a click or enter, drawn in part when it is long. */

import type { ComponentChildren } from "preact";
import { Sheet } from "./sheet";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";

export interface Column<R> {
  key: string;
  head: string;
  /** Under the head, dim: USD, %. */
  unit?: string;
  /** What the head means, on hover. */
  help?: string;
  figure?: boolean;
  sortable?: boolean;
  /** Left out on a phone. */
  roomy?: boolean;
  show: (row: R) => ComponentChildren;
  total?: ComponentChildren;
}

export interface Sort {
  key: string;
  descending: boolean;
}

interface Props<R> {
  caption: string;
  columns: readonly Column<R>[];
  rows: readonly R[];
  keyOf: (row: R) => string | number;
  sort?: Sort;
  onSort?: (sort: Sort) => void;
  onOpen?: (row: R) => void;
  open?: string | number | null;
  /** Index of the row that j and k have chosen, -1 for none. */
  picked?: number;
  totals?: boolean;
  stale?: boolean;
  quiet?: (row: R) => boolean;
}

/** From this many rows on only those in sight are drawn. */
const LONG = 150;
const AHEAD = 12;

export function Table<R>(props: Props<R>) {
  const box = useRef<HTMLDivElement>(null);
  const long = props.rows.length > LONG;
  const [from, to, height, look] = useSight(box, props.rows.length, long);
  const { picked = -1 } = props;
  useEffect(() => {
    const row = (box.current ?? document).querySelector<HTMLElement>("tr.picked");
    if (row) row.scrollIntoView({ block: "nearest" });
    else if (picked >= 0 && box.current && height) box.current.scrollTop = picked * height;
  }, [picked]);
  const table = (
    <table aria-rowcount={props.rows.length}>
      <caption class="unseen">{props.caption}</caption>
      <thead>
        <tr>
          {props.columns.map((column) => (
            <Head key={column.key} column={column} sort={props.sort} onSort={props.onSort} />
          ))}
        </tr>
        {props.totals && (
          <tr class="totals">
            {props.columns.map((column) => (
              <td key={column.key} class={classes(column)}>{column.total}</td>
            ))}
          </tr>
        )}
      </thead>
      <tbody>
        {from > 0 && <Gap height={from * height} span={props.columns.length} />}
        {props.rows.slice(from, to).map((row, index) => (
          <Row key={props.keyOf(row)} row={row} place={from + index} {...props} />
        ))}
        {to < props.rows.length && <Gap height={(props.rows.length - to) * height} span={props.columns.length} />}
      </tbody>
    </table>
  );
  if (!long) return <Sheet label={props.caption} stale={props.stale}>{table}</Sheet>;
  return (
    <div class={`sheet long${props.stale ? " stale" : ""}`} ref={box} onScroll={look} tabIndex={0} role="region" aria-label={props.caption}>
      {table}
    </div>
  );
}

function Head<R>({ column, sort, onSort }: { column: Column<R>; sort: Sort | undefined; onSort: Props<R>["onSort"] }) {
  const sorted = sort?.key === column.key;
  const order = sorted ? (sort.descending ? "descending" : "ascending") : undefined;
  const words = (
    <>
      {column.head}
      {column.unit && <small> {column.unit}</small>}
    </>
  );
  return (
    <th scope="col" class={classes(column)} aria-sort={order} title={column.help}>
      {column.sortable && onSort ? (
        <button type="button" class="head" data-order={order}
                onClick={() => onSort({ key: column.key, descending: sorted ? !sort.descending : Boolean(column.figure) })}>
          {words}
        </button>
      ) : (
        words
      )}
    </th>
  );
}

function Row<R>(props: Props<R> & { row: R; place: number }) {
  const { row, columns, onOpen, open, picked, place, keyOf, quiet } = props;
  const marks = [place === picked && "picked", open === keyOf(row) && "open", quiet?.(row) && "quiet", onOpen && "opens"];
  const opened = (event: MouseEvent): void => {
    if ((event.target as Element).closest("a, button, input, label, select")) return;
    if (!getSelection()?.toString()) onOpen?.(row);
  };
  return (
    <tr class={marks.filter(Boolean).join(" ")} onClick={onOpen ? opened : undefined}>
      {columns.map((column) => (
        <td key={column.key} class={classes(column)}>{column.show(row)}</td>
      ))}
    </tr>
  );
}

function Gap({ height, span }: { height: number; span: number }) {
  return (
    <tr aria-hidden="true" class="gap">
      <td colSpan={span} style={{ height }} />
    </tr>
  );
}

function classes(column: { figure?: boolean; roomy?: boolean; key: string }): string {
  return [column.figure ? "figure" : "", column.roomy ? "roomy" : "", `c-${column.key}`].filter(Boolean).join(" ");
}

/** Which rows are in sight: [first, behind the last, height of one, look again]. */
function useSight(box: { current: HTMLElement | null }, count: number, long: boolean): [number, number, number, () => void] {
  const [sight, setSight] = useState({ from: 0, to: 2 * AHEAD, height: 0 });
  const look = (): void => {
    const at = box.current;
    const height = at?.querySelector<HTMLElement>("tbody tr:not(.gap)")?.offsetHeight ?? 0;
    if (!at || !height) return;
    const from = Math.max(0, Math.floor(at.scrollTop / height) - AHEAD);
    const to = from + Math.ceil(at.clientHeight / height) + 2 * AHEAD;
    if (from !== sight.from || to !== sight.to || height !== sight.height) setSight({ from, to, height });
  };
  useLayoutEffect(() => {
    if (long) look();
  }, [long, count]);
  return long ? [Math.min(sight.from, count), Math.min(sight.to, count), sight.height, look] : [0, count, 0, look];
}
