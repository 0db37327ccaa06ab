/** Every entity of a noun, page by page; a change is put in place without reading all again. */

import { useEffect, useState } from "preact/hooks";
import type { Api, Name } from "./api";
import { call, rpc } from "./live";

type Listed = { [N in Name]: N extends `${infer Noun}.list` ? Api[N]["answer"] extends { items: { id: number }[]; total: number } ? Noun : never : never }[Name];
export type Of<N extends Listed> = Api[`${N}.list` & Name]["answer"] extends { items: (infer E)[] } ? E & { id: number } : never;

const PAGE = 1000;
/** Beyond 100,000 nobody looks through a list. */
const PAGES = 100;

export interface All<E> {
  value: readonly E[] | undefined;
  /** In place of the one with its id, or added. */
  put: (entity: E) => void;
  drop: (id: number) => void;
}

/** `where` narrows what is listed; false asks nothing. */
export function useAll<N extends Listed>(noun: N, where: object | false = {}): All<Of<N>> {
  const [value, setValue] = useState<readonly Of<N>[]>();
  const opened = rpc.opened.value;
  useEffect(() => {
    if (where === false) return;
    let wanted = true;
    void read<N>(noun, where, () => wanted).then((all) => wanted && all && setValue(all));
    return () => void (wanted = false);
  }, [opened, noun, JSON.stringify(where)]);
  const put = (entity: Of<N>): void =>
    setValue((before) => before && (before.some((each) => each.id === entity.id) ? before.map((each) => (each.id === entity.id ? entity : each)) : [...before, entity]));
  const drop = (id: number): void => setValue((before) => before?.filter((each) => each.id !== id));
  return { value, put, drop };
}

async function read<N extends Listed>(noun: N, where: object, wanted: () => boolean): Promise<readonly Of<N>[] | undefined> {
  const all: Of<N>[] = [];
  try {
    for (let page = 0; page < PAGES && wanted(); page += 1) {
      const answer = (await call(`${noun}.list` as Name, { ...where, limit: PAGE, offset: page * PAGE } as never)) as { items: Of<N>[]; total: number };
      all.push(...answer.items);
      if (all.length >= answer.total || !answer.items.length) break;
    }
    return all;
  } catch {
    return undefined; // lost, or not allowed: read again when the socket is back
  }
}
