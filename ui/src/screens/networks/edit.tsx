/** A network as a form: who it is, what proves it, what its words mean, what becomes of a second postback. */

import { useState } from "preact/hooks";
import type { Api, Network } from "../../api";
import { useAll } from "../../all";
import { attempt, patch, perform } from "../../editing";
import { Editor } from "../../parts/editor";
import { Choose, Text } from "../../parts/form";
import { note } from "../../parts/notes";
import { may } from "../../session";
import { DoorEdit } from "./door-edit";
import { remember } from "./fresh";
import { Pairs, record } from "./pairs";
import { RulesEdit } from "./rules-edit";
import { STATUSES } from "./words";

const KEPT = ["name", "slug", "template_id", "currency", "secrets", "allow", "signature", "reply", "status_words", "duplicates", "duplicates_by_type", "claim_by", "transitions", "unknown_click", "click_wait_hours", "layout"] as const;

/** `secret` is only ever sent: undefined leaves the one that is set. Those of `secrets` are masks, which may be sent back. */
export type Draft = Pick<Network, (typeof KEPT)[number]> & { secret?: string | undefined };

const EMPTY: Draft = {
  name: "", slug: "", template_id: null, currency: "", secrets: [], allow: [], signature: "", reply: "", status_words: {},
  duplicates: "edit", duplicates_by_type: {}, claim_by: [], transitions: {}, unknown_click: "wait", click_wait_hours: null, layout: "",
}; // prettier-ignore
const WORDS: Readonly<Record<keyof Draft, string>> = {
  name: "name", slug: "slug", template_id: "template", currency: "currency", secret: "secret", secrets: "further secrets", allow: "addresses", signature: "signature", reply: "answer",
  status_words: "status words", duplicates: "further postbacks", duplicates_by_type: "further postbacks by type", claim_by: "what is a conversion", transitions: "transitions", unknown_click: "unknown clicks", click_wait_hours: "wait", layout: "layout",
}; // prettier-ignore

function draftOf(network: Network): Draft {
  return Object.fromEntries(KEPT.map((key) => [key, network[key]])) as Draft;
}

interface Props {
  network?: Network;
  saved: (network: Network) => void;
  onClose: () => void;
}

export function NetworkEditor({ network, saved, onClose }: Props) {
  const before = network ? draftOf(network) : EMPTY;
  const [draft, setDraft] = useState(before);
  const [words, setWords] = useState<readonly (readonly [string, string])[]>(Object.entries(before.status_words));
  const templates = useAll("templates", may("templates.read") ? {} : false);
  const put = (made: Partial<Draft>): void => setDraft((held) => ({ ...held, ...made }));
  const changes = patch(before, draft);
  const told = (answer: Network): void => {
    if (draft.secret) remember(answer.id, draft.secret);
    saved(answer);
  };
  const save = () =>
    network
      ? attempt("networks.change", { id: network.id, revision: network.revision, ...changes } as Api["networks.change"]["request"], (answer) => {
          told(answer);
          const { secret, secrets, ...back } = patch(draft, before);
          // What a secret was before, nobody knows any more.
          note(`${answer.name} is saved.`, secret !== undefined || secrets !== undefined ? undefined : () => void perform("networks.change", { id: answer.id, revision: answer.revision, ...back } as Api["networks.change"]["request"], saved));
        })
      : attempt("networks.create", { name: draft.name, slug: draft.slug, ...changes } as Api["networks.create"]["request"], (answer) => (told(answer), note(`${answer.name} is made.`)));
  return (
    <Editor title={network ? `Edit ${network.name || network.slug}` : "New network"} wide changed={Object.keys(changes).map((key) => WORDS[key as keyof Draft])} save={save} onClose={onClose} saveWords={network ? "Save" : "Make it"}>
      <div class="fields">
        <Text label="Name" path="name" value={draft.name} onText={(name) => put({ name, ...(!network && draft.slug === slugOf(draft.name) ? { slug: slugOf(name) } : {}) })} />
        <Text label="Slug: /pb/…" path="slug" mono value={draft.slug} placeholder="some-network" onText={(slug) => put({ slug: slug.trim() })} />
        <Text label="Its currency" path="currency" value={draft.currency} placeholder="USD" hint="where it names none" onText={(text) => put({ currency: text.trim().toUpperCase() })} class="short" />
      </div>
      <Choose label="How it names what it sends" path="template_id" value={String(draft.template_id ?? "")} options={[["", "the usual names"], ...(templates.value ?? []).map((each) => [String(each.id), each.name || `template ${each.id}`] as const)]} onPick={(id) => put({ template_id: Number(id) || null })} />
      <Choose label="Its postbacks are also interpreted events in the layout of" path="layout" value={draft.layout} options={[["", "none: conversions only"], ["tonic", "Tonic"], ["crossroads", "Crossroads"], ["sedo", "Sedo"]]} onPick={(layout) => put({ layout: layout as Draft["layout"] })} />
      <h3>What its status words mean</h3>
      <Pairs rows={words} path="status_words" text="Its word" means="Is a" options={STATUSES} placeholder="qualified" fresh={["", "sale"]} add="Add a word" none="None of its own: approved, pending, rejected and the like are known."
             onRows={(rows) => (setWords(rows), put({ status_words: record(rows) }))} />
      <h3>What proves that it is the network</h3>
      <DoorEdit network={network} draft={draft} put={put} />
      <h3>What becomes of further postbacks</h3>
      <RulesEdit draft={draft} put={put} />
    </Editor>
  );
}

function slugOf(name: string): string {
  return name.toLowerCase().normalize("NFKD").replace(/[^a-z0-9]+/g, "-").replace(/^-+|-+$/g, "").slice(0, 60);
}
