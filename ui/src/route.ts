/** The URL is the state: path and search parameters as signals, changed by `go` and `set` only. */

import { computed, signal } from "@preact/signals";

const here = signal(read());

function read(): { path: string; search: string } {
  return typeof location === "undefined"
    ? { path: "/", search: "" }
    : { path: location.pathname, search: location.search };
}

export const path = computed(() => here.value.path);
export const params = computed(() => new URLSearchParams(here.value.search));

/** A parameter of the URL, or `otherwise`. */
export function param(name: string, otherwise = ""): string {
  return params.value.get(name) ?? otherwise;
}

/** A way inside the screens; what lasts (the zone) stays in the URL. */
export function href(to: string): string {
  const [where, search = ""] = to.split("?");
  const wanted = new URLSearchParams(search);
  const zone = params.value.get("tz");
  if (zone && !wanted.has("tz")) wanted.set("tz", zone);
  const text = spelled(wanted);
  return text ? `${where}?${text}` : String(where);
}

/** Commas and slashes are legal in a query and easier to read. */
function spelled(wanted: URLSearchParams): string {
  return wanted.toString().replaceAll("%2C", ",").replaceAll("%2F", "/");
}

/** Open another screen. */
export function go(to: string, replace = false): void {
  const address = href(to);
  if (replace) history.replaceState(null, "", address);
  else history.pushState(null, "", address);
  here.value = read();
  if (!replace) scrollTo(0, 0);
}

/** Change parameters of this screen; null removes one. Typing replaces, choosing makes a step back possible. */
export function set(changes: Record<string, string | null>, replace = false): void {
  const wanted = new URLSearchParams(params.value);
  for (const [name, value] of Object.entries(changes)) {
    if (value === null || value === "") wanted.delete(name);
    else wanted.set(name, value);
  }
  const text = spelled(wanted);
  const address = here.value.path + (text ? `?${text}` : "");
  if (address === here.value.path + here.value.search) return;
  if (replace) history.replaceState(null, "", address);
  else history.pushState(null, "", address);
  here.value = read();
}

/** Follow back, forward and plain clicks on our own links. Called once. */
export function follow(): void {
  addEventListener("popstate", () => (here.value = read()));
  document.addEventListener("click", (event) => {
    const link = (event.target as Element | null)?.closest?.("a");
    if (!link || event.defaultPrevented || event.button !== 0 || link.target || link.hasAttribute("download")) return;
    if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey || link.origin !== location.origin) return;
    if (/^\/(api|ws|mcp|metrics|healthz|readyz|internal)(\/|$)/.test(link.pathname)) return;
    event.preventDefault();
    go(link.pathname + link.search);
  });
}
