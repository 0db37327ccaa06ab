/** Status words that came and nobody knew: what each means, said here, and what is to be done about the past. */

import { useState } from "preact/hooks";
import type { Network, UnknownWordList } from "../../api";
import { useAsk } from "../../ask";
import { perform } from "../../editing";
import { Choose } from "../../parts/form";
import { note } from "../../parts/notes";
import { shown } from "../../parts/number";
import { go, href } from "../../route";
import { may } from "../../session";
import { spellWords } from "../inbox/reprocess";
import { STATUSES } from "./words";

type Word = UnknownWordList["items"][number];

export function UnknownWords({ network, put }: { network: Network; put: (network: Network) => void }) {
  const asked = useAsk("networks.unknown_words", { id: network.id });
  const words = asked.value?.items ?? [];
  const [open, mapped] = [words.filter((each) => !meaning(each, network)), words.filter((each) => meaning(each, network))];
  if (!words.length) return null;
  const past = mapped.reduce((sum, each) => sum + each.postbacks, 0);
  return (
    <div class="trouble" role="status">
      {open.length > 0 && (
        <>
          <strong>Words that Weir does not know: they count as hold, so as no money yet</strong>
          <div class="words">
            {open.map((each) => <Unknown key={each.word} word={each} network={network} put={put} />)}
          </div>
        </>
      )}
      {past > 0 && (
        <p>
          {shown(past)} postback{past === 1 ? "" : "s"} with {mapped.map((each) => `“${each.word}”`).join(", ")} came before you said what that means.{" "}
          <a href={href(`/inbox?reprocess=1&network=${network.id}&range=30d`)}>See what would change</a>
        </p>
      )}
    </div>
  );
}

function meaning(each: Word, network: Network): string {
  return network.status_words[each.word.toLowerCase()] ?? each.status;
}

function Unknown({ word: { word, postbacks, example }, network, put }: { word: Word; network: Network; put: (network: Network) => void }) {
  const [status, setStatus] = useState("");
  const save = (): void =>
    void perform("networks.change", { id: network.id, revision: network.revision, status_words: { ...network.status_words, [word.toLowerCase()]: status } }, (made) => {
      put(made);
      note(`From now on “${word}” is a ${status}.`, () => void perform("networks.change", { id: made.id, revision: made.revision, status_words: network.status_words }, put));
    });
  return (
    <div class="row unknown">
      <p><a href={href(`/inbox?open=${example}&range=30d`)}>{word}</a> <span class="dim">in {shown(postbacks)} postback{postbacks === 1 ? "" : "s"}</span></p>
      {may("networks.write") && (
        <>
          <Choose label={`“${word}” is a`} bare value={status} options={[["", "means…"], ...STATUSES]} onPick={setStatus} />
          {may("conversions.write") && <button type="button" class="main" disabled={!status} onClick={() => go(`/inbox?${new URLSearchParams({ reprocess: "1", network: String(network.id), range: "30d", words: spellWords({ [word.toLowerCase()]: status }) })}`)}>See what would change</button>}
          <button type="button" disabled={!status} onClick={save}>Only from now on</button>
        </>
      )}
    </div>
  );
}
