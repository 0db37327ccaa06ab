"""docs/reference/facts.md says what the code says."""

from __future__ import annotations

import re

from appliance.routing.agents import DEVICE_TYPES
from appliance.routing.detection import ALIASES
from appliance.routing.facts import DETECTED, READERS
from appliance.routing.referrers import SEARCH_ENGINES
from appliance.stores.geo import CONNECTION_TYPES, LAYOUTS
from tests.rig import ROOT

PAGE = (ROOT / "docs" / "reference" / "facts.md").read_text("utf-8")


def rows(heading: str) -> list[list[str]]:
    """The cells of the table below a heading of the first row."""
    part = PAGE.split(f"| {heading} |", 1)[1].split("\n\n", 1)[0]
    return [[cell.strip() for cell in line.strip("| ").split("|")] for line in part.splitlines()[2:]]


def quoted(text: str) -> list[str]:
    return re.findall(r"`([^`]+)`", text)


def test_every_fact_has_its_row_in_order() -> None:
    listed = [name for first, *_ in rows("fact | values | where from") for name in quoted(first)]
    listed.remove("sub1")
    where = listed.index("sub30")
    listed[where : where + 1] = [f"sub{number}" for number in range(1, 31)]
    assert listed[-2:] == ["query.NAME", "header.NAME"]
    assert set(listed[:-2]) == set(READERS)
    assert tuple(listed[: len(DETECTED)]) == DETECTED


def test_the_values_of_facts_with_few_of_them_are_listed() -> None:
    values = {
        quoted(first)[0]: tuple(quoted(given)) for first, given, _ in rows("fact | values | where from")
    }
    assert values["device_type"] == DEVICE_TYPES
    assert values["connection_type"] == CONNECTION_TYPES
    engines = PAGE.split("Search engines: ", 1)[1].split("\n\n", 1)[0]
    assert tuple(quoted(engines)) == SEARCH_ENGINES


def test_every_alias_and_layout_is_listed() -> None:
    said = {quoted(first)[0]: tuple(quoted(names)) for first, names in rows("fact | parameters")}
    assert said == ALIASES
    assert [quoted(first)[0] for first, _ in rows("layout | files")] == list(LAYOUTS)
