/** The ways in for interpreted events: how each is doing, paused or not, and sending a file by hand. */

import { useAsk } from "../../ask";
import { perform } from "../../editing";
import { Copy } from "../../parts/copy";
import { Amount, Figure } from "../../parts/figure";
import { note } from "../../parts/notes";
import { shown } from "../../parts/number";
import { Switch } from "../../parts/switch";
import { type Column, Table } from "../../parts/table";
import { ago, full, now } from "../../parts/time";
import { href } from "../../route";
import { may } from "../../session";
import { zone } from "../../zone";
import { sending } from "../platforms/intake-token";
import { Tabs } from "./events";
import { Filter, type IntakesAnswer, useIntakes } from "./filter";
import { ImportFile } from "./import-file";

type Intake = IntakesAnswer["items"][number];

export function Intakes() {
  const asked = useIntakes();
  const about = useAsk("system.about", {});
  const turn = (it: Intake, on: boolean): void =>
    void perform(on ? "intakes.resume" : "intakes.pause", { name: it.name }, () => (asked.again(), note(`The intake ${it.name} is ${on ? "running" : "paused"}.`, () => turn(it, !on))));
  return (
    <>
      <header class="head">
        <h1>Intakes</h1>
        <span class="dim">ways in for interpreted events</span>
        <button type="button" onClick={asked.again}>Read again</button>
      </header>
      {asked.value?.interpreter && <Became of={asked.value.interpreter} />}
      <div class="tools"><Tabs /></div>
      {asked.fault && <p class="wrong" role="alert">{asked.fault.message}</p>}
      {asked.value && <Filter of={asked.value} again={asked.again} />}
      <Table caption="Intakes and what each took" columns={columns(turn)} rows={asked.value?.items ?? []} keyOf={(it) => it.name} stale={!asked.value} quiet={(it) => Boolean(it.paused_by)} />
      <section class="stack slim" aria-label="Send events">
        <h2>Send events</h2>
        {may("events.write") && <ImportFile done={asked.again} />}
        <p class="dim">From a shell, with the intake token of an <a href={href("/platforms")}>ad account</a> in a file; or put files into the watched folder, or announce S3 objects through SQS.</p>
        {about.value && <Copy label="the command" text={sending(about.value.public)} />}
      </section>
    </>
  );
}

function Became({ of }: { of: NonNullable<IntakesAnswer["interpreter"]> }) {
  const labels = Object.entries(of.labels);
  return (
    <>
      <dl class="strip" aria-label="What became of events since the start">
        <Figure name="Read" value={of.processed} note="events since the start" />
        <Figure name="Subscribed" value={of.passed} note={of.processed ? `${shown((of.passed / of.processed) * 100, "percent")} %` : ""} />
        <Figure name="Nothing new" value={of.unchanged} />
        <Figure name="Told to pixels" value={of.reports} />
        <Figure name="No events" value={of.refused} note="lines that could not be read" />
        <Figure name="Not reported" value={labels.reduce((all, [, count]) => all + count, 0)} note={labels.map(([label, count]) => `${label} ${shown(count)}`).join(", ")} />
      </dl>
      {of.last_error && <p class="trouble" role="status">{of.last_error}</p>}
    </>
  );
}

function columns(turn: (it: Intake, on: boolean) => void): Column<Intake>[] {
  return [
    { key: "status", head: "On", show: (it) => <OnOff it={it} turn={turn} /> },
    { key: "name", head: "Intake", show: (it) => <>{it.name} <small class="roomy">{it.where || it.kind}</small>{it.last_error && <small class="phone-line loss">{it.last_error}</small>}</> },
    { key: "batches", head: "Batches", figure: true, roomy: true, help: "Objects, files or requests since the start", show: (it) => <Amount value={it.batches} /> },
    { key: "events", head: "Events", figure: true, show: (it) => <Amount value={it.events} /> },
    { key: "failed", head: "Failed", figure: true, roomy: true, show: (it) => <span class={it.failed ? "loss" : "zero"}>{shown(it.failed)}</span> },
    { key: "dead", head: "Dead letters", figure: true, roomy: true, help: "What could not be read, kept aside", show: (it) => <span class={it.dead ? "loss" : "zero"}>{shown(it.dead)}</span> },
    { key: "waiting", head: "Waiting", figure: true, show: (it) => <Amount value={it.waiting < 0 ? null : it.waiting} /> },
    { key: "last", head: "Last", roomy: true, show: (it) => (it.last_us ? <span title={full(new Date(it.last_us / 1000), zone.value)}>{ago(new Date(it.last_us / 1000), now.value)}</span> : <span class="zero">–</span>) },
    { key: "error", head: "Trouble", roomy: true, show: (it) => (it.paused_by ? <span class="warned">paused by {it.paused_by}</span> : it.last_error ? <span class="clipped loss" title={it.last_error}>{it.last_error}</span> : <span class="zero">–</span>) },
  ];
}

function OnOff({ it, turn }: { it: Intake; turn: (it: Intake, on: boolean) => void }) {
  const on = !it.paused_by;
  if (!may("intakes.write")) return <span class={on ? "" : "zero"}>{on ? "running" : "paused"}</span>;
  return <Switch on={on} label={`The intake ${it.name} takes events`} onChange={(wanted) => turn(it, wanted)} />;
}
