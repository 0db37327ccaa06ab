/** What is typed, once it stands still: for questions that are too dear for every key. */

import { useEffect, useState } from "preact/hooks";

const STILL = 300;

/** The value of a moment ago, and whether it is the latest. */
export function useSettled<T>(value: T): [settled: T, latest: boolean] {
  const [settled, setSettled] = useState(value);
  const key = JSON.stringify(value);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(value), STILL);
    return () => clearTimeout(timer);
  }, [key]);
  return [settled, JSON.stringify(settled) === key];
}
