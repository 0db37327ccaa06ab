/** Rows of a text and what it means, edited in place. */

import { Choose, type Options, Text } from "../../parts/form";

type Pair = readonly [text: string, value: string];

interface Props {
  rows: readonly Pair[];
  onRows: (rows: readonly Pair[]) => void;
  /** Path of the field that they make. */
  path: string;
  text: string;
  means: string;
  options: Options;
  placeholder?: string;
  fresh: Pair;
  add: string;
  none: string;
}

export function Pairs({ rows, onRows, path, text, means, options, placeholder, fresh, add, none }: Props) {
  const put = (index: number, made: Pair): void => onRows(rows.map((row, at) => (at === index ? made : row)));
  return (
    <>
      {rows.map(([word, value], index) => (
        <div class="fields mapped" key={index}>
          <Text label={text} bare={index > 0} path={`${path}.${word}`} value={word} {...(placeholder ? { placeholder } : {})} onText={(made) => put(index, [made, value])} />
          <Choose label={means} bare={index > 0} value={value} options={options} onPick={(made) => put(index, [word, made])} />
          <button type="button" class="quiet" aria-label={`Remove ${word || "this row"}`} onClick={() => onRows(rows.filter((_, at) => at !== index))}>×</button>
        </div>
      ))}
      <p class="row">
        <button type="button" onClick={() => onRows([...rows, fresh])}>{add}</button>
        {!rows.length && <span class="dim">{none}</span>}
      </p>
    </>
  );
}

/** Rows that say something, as the record they make. */
export function record<V extends string>(rows: readonly Pair[]): Record<string, V> {
  return Object.fromEntries(rows.map(([text, value]) => [text.trim(), value as V] as const).filter(([text]) => text));
}
