/** What is on the page: who is asking decides first, then the path. */

import { useEffect } from "preact/hooks";
import { Bar, Tabs } from "./bar";
import { Banner } from "./banner";
import { Help } from "./help";
import { keys, offer } from "./keys";
import { Search, searching } from "./search";
import { helping } from "./help";
import { Notes } from "./parts/notes";
import { later } from "./parts/later";
import { placeOf, places } from "./places";
import { go, path } from "./route";
import { me, silent } from "./session";
import { Silent } from "./screens/sign-in/silent";
import { Claim } from "./screens/sign-in/claim";
import { Pending } from "./screens/sign-in/pending";
import { SignIn } from "./screens/sign-in/sign-in";
import { Campaigns } from "./screens/campaigns/campaigns";
import { Dashboard } from "./screens/dashboard/dashboard";
import { Nowhere } from "./screens/nowhere";
import { System } from "./screens/system/system";

const Destinations = later(() => import("./screens/destinations/destinations").then((found) => found.Destinations));
const Campaign = later(() => import("./screens/campaign/campaign").then((found) => found.Campaign));
const Clicks = later(() => import("./screens/clicks/clicks").then((found) => found.Clicks));
const Conversions = later(() => import("./screens/conversions/conversions").then((found) => found.Conversions));
const Inbox = later(() => import("./screens/inbox/inbox").then((found) => found.Inbox));
const Networks = later(() => import("./screens/networks/networks").then((found) => found.Networks));
const Costs = later(() => import("./screens/costs/costs").then((found) => found.Costs));
const Rates = later(() => import("./screens/rates/rates").then((found) => found.Rates));
const Deliveries = later(() => import("./screens/deliveries/deliveries").then((found) => found.Deliveries));
const Alerts = later(() => import("./screens/alerts/alerts").then((found) => found.Alerts));
const Platforms = later(() => import("./screens/platforms/platforms").then((found) => found.Platforms));
const Events = later(() => import("./screens/events/events").then((found) => found.Events));
const Targets = later(() => import("./screens/targets/targets").then((found) => found.Targets));
const Lists = later(() => import("./screens/lists/lists").then((found) => found.Lists));
const Sources = later(() => import("./screens/sources/sources").then((found) => found.Sources));

const SCREENS: Record<string, preact.ComponentType> = {
  "/": Dashboard,
  "/alerts": Alerts,
  "/campaigns": Campaigns,
  "/campaigns/": Campaign,
  "/clicks": Clicks,
  "/conversions": Conversions,
  "/costs": Costs,
  "/deliveries": Deliveries,
  "/destinations": Destinations,
  "/events": Events,
  "/inbox": Inbox,
  "/lists": Lists,
  "/networks": Networks,
  "/sources": Sources,
  "/platforms": Platforms,
  "/rates": Rates,
  "/system": System,
  "/targets": Targets,
};

export function App() {
  const token = path.value.match(/^\/claim\/([^/]+)$/)?.[1];
  const who = me.value;
  if (token && !who) return <Claim token={token} />;
  if (who === undefined) return silent.value ? <Silent why={silent.value} /> : <main class="blank" aria-busy="true" />;
  if (who === null) return <SignIn />;
  if (who.status !== "active") return <Pending who={who} />;
  return <Inside />;
}

function Inside() {
  const offered = places();
  const letters = offered.map((place) => place.letter).join();
  useEffect(
    () =>
      offer(
        { keys: "/", words: "Search everything", run: () => (searching.value = true) },
        { keys: "?", words: "This help", run: () => (helping.value = true) },
        ...places().map((place) => ({ keys: `g ${place.letter}`, words: `Go to ${place.name}`, run: () => go(place.path) })),
      ),
    [letters],
  );
  const place = placeOf(path.value);
  // "/campaigns/3" is a screen of its own: the noun's path with a slash behind it.
  const Screen = (place && offered.includes(place) && SCREENS[path.value.replace(/\/\d+$/, "/")]) || Nowhere;
  useEffect(() => {
    document.title = `${Screen === Nowhere ? "Nothing here" : place?.name} · Weir`;
  }, [path.value]);
  return (
    <>
      <a class="skip" href="#screen">Skip to the screen</a>
      <Bar />
      <Banner />
      <main id="screen" tabIndex={-1}>
        <Screen key={path.value} />
      </main>
      <Tabs />
      <Notes />
      {searching.value && <Search />}
      {helping.value && <Help keys={keys.value} />}
    </>
  );
}
