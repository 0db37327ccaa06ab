"""The reference pages say what the code says."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

import msgspec

from appliance.config import Settings, leaves
from appliance.http.public.routes import ROUTES
from appliance.model.rules import Cap, Probe, Schedule, Window
from appliance.model.unexpanded import FORMS
from appliance.operations import reference
from appliance.operations.typescript import typescript
from appliance.reporting.catalogue import DIMENSIONS
from appliance.reporting.metrics import METRICS
from appliance.routing import presets, verdicts
from appliance.routing.aliases import BINOM, KEITARO
from appliance.routing.macros import READERS
from appliance.routing.visit import COST, SOURCE_CLICK_ID
from tests.rig import ROOT


def test_the_configuration_page_lists_every_key_with_its_default_in_order() -> None:
    page = (ROOT / "docs" / "reference" / "configuration.md").read_text()
    listed = re.findall(r"^\| `([\w.]+)` \| `([^`]*)` \| (\S.*) \|$", page, re.MULTILINE)
    true = [(path, json.dumps(value)) for path, value in leaves(msgspec.to_builtins(Settings()))]
    assert [(path, default) for path, default, _ in listed] == true


def http_page() -> str:
    return (ROOT / "docs" / "reference" / "http.md").read_text()


def test_the_http_page_lists_every_public_route() -> None:
    public = http_page().split("## The admin port")[0]
    assert tuple(re.findall(r"^\| `([^`]*)` \|", public.replace("\\|", "|"), re.MULTILINE)) == ROUTES


def test_the_http_page_lists_every_alias() -> None:
    page = " ".join(http_page().split())
    assert ", ".join(SOURCE_CLICK_ID) in page
    assert ", ".join(COST) in page


def test_the_page_of_macros_lists_every_macro_with_its_other_names() -> None:
    page = (ROOT / "docs" / "reference" / "macros.md").read_text()
    rows = re.findall(r"^\| `\{([\w.]+)\}` \| ([^|]+) \| ([^|]*) \| ([^|]*) \|$", page, re.MULTILINE)

    def others(name: str, theirs: Mapping[str, str]) -> list[str]:
        return sorted("{" + other + "}" for other, ours in theirs.items() if ours == name)

    def numbered(name: str) -> bool:
        return re.fullmatch(r"sub([2-9]|\d\d)|utm_.*", name) is not None

    true = [
        (name, others(name, KEITARO), others(name, BINOM))
        for name in [*READERS, "query.NAME"]
        if not numbered(name)
    ]
    said = [(name, *(sorted(re.findall(r"\{\w+\}", cell)) for cell in cells)) for name, _, *cells in rows]
    assert sorted(said) == sorted(true)
    # Numbered ones, and those that are a parameter of the same name, are told in words below.
    told = {name for name, ours in (KEITARO | BINOM).items() if numbered(ours) or ours == f"query.{name}"}
    left = {re.sub(r"\d+$", "", name) for name in told}
    assert {name for name in left if name not in page} == set()


def test_the_page_of_sources_lists_every_form_of_a_macro_and_every_preset() -> None:
    page = (ROOT / "docs" / "reference" / "sources.md").read_text()
    named = {part.splitlines()[0]: part for part in page.split("\n## ")}
    rows = r"^\| `([^`]+)` \| (.*) \|$"
    forms = re.findall(rows, named["Macros that were not filled in"], re.MULTILINE)
    assert [form for form, _ in forms] == [form.example for form in FORMS]
    listed, meanings = named["Presets"].split("In every preset")
    true = [
        (each.name, f"{each.title} | {f'`{each.query}`' if each.query else 'nothing: see below'}")
        for each in presets.ALL
    ]
    assert re.findall(rows, listed, re.MULTILINE) == true
    assert re.findall(rows, meanings, re.MULTILINE) == list(presets.MEANINGS.values())


def test_the_operations_page_is_what_the_registry_says() -> None:
    """Write it anew with `weir operations --markdown > docs/reference/operations.md`."""
    assert (ROOT / "docs" / "reference" / "operations.md").read_text() == reference.reference()


def test_the_screens_know_the_operations_as_the_registry_has_them() -> None:
    """Write it anew with `weir operations --typescript > ui/src/api.ts`."""
    assert (ROOT / "ui" / "src" / "api.ts").read_text() == typescript()


def test_the_reports_page_lists_every_metric_with_its_formula_and_every_dimension() -> None:
    page = (ROOT / "docs" / "reference" / "reports.md").read_text()
    lines = re.findall(r"^\| `.*$", page, re.MULTILINE)
    rows = [tuple(map(str.strip, line.strip("|").split("|"))) for line in lines]
    metrics = [
        (
            f"`{name}`",
            f"`{metric.formula}`" if metric.formula else "sum",
            str(metric.digits) if metric.formula else "",
            ", ".join(word for word, is_so in (("money", metric.money), ("on demand", metric.dear)) if is_so),
            metric.text,
        )
        for name, metric in METRICS.items()
    ]
    dimensions = [
        (f"`{name}`", dimension.text, "yes" if dimension.filterable else "no")
        for name, dimension in DIMENSIONS.items()
    ]
    assert rows == [*metrics, *dimensions]


def test_the_availability_page_lists_every_field_and_word() -> None:
    page = (ROOT / "docs" / "reference" / "availability.md").read_text()
    listed = re.findall(r"^\| `(\w+)`", page, re.MULTILINE)
    schedule = ["timezone", "windows", "first", "last", *Window.__struct_fields__]
    words = [verdicts.DISABLED, verdicts.SCHEDULE, verdicts.CAP, verdicts.UNHEALTHY]
    assert set(schedule) == {*Schedule.__struct_fields__, *Window.__struct_fields__}
    assert listed == [*words, *schedule, *Cap.__struct_fields__, *Probe.__struct_fields__]


def test_the_readme_leads_to_every_reference_page() -> None:
    readme = (ROOT / "README.md").read_text()
    pages = {path.name for path in (ROOT / "docs" / "reference").glob("*.md")}
    assert {name for name in pages if f"docs/reference/{name}" not in readme} == set()


def test_no_document_of_ours_links_to_a_file_that_is_not_there() -> None:
    pages = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
    links = [
        (page, link) for page in pages for link in re.findall(r"\]\(([\w./-]+\.\w+)\)", page.read_text())
    ]
    assert [f"{page.name}: {link}" for page, link in links if not (page.parent / link).exists()] == []


STARTED = re.compile(r'(?:supervise, tree, |\.add\()f?"(\w+?)(?:_?\{|")')
"""What starts an actor under its name, or under one that begins so."""


def test_the_page_of_the_architecture_lists_every_actor() -> None:
    page = (ROOT / "ARCHITECTURE.md").read_text()
    rows = re.findall(r"^\| (edge|core|edge, core) \| ([\w, ]+) \| .* \| .* \|$", page, re.MULTILINE)
    listed = {
        (process, name)
        for where, names in rows
        for process in where.split(", ")
        for name in names.split(", ")
    }
    for process, files in (("edge", ("edge",)), ("core", ("core", "doors", "platforms", "cloud"))):
        text = "".join((ROOT / "appliance" / f"{each}.py").read_text() for each in files)
        started = set(STARTED.findall(text))
        named = {name for where, name in listed if where == process}
        assert {each for each in started if not any(name.startswith(each) for name in named)} == set()
        assert {each for each in named if not any(each.startswith(name) for name in started)} == set()
