/** The bar at the top and, on a phone, the tabs at the bottom. */

import { Menu } from "./parts/menu";
import { placeOf, type Place, places } from "./places";
import { helping } from "./help";
import { searching } from "./search";
import { href, path } from "./route";
import { me, signOut } from "./session";
import { choose, theme, type Theme } from "./theme";
import { rpc } from "./live";

export function Bar() {
  return (
    <header class="bar">
      <a class="brand" href={href("/")} aria-label="Weir">
        <Waves /> Weir
      </a>
      <nav aria-label="Screens">
        <Links of={places().filter((place) => !place.rare)} />
      </nav>
      <More of={places().filter((place) => place.rare)} current={Boolean(placeOf(path.value)?.rare)} />
      <span class="room" />
      <button type="button" class="quiet ask" onClick={() => (searching.value = true)} aria-label="Search everything">
        Search <kbd>/</kbd>
      </button>
      <Account />
    </header>
  );
}

export function Tabs() {
  return (
    <nav class="tabs" aria-label="Screens, at the bottom">
      <Links of={places().filter((place) => place.thumb)} />
      <More of={places().filter((place) => !place.thumb)} current={!placeOf(path.value)?.thumb} />
    </nav>
  );
}

function More({ of, current }: { of: readonly Place[]; current: boolean }) {
  if (!of.length) return null;
  return (
    <Menu label="More screens" name={<span aria-current={current ? "page" : undefined}>More</span>}>
      <Links of={of} />
    </Menu>
  );
}

function Links({ of }: { of: readonly Place[] }) {
  return (
    <>
      {of.map((place) => (
        <a key={place.path} href={href(place.path)} aria-current={placeOf(path.value) === place ? "page" : undefined}>
          {place.name}
        </a>
      ))}
    </>
  );
}

const THEMES: readonly [Theme, string][] = [["", "As the system"], ["light", "Light"], ["dark", "Dark"]];

function Account() {
  const who = me.value;
  if (!who) return null;
  const state = rpc.state.value;
  const name = who.email || who.name;
  return (
    <Menu label={`Account: ${name}`} name={<><i class={`dot ${state === "open" ? "good" : "warn"}`} aria-hidden="true" /><span class="who">{name}</span><span class="initial" aria-hidden="true">{name.slice(0, 1)}</span></>}>
      <p>
        <strong>{name}</strong>
        <br />
        <span class="dim">{who.role}, {state === "open" ? "connected" : "not connected"}</span>
      </p>
      <fieldset>
        <legend>Colours</legend>
        {THEMES.map(([value, words]) => (
          <label key={value}>
            <input type="radio" name="theme" checked={theme.value === value} onChange={() => choose(value)} /> {words}
          </label>
        ))}
      </fieldset>
      <button type="button" data-leaves onClick={() => (helping.value = true)}>Keyboard <kbd>?</kbd></button>
      <button type="button" data-leaves onClick={() => void signOut()}>Sign out</button>
    </Menu>
  );
}

export function Waves() {
  return (
    <svg class="waves" viewBox="0 0 32 32" aria-hidden="true">
      <path d="M4 11c4 0 4 3.4 8 3.4s4-3.4 8-3.4 4 3.4 8 3.4M4 19c4 0 4 3.4 8 3.4s4-3.4 8-3.4 4 3.4 8 3.4" />
    </svg>
  );
}
