/** Now: pace, money today against yesterday, the last hour, what leads, and what happens as it happens. */

import { useEffect, useMemo, useState } from "preact/hooks";
import type { Campaign, SystemStatus } from "../../api";
import { following, useAsk } from "../../ask";
import { watch } from "../../live";
import { now } from "../../parts/time";
import { rpc } from "../../live";
import { may, me } from "../../session";
import { zone } from "../../zone";
import { ZoneChoice } from "../../zone-choice";
import { AlertLine } from "../alerts/line";
import { Empty } from "./empty";
import { Events } from "./events";
import { Hour } from "./hour";
import { Now } from "./now";
import { Pulse } from "./pulse";
import { recent } from "./recent";
import { Top } from "./top";
import { Troubles } from "../system/troubles";
import { Undelivered } from "./undelivered";

/** Milliseconds between two readings of totals while things happen; between them the feed counts. */
const TOTALS_EVERY = 5000;

export function Dashboard() {
  const pulse = useMemo(() => new Pulse(), []);
  const [turn, setTurn] = useState(0);
  const [status, setStatus] = useState<SystemStatus | null>(null);
  useEffect(() => {
    const totals = following(() => setTurn((before) => before + 1), TOTALS_EVERY);
    const stop = watch(may("system.read") ? ["clicks", "conversions", "postbacks", "system"] : ["clicks", "conversions"], (frame) => {
      if (pulse.take(frame, Date.now())) totals.poke();
      if (frame.system) setStatus(frame.system);
    });
    void recent(new Date()).then((events) => pulse.remember(events));
    return () => (stop(), totals.stop());
  }, []);

  const campaigns = useAsk("campaigns.list", { limit: 2 });
  const all = useAsk("reports.overview", { from: "2020-01-01", timezone: zone.value });
  useEffect(() => {
    if (turn === 1) all.again();
  }, [turn]);
  const fresh = all.value?.clicks === 0 && !pulse.events.value.some((each) => each.topic === "clicks");

  return (
    <>
      <header class="head">
        <h1>Dashboard</h1>
        <span class="dim">{me.value?.campaigns && "your campaigns"}</span>
        <ZoneChoice />
      </header>
      {status && <AlertLine open={status.alerts.open} />}
      {status && <Troubles status={status} brief />}
      {status && <Undelivered status={status} />}
      <Now pulse={pulse} zone={zone.value} turn={turn} at={now.value} live={rpc.state.value === "open"} />
      {fresh ? (
        <Empty campaign={(campaigns.value?.items as Campaign[] | undefined)?.[0]} />
      ) : (
        <>
          <div class="halves">
            <Hour pulse={pulse} zone={zone.value} turn={turn} />
            <Top zone={zone.value} turn={turn} />
          </div>
          <Events pulse={pulse} zone={zone.value} />
        </>
      )}
    </>
  );
}
