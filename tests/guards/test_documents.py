"""The reference pages say what the code says."""

from __future__ import annotations

import json
import re

import msgspec

from appliance.config import Settings, leaves
from appliance.http.public.routes import ROUTES
from appliance.operations import reference
from appliance.operations.typescript import typescript
from appliance.reporting.catalogue import DIMENSIONS
from appliance.reporting.metrics import METRICS
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


def test_the_http_page_lists_every_alias_and_macro() -> None:
    page = " ".join(http_page().split())
    assert ", ".join(SOURCE_CLICK_ID) in page
    assert ", ".join(COST) in page
    for name in READERS:
        numbered = re.fullmatch(r"sub\d+|utm_\w+", name)
        assert numbered or "{" + name + "}" in page, name


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
