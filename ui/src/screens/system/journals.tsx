/** The journals of the edges, and how far each consumer has read them. */

import type { SystemStatus } from "../../api";
import { Amount } from "../../parts/figure";
import { Sheet } from "../../parts/sheet";
import { duration } from "../../parts/time";

export function Journals({ status, stale }: { status: SystemStatus; stale: boolean }) {
  return (
    <div class={`halves${stale ? " stale" : ""}`}>
      <section aria-labelledby="journals-title">
        <header class="head"><h2 id="journals-title">Journals</h2></header>
        <Sheet label="Journals">
          <table>
            <caption class="unseen">One journal per edge</caption>
            <thead>
              <tr>
                <th scope="col">Edge</th>
                <th scope="col">Mode</th>
                <th scope="col" class="figure">Segments</th>
                <th scope="col" class="figure">Size</th>
                <th scope="col" class="figure roomy" title="Groups of events made durable at once">Commits</th>
                <th scope="col" class="figure" title="Answered but not kept, because the disk was full">Unrecorded</th>
              </tr>
            </thead>
            <tbody>
              {status.edges.map(({ edge, report }) => (
                <tr key={edge}>
                  <th scope="row">edge-{edge}</th>
                  <td class={report && report.journal.mode !== "recording" ? "warned" : ""}>{report?.journal.mode ?? "–"}</td>
                  <td class="figure"><Amount value={report?.journal.segments} /></td>
                  <td class="figure"><Amount value={report ? report.journal.bytes + report.journal.wal_bytes : null} shape="bytes" /></td>
                  <td class="figure roomy"><Amount value={report?.journal.commits} /></td>
                  <td class={`figure${report?.journal.unrecorded ? " loss" : ""}`}><Amount value={report?.journal.unrecorded} /></td>
                </tr>
              ))}
            </tbody>
          </table>
        </Sheet>
      </section>
      <section aria-labelledby="lag-title">
        <header class="head"><h2 id="lag-title">Who reads them</h2></header>
        <Sheet label="Who reads them">
          <table>
            <caption class="unseen">Consumers and their lag</caption>
            <thead>
              <tr>
                <th scope="col">Consumer</th>
                <th scope="col">Of</th>
                <th scope="col" class="figure">Behind</th>
                <th scope="col" class="figure">Age</th>
                <th scope="col" class="figure roomy">Taken</th>
                <th scope="col" class="roomy wide">Last error</th>
              </tr>
            </thead>
            <tbody>
              {status.consumers.map((each) => (
                <tr key={`${each.consumer} ${each.edge} ${each.epoch}`}>
                  <th scope="row">{each.consumer}{each.held && <span class="tag">held</span>}</th>
                  <td>{each.edge < 0 ? "core outbox" : `edge-${each.edge}`}</td>
                  <td class="figure"><Amount value={each.behind < 0 ? null : each.behind} /></td>
                  <td class="figure">{each.behind > 0 ? duration(each.behind_seconds) : <span class="zero">–</span>}</td>
                  <td class="figure roomy"><Amount value={each.taken} /></td>
                  <td class="roomy fault" title={each.last_error}>{each.last_error}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </Sheet>
      </section>
    </div>
  );
}
