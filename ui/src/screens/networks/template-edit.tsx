/** A template as a form: in which parameters a network sends each field. */

import { useState } from "preact/hooks";
import type { Template } from "../../api";
import { useAsk } from "../../ask";
import { attempt, patch, perform } from "../../editing";
import { Editor } from "../../parts/editor";
import { Choose, Text } from "../../parts/form";
import { note } from "../../parts/notes";
import { Values } from "../../parts/values";
import { FIELDS, USUAL } from "./words";

type Draft = Pick<Template, "name" | "mapping">;
const WORDS: Readonly<Record<keyof Draft, string>> = { name: "name", mapping: "mapping" };

interface Props {
  template?: Template;
  saved: (template: Template) => void;
  onClose: () => void;
}

export function TemplateEditor({ template, saved, onClose }: Props) {
  const before: Draft = template ? { name: template.name, mapping: template.mapping } : { name: "", mapping: {} };
  const [draft, setDraft] = useState(before);
  const changes = patch(before, draft);
  const rows = Object.entries(draft.mapping);
  const free = Object.keys(FIELDS).filter((field) => !(field in draft.mapping));
  const put = (mapping: Record<string, string[]>): void => setDraft((held) => ({ ...held, mapping }));
  const save = () =>
    template
      ? attempt("templates.change", { id: template.id, revision: template.revision, ...changes }, (answer) => {
          saved(answer);
          note(`${answer.name} is saved.`, () => void perform("templates.change", { id: answer.id, revision: answer.revision, ...before }, saved));
        })
      : attempt("templates.create", draft, (answer) => (saved(answer), note(`${answer.name} is made. Choose it in a network's settings.`)));
  return (
    <Editor title={template ? `Edit ${template.name}` : "New template"} wide changed={Object.keys(changes).map((key) => WORDS[key as keyof Draft])} save={save} onClose={onClose} saveWords={template ? "Save" : "Make it"}>
      <Text label="Name" path="name" value={draft.name} onText={(name) => setDraft((held) => ({ ...held, name }))} />
      {!template && <Profiles begin={(name, mapping) => setDraft((held) => ({ name: held.name || name, mapping }))} />}
      <h3>Where each field stands in its postbacks</h3>
      <p class="dim">A parameter's name, a JSON path such as <code>$.order.total</code>, or a constant such as <code>=USD</code>. The first that has a value counts; a field that is not here is read from its usual names.</p>
      {rows.map(([field, names]) => (
        <div class="block" key={field}>
          <p class="row"><strong>{field}</strong><span class="dim grow">{FIELDS[field] ?? ""}</span><button type="button" class="quiet" aria-label={`Remove ${field}`} onClick={() => put(Object.fromEntries(rows.filter(([each]) => each !== field)))}>×</button></p>
          <Values label={`Parameters with ${field}`} path={`mapping.${field}`} values={names} placeholder={`usually ${USUAL[field] ?? field}; then Enter`} onValues={(made) => put({ ...draft.mapping, [field]: made })} />
        </div>
      ))}
      {free.length > 0 && <Choose label="Map a field" value="" options={[["", "choose one…"], ...free.map((field) => [field, `${field}: ${FIELDS[field]}`] as const)]} onPick={(field) => field && put({ ...draft.mapping, [field]: [] })} />}
    </Editor>
  );
}

/** Postback URLs that were made for another tracker go on working with its names. */
function Profiles({ begin }: { begin: (name: string, mapping: Record<string, string[]>) => void }) {
  const asked = useAsk("templates.profiles", {});
  const [chosen, choose] = useState("");
  const all = asked.value?.items ?? [];
  const found = all.find((each) => each.name === chosen);
  const pick = (name: string): void => {
    choose(name);
    const profile = all.find((each) => each.name === name);
    if (profile) begin(profile.title, profile.mapping);
  };
  return <Choose label="Begin with the names of" value={chosen} options={[["", "none: the usual ones"], ...all.map((each) => [each.name, each.title] as const)]} hint={found?.note ?? "for postback URLs that were made for another tracker"} onPick={pick} />;
}
