"""docs/reference/rules.md names every operator, and every number that it states is the code's."""

from __future__ import annotations

import re
from typing import get_args

from appliance.model.rules import Operator
from appliance.operations.lists import Given
from appliance.routing import entries, lists, operators, patterns, rules
from appliance.routing.compile import MAX_RULES, MAX_RULES_IN_ALL
from tests.rig import ROOT

PAGE = (ROOT / "docs/reference/rules.md").read_text()


def test_every_operator_stands_in_the_table_and_no_other() -> None:
    table = PAGE.split("## Operators")[1].split("\n\n")[1]
    first_cells = [line.split("|")[1] for line in table.splitlines()[2:]]
    named = [name for cell in first_cells for name in re.findall(r"`(\w+)`", cell)]
    assert sorted(named) == sorted(get_args(Operator))


def test_the_numbers_are_the_codes() -> None:
    flat = " ".join(PAGE.split())
    for stated in (
        f"go {rules.DEEPEST} deep",
        f"at most {MAX_RULES} rules and {MAX_RULES_IN_ALL} with",
        f"up to {operators.MAX_VALUES:,} texts",
        f"first {patterns.SUBJECT:,} bytes",
        f"entries of {lists.LONGEST_ENTRY} characters",
        f"Of masks, {entries.MOST_ALIKE} at most",
        f"{entries.MOST_SHORT} may have no three",
    ):
        assert stated in flat, stated
    assert lists.MOST_ENTRIES == 1_000_000 and "up to a million entries" in flat
    assert {"text", "uploads"} <= set(Given.__struct_fields__)
