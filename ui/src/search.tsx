/** `/`: one field for everything that has a name: screens, campaigns, destinations, sources, networks, lists. */

import { signal } from "@preact/signals";
import { useEffect, useState } from "preact/hooks";
import type { Name } from "./api";
import { Dialog } from "./parts/dialog";
import { call } from "./live";
import { places } from "./places";
import { go } from "./route";
import { may } from "./session";

export const searching = signal(false);
const MOST = 12;

interface Found {
  name: string;
  kind: string;
  to: string;
}

export function Search() {
  const [text, setText] = useState("");
  const [named, setNamed] = useState<readonly Found[]>([]);
  const [at, setAt] = useState(0);
  useEffect(() => {
    const wanted = Object.entries(NOUNS).filter(([noun]) => may(`${noun}.read`));
    void Promise.all(wanted.map(([noun, kind]) => read(noun, kind))).then((all) => setNamed(all.flat()));
  }, []);
  const found = find(text, named);
  const close = (): void => void (searching.value = false);
  const open = (each: Found | undefined): void => {
    if (!each) return;
    close();
    go(each.to);
  };
  const pressed = (event: KeyboardEvent): void => {
    const step = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
    if (step) {
      event.preventDefault();
      setAt(Math.max(0, Math.min(found.length - 1, at + step)));
    } else if (event.key === "Enter") {
      event.preventDefault();
      open(found[at]);
    }
  };
  return (
    <Dialog title="Search" onClose={close}>
      <input class="wide" type="text" aria-label="Search everything" placeholder="A campaign, a destination, a screen" autofocus
             role="combobox" aria-expanded="true" aria-controls="found" aria-autocomplete="list" list={undefined}
             aria-activedescendant={found[at] ? `found-${at}` : undefined}
             value={text} onInput={(event) => (setText(event.currentTarget.value), setAt(0))} onKeyDown={pressed} />
      <ul id="found" class="found" role="listbox" aria-label="Found">
        {found.map((each, index) => (
          <li key={each.to} id={`found-${index}`} role="option" aria-selected={index === at} onClick={() => open(each)}>
            <span>{each.name}</span> <small>{each.kind}</small>
          </li>
        ))}
      </ul>
      {!found.length && <p class="dim">Nothing is called “{text}”.</p>}
    </Dialog>
  );
}

type Entity = { id: number; name: string; slug?: string };
const NOUNS: Readonly<Record<string, string>> = { campaigns: "campaign", destinations: "destination", sources: "source", networks: "network", lists: "list", targets: "target", ad_accounts: "ad account", pixels: "pixel" };
/** Those whose screen is not called like them. */
const PATHS: Readonly<Record<string, string>> = { ad_accounts: "/platforms?open=", pixels: "/platforms?of=pixels&open=" };

async function read(noun: string, kind: string): Promise<Found[]> {
  const answer = (await call(`${noun}.list` as Name, { limit: 1000 } as never).catch(() => ({ items: [] }))) as unknown as { items: Entity[] };
  return answer.items.map((each) => ({ name: each.name || each.slug || `#${each.id}`, kind: each.slug ? `${kind} · ${each.slug}` : kind, to: `${PATHS[noun] ?? `/${noun}?open=`}${each.id}` }));
}

function find(text: string, named: readonly Found[]): Found[] {
  const wanted = text.trim().toLowerCase();
  const all: Found[] = [
    ...places().map((place) => ({ name: place.name, kind: `g ${place.letter}`, to: place.path })),
    ...named,
  ];
  return all.filter((each) => `${each.name} ${each.kind}`.toLowerCase().includes(wanted)).slice(0, MOST);
}
