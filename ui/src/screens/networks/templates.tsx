/** Templates: how networks name what they send; each used by any number of networks. */

import { useEffect } from "preact/hooks";
import type { Network, Template } from "../../api";
import { useAll } from "../../all";
import { perform } from "../../editing";
import { offer } from "../../keys";
import { note } from "../../parts/notes";
import { Panel } from "../../parts/panel";
import { type Column, Table } from "../../parts/table";
import { shown } from "../../parts/number";
import { usePicking } from "../../picking";
import { href, param, set } from "../../route";
import { may } from "../../session";
import { Tabs } from "./networks";
import { TemplateEditor } from "./template-edit";
import { FIELDS, USUAL } from "./words";

interface Line {
  template: Template;
  users: readonly Network[];
}

export function Templates() {
  const all = useAll("templates", may("templates.read") ? {} : false);
  const networks = useAll("networks");
  const wanted = param("search").trim().toLowerCase();
  const lines = (all.value ?? [])
    .filter((template) => `${template.name} ${template.id}`.toLowerCase().includes(wanted))
    .map((template): Line => ({ template, users: (networks.value ?? []).filter((each) => each.template_id === template.id) }))
    .sort((a, b) => a.template.name.localeCompare(b.template.name)); // prettier-ignore
  const open = Number(param("open")) || null;
  const chosen = lines.find((line) => line.template.id === open);
  const editing = param("edit");
  const [picked] = usePicking(lines, (line) => set({ open: String(line.template.id), edit: null }));
  const write = may("templates.write");
  useEffect(() => (write ? offer({ keys: "n", words: "New template", run: () => set({ open: null, edit: "new" }) }) : undefined), [write]);
  const saved = (template: Template): void => (all.put(template), set({ edit: null, open: String(template.id) }));
  return (
    <>
      <header class="head">
        <h1>Templates</h1>
        <span class="dim">{all.value && shown(lines.length)}</span>
        {write && <button type="button" class="main" onClick={() => set({ open: null, edit: "new" })}>New template</button>}
      </header>
      <div class="tools" role="search">
        <Tabs />
        <input type="search" aria-label="Filter by name" placeholder="Name" value={param("search")} onInput={(event) => set({ search: event.currentTarget.value }, true)} />
      </div>
      {all.value && !lines.length ? (
        <section class="teach">
          <h2>{wanted ? "No template is called that" : "No templates yet"}</h2>
          <p>A template says in which parameters a network sends the click id, the amount and so on. One is needed only where a network's names are not the usual ones: {USUAL["click_id"]}; {USUAL["payout"]}.</p>
        </section>
      ) : (
        <Table caption="Templates" columns={COLUMNS} rows={lines} keyOf={(line) => line.template.id} open={open} onOpen={(line) => set({ open: String(line.template.id), edit: null })} picked={picked} stale={!all.value} />
      )}
      {editing === "new" && <TemplateEditor saved={saved} onClose={() => set({ edit: null })} />}
      {chosen && editing === "1" && <TemplateEditor key={chosen.template.revision} template={chosen.template} saved={saved} onClose={() => set({ edit: null })} />}
      {chosen && !editing && <TemplatePanel key={chosen.template.id} line={chosen} drop={all.drop} />}
    </>
  );
}

const COLUMNS: Column<Line>[] = [
  { key: "name", head: "Name", show: ({ template }) => <a class="name" href={href(`/networks?of=templates&open=${template.id}`)}>{template.name || `Template ${template.id}`}</a> },
  { key: "maps", head: "Maps", roomy: true, show: ({ template }) => <span class="dim">{Object.keys(template.mapping).join(", ") || "nothing: the usual names"}</span> },
  { key: "used", head: "Used by", show: ({ users }) => users.map((each) => each.name || each.slug).join(", ") || <span class="zero">nobody</span> },
];

export function Mapping({ mapping }: { mapping: Template["mapping"] }) {
  const fields = [...new Set([...Object.keys(mapping), ...Object.keys(USUAL)])];
  return (
    <table class="mapping">
      <caption class="unseen">Where each field stands</caption>
      <thead><tr><th scope="col">Field</th><th scope="col">Is read from</th><th scope="col">Which is</th></tr></thead>
      <tbody>
        {fields.map((field) => <tr key={field}><td>{field}</td><td>{mapping[field] ? <code>{mapping[field].join(", ") || "nothing"}</code> : <span class="dim">{USUAL[field]}</span>}</td><td class="dim">{FIELDS[field] ?? ""}</td></tr>)}
      </tbody>
    </table>
  );
}

function TemplatePanel({ line: { template, users }, drop }: { line: Line; drop: (id: number) => void }) {
  const archive = (): void =>
    void perform("templates.archive", { id: template.id, revision: template.revision }, (gone) => {
      drop(gone.id);
      set({ open: null });
      note(`${gone.name} is archived.`, () => void perform("templates.restore", { id: gone.id }, () => set({ open: String(gone.id) })));
    });
  return (
    <Panel title={template.name || `Template ${template.id}`} wide onClose={() => set({ open: null })}>
      <p class="row"><span class="dim grow">#{template.id} · revision {template.revision}</span>{may("templates.write") && <button type="button" onClick={() => set({ edit: "1" })}>Edit</button>}</p>
      <h3>Where each field stands in its postbacks</h3>
      <Mapping mapping={template.mapping} />
      <h3>Used by</h3>
      {users.length ? <ul class="plainly">{users.map((each) => <li key={each.id}><a href={href(`/networks?open=${each.id}`)}>{each.name || each.slug}</a></li>)}</ul> : <p class="dim">Nobody: choose it in a network's settings.</p>}
      {may("templates.write") && !users.length && <p><button type="button" class="loses" onClick={archive}>Archive</button></p>}
    </Panel>
  );
}
