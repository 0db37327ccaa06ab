/** An account as a form: which platform, what opens it, how fast it may be asked. */

import { useState } from "preact/hooks";
import type { AdAccount, Api } from "../../api";
import { useAsk } from "../../ask";
import { attempt, patch, perform } from "../../editing";
import { Editor } from "../../parts/editor";
import { Choose, Text, Whole } from "../../parts/form";
import { note } from "../../parts/notes";
import { MASK, SecretText } from "./secret-edit";
import { exampleOfSetting, known, PLATFORM_NAMES, type PlatformName, titleOf, wordsOfSetting } from "./words";

const KEPT = ["name", "platform", "token", "settings", "requests_per_minute"] as const;
type Draft = Pick<AdAccount, (typeof KEPT)[number]>;
type Change = Api["ad_accounts.change"]["request"];

const EMPTY: Draft = { name: "", platform: "meta", token: "", settings: {}, requests_per_minute: 600 };
const WORDS: Readonly<Record<keyof Draft, string>> = { name: "name", platform: "platform", token: "token", settings: "settings", requests_per_minute: "requests a minute" };

function draftOf(account: AdAccount): Draft {
  return Object.fromEntries(KEPT.map((key) => [key, account[key]])) as Draft;
}

export function AccountEditor({ account, saved, onClose }: { account?: AdAccount; saved: (account: AdAccount) => void; onClose: () => void }) {
  const before = account ? draftOf(account) : EMPTY;
  const [draft, setDraft] = useState(before);
  const put = (made: Partial<Draft>): void => setDraft((held) => ({ ...held, ...made }));
  const changes = patch(before, draft);
  const platform = known(draft.platform);
  const facts = useAsk("ad_accounts.platforms", {}).value?.items.find((each) => each.name === draft.platform);
  const settings = facts ? [...facts.needs, ...facts.optional] : [];
  const others = Object.keys(draft.settings).filter((name) => !settings.includes(name));
  const setting = (name: string, text: string): void => put({ settings: Object.fromEntries(Object.entries({ ...draft.settings, [name]: text.trim() }).filter(([, value]) => value)) });
  const save = () =>
    account
      ? attempt("ad_accounts.change", { id: account.id, revision: account.revision, ...changes } as Change, (answer) => {
          saved(answer);
          const { token, settings, ...back } = patch(draft, before);
          // What a secret was before, nobody knows any more.
          note(`${titleOf(answer)} is saved.`, token !== undefined || settings !== undefined ? undefined : () => void perform("ad_accounts.change", { id: answer.id, revision: answer.revision, ...back } as Change, saved));
        })
      : attempt("ad_accounts.create", draft as Api["ad_accounts.create"]["request"], (answer) => {
          saved(answer);
          note(`${titleOf(answer)} is made. It is in dry run: nothing is sent yet.`);
        });
  return (
    <Editor title={account ? `Edit ${titleOf(account)}` : "New account"} wide changed={Object.keys(changes).map((key) => WORDS[key as keyof Draft])} save={save} onClose={onClose} saveWords={account ? "Save" : "Make it"}>
      <div class="fields">
        {account ? <div class="item"><span class="dim">Platform</span><strong>{platform.title}</strong></div> : <Choose label="Platform" path="platform" value={draft.platform} options={PLATFORM_NAMES.map((each) => [each, known(each).title] as const)} onPick={(name) => put({ platform: name as PlatformName, settings: {} })} />}
        <Text label="Name" path="name" value={draft.name} placeholder={platform.title} onText={(name) => put({ name })} />
      </div>
      <SecretText label={facts && !facts.needs_token ? `${platform.token}, if any` : platform.token} path="token" value={draft.token} stored={before.token === MASK} optional hint={`${platform.where} It is kept encrypted and never shown again.`} onValue={(token) => put({ token })} />
      {facts?.experimental && <p class="trouble" role="note">Experimental: what {platform.title} demands could not be verified by us. Watch its own figures.</p>}
      {settings.length + others.length > 0 && (
        <div class="fields">
          {[...settings, ...others].map((name) => {
            const around = { label: facts?.needs.includes(name) ? wordsOfSetting(name) : `${wordsOfSetting(name)}, if any`, path: `settings.${name}`, value: draft.settings[name] ?? "" };
            return facts?.secret_settings.includes(name)
              ? <SecretText key={name} {...around} stored={before.settings[name] === MASK} optional example={exampleOfSetting(name)} hint="Kept encrypted." onValue={(text) => setting(name, text)} />
              : <Text key={name} {...around} mono placeholder={exampleOfSetting(name)} onText={(text) => setting(name, text)} />;
          })}
        </div>
      )}
      <Whole label="Requests a minute at most" path="requests_per_minute" value={draft.requests_per_minute} onNumber={(requests_per_minute) => put({ requests_per_minute })} class="short" />
      {!account && <p class="dim">It begins in dry run: events are made and checked, and nothing is sent until you say so.</p>}
    </Editor>
  );
}
