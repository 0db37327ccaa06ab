/** Light, dark, or as the system has it. */

import { signal } from "@preact/signals";
import { keep, kept } from "./kept";

export type Theme = "" | "light" | "dark";

export const theme = signal<Theme>((kept("theme") as Theme) || "");
/** Changes whenever colours may have changed: charts are painted, not styled. */
export const painted = signal(0);

export function choose(wanted: Theme): void {
  theme.value = wanted;
  keep("theme", wanted);
  apply();
}

export function apply(): void {
  if (theme.value) document.documentElement.dataset["theme"] = theme.value;
  else delete document.documentElement.dataset["theme"];
  painted.value += 1;
}

/** Called once, before the first paint. */
export function follow(): void {
  apply();
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => (painted.value += 1));
}

/** The colour of a token as the canvas takes it. */
export function colour(token: string): string {
  const probe = document.createElement("i");
  probe.style.color = `var(--${token})`;
  document.body.append(probe);
  const found = getComputedStyle(probe).color;
  probe.remove();
  return found;
}

/** A token that is a length, in pixels. */
export function pixels(token: string): number {
  return Number.parseFloat(getComputedStyle(document.documentElement).getPropertyValue(`--${token}`)) || 0;
}
