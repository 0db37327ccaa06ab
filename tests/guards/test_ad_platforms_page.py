"""docs/reference/ad-platforms.md lists every platform, event, macro and label as the code has them."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

import pytest

from appliance.config import Settings
from appliance.partners import consent, feeds, interpreted, mapping, platform
from appliance.partners.announcing import TRAFFIC_SOURCES
from appliance.partners.platform import DAY
from appliance.partners.roster import PLATFORMS
from tests.rig import ROOT

PAGE = (ROOT / "docs" / "reference" / "ad-platforms.md").read_text()


def rows(title: str, table: int = 0) -> list[list[str]]:
    """The cells of a section's table, without its head."""
    section = PAGE.split(f"\n## {title}\n")[1].split("\n## ")[0]
    found = re.findall(r"(?:^\|.*\|$\n?)+", section, re.MULTILINE)[table]
    return [[cell.strip() for cell in line.split("|")[1:-1]] for line in found.splitlines()[2:]]


def named(names: tuple[str, ...], secret: tuple[str, ...] = ()) -> str:
    return ", ".join(f"`{name}`" + (" ✎" if name in secret else "") for name in names) or "–"


def yes(it: bool) -> str:
    return "yes" if it else "no"


def test_it_lists_every_platform() -> None:
    true = []
    for name, it in PLATFORMS.items():
        days = [f"{us // DAY}" if us else "–" for us in (it.limits.window_us, it.limits.dedupe_us)]
        sources = tuple(each for each, of in TRAFFIC_SOURCES.items() if of == name)
        true.append([
            f"`{name}`", f"{it.limits.batch:,}", *days, named(it.click_parameters), yes(it.needs_token),
            named(it.needs), named(it.optional, it.secret_settings), it.trial, it.tests,
            yes(it.experimental),
            named(sources),
        ])  # fmt: skip
    assert rows("Platforms") == true


def test_it_lists_the_usual_rows() -> None:
    usual = [("–", row) for row in mapping.DEFAULT_CONVERSIONS] + [
        (network or "every other", row) for network, of in mapping.DEFAULT_INTERPRETED.items() for row in of
    ]
    true = [
        [
            network, row.when, ", ".join(row.statuses) or "–", f"`{row.event_name}`", row.count, row.value,
            ", ".join(f"`{name}`: `{text}`" for name, text in row.custom.items()) or "–",
        ]
        for network, row in usual
    ]  # fmt: skip
    assert rows("What is told") == true
    plain = named(tuple(name for name, it in PLATFORMS.items() if it.only_conversions))
    assert f"Where each event counts as a conversion ({plain}), rows without a value are left out" in PAGE


def test_it_lists_what_each_platform_calls_an_event() -> None:
    those = [it for it in PLATFORMS.values() if it.names]
    assert f"| event | {' | '.join(f'`{it.name}`' for it in those)} |" in PAGE
    true = [
        [f"`{event}`", *(f"`{it.names[event]}`" if event in it.names else "–" for it in those)]
        for event in mapping.STANDARD
        if any(event in it.names for it in those)
    ]
    assert rows("What is told", 1) == true
    for it in those:
        assert set(it.names) <= set(mapping.STANDARD)


def test_it_lists_every_macro() -> None:
    assert rows("What is told", 2) == [
        [f"`{{{name}}}`", meaning] for name, meaning in mapping.INTERPRETED_MACROS.items()
    ]


def test_it_says_what_each_platform_makes_of_a_limited_event() -> None:
    assert [row[0] for row in rows("Consent")] == [f"`{name}`" for name in PLATFORMS]
    section = Settings().consent
    assert set(section.limited_countries) == {"EEA", "GB", "CH"} == set(consent.Defaults().limited)
    assert section.denied_countries == () == consent.Defaults().denied
    assert section.elsewhere == "granted" == consent.Defaults().elsewhere


def constants() -> set[str]:
    """Labels that have a name of their own."""
    names = (
        "NO_CLICK", "IN_THE_FUTURE", "NO_CONSENT", "NO_VALUE", "UNAUTHORIZED", "TOO_MANY", "UNAVAILABLE",
        "UNANSWERED", "INVALID", "REFUSED", "NOT_RECONCILED", "MAY_HAVE_BEEN_COUNTED", "NOT_MADE", "NO_PIXEL",
        "FETCHED", "DRY_RUN", "TEST_EVENT",
    )  # fmt: skip
    found = {str(getattr(platform, name)) for name in names}
    found |= {feeds.CLOSED, feeds.LISTED}
    return found | {interpreted.INVALID_PIXEL, interpreted.TOO_OLD, interpreted.NOT_REPORTABLE}


def said(node: ast.AST) -> Iterator[str]:
    """Texts within an expression that are labels by their shape."""
    for each in ast.walk(node):
        if isinstance(each, ast.Constant) and isinstance(each.value, str) and re.match("[A-Z]", each.value):
            yield each.value


def of_files() -> set[str]:
    """Labels that stand in a platform's file alone: its `_EVENT`, what `check` returns, a verdict's second
    argument, and constants of the module that a check names."""
    found: set[str] = set()
    for path in sorted((ROOT / "appliance" / "partners" / "platforms").glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            match node:
                case ast.AnnAssign(target=ast.Name("_EVENT"), value=ast.Dict(values=values)):
                    found |= {label for each in values for label in said(each)}
                case ast.Assign(targets=[ast.Name("NO_PERSON")], value=value):
                    found |= set(said(value))
                case ast.FunctionDef(name="check"):
                    returned = [each for each in ast.walk(node) if isinstance(each, ast.Return)]
                    found |= {label for each in returned for label in said(each)}
                case ast.Call(func=ast.Name("Verdict" | "so"), args=[_, label, *_]):
                    found |= set(said(label))
    return found


def test_it_lists_every_label() -> None:
    listed = {row[0].strip("`") for row in rows("Labels")}
    assert len(of_files()) >= 12  # the search finds what it is for
    assert listed == constants() | of_files()


def test_it_lists_the_columns_of_the_feed() -> None:
    section = PAGE.split("\n## Google without approval\n")[1].split("\n## ")[0]
    columns = section.split("Its columns:\n\n")[1].split("\n\n")[0]
    assert tuple(re.findall("`([^`]+)`", columns)) == feeds.COLUMNS
    assert f"{feeds.MOST_ROWS:,} at most" in section and f"{feeds.WINDOW // DAY} days" in section


@pytest.mark.parametrize(
    "operation",
    ["ad_accounts.reseal", "ad_accounts.renew_intake_token", "pixels.preview", "ad_accounts.test"],
)
def test_it_names_the_operations(operation: str) -> None:
    assert f"`{operation}`" in PAGE
