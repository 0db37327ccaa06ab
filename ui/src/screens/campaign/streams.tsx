/** The cards of a campaign's streams, and moving them. */

import type { Campaign, Stream } from "../../api";
import { perform, useToggle } from "../../editing";
import { set } from "../../route";
import { may } from "../../session";
import { duplicated } from "./campaign";
import { StreamCard } from "./card";
import type { Known } from "./known";

interface Props {
  campaign: Campaign;
  ordered: readonly Stream[];
  loaded: boolean;
  known: Known;
  rows: readonly Record<string, unknown>[];
  open: string;
  put: (stream: Stream) => void;
}

const KINDS = [
  ["forced", "Forced: before all others"],
  ["regular", "Regular"],
  ["default", "Default: what is left"],
] as const;
/** Between positions, so that a stream can be put in between by hand. */
const STEP = 10;

export function Streams({ campaign, ordered, loaded, known, rows, open, put }: Props) {
  const toggle = useToggle("streams", put);
  if (!loaded) return <p class="dim">–</p>;
  if (!ordered.length) return <NoStreams />;
  const count = (stream: number, destination?: number): number =>
    rows.reduce((sum, row) => (row["stream"] === stream && (destination === undefined || row["destination"] === destination) ? sum + Number(row["clicks"]) : sum), 0);
  const whole = ordered.reduce((sum, stream) => sum + count(stream.id), 0);
  return (
    <>
      {KINDS.map(([kind, words]) => {
        const mine = ordered.filter((stream) => stream.kind === kind);
        if (!mine.length) return null;
        return (
          <div key={kind}>
            {mine.length < ordered.length && <h3 class="kind">{words}</h3>}
            <ol class="cards">
              {mine.map((stream, index) => (
                <StreamCard key={stream.id} campaign={campaign} stream={stream} place={ordered.indexOf(stream) + 1} known={known} count={count} whole={whole} toggle={toggle} open={open === String(stream.id)}
                            edit={() => set({ stream: String(stream.id) })} duplicate={() => void duplicated(stream, put)}
                            up={index > 0 ? () => void move(mine, index, index - 1, put) : undefined} down={index < mine.length - 1 ? () => void move(mine, index, index + 1, put) : undefined} />
              ))}
            </ol>
          </div>
        );
      })}
    </>
  );
}

/** The new order as positions in steps; only those that differ are changed, one after another. */
async function move(all: readonly Stream[], from: number, to: number, put: (stream: Stream) => void): Promise<void> {
  const wanted = [...all];
  const [moved] = wanted.splice(from, 1);
  if (moved) wanted.splice(to, 0, moved);
  for (const [index, stream] of wanted.entries()) {
    const position = (index + 1) * STEP;
    if (stream.position !== position) await perform("streams.change", { id: stream.id, revision: stream.revision, position }, put);
  }
}

function NoStreams() {
  return (
    <div class="teach">
      <h3>No streams yet, so every click goes to the trafficback</h3>
      <p>A stream says whom it takes and where they go. Begin with one without rules: it takes every click. Then put others before it for countries, devices or hours.</p>
      {may("streams.write") && <p><button type="button" class="main" onClick={() => set({ stream: "new" })}>New stream</button></p>}
    </div>
  );
}
