"""docs/reference/networks.md lists every preset, profile, field and word, and reads amounts as it says."""

from __future__ import annotations

import re

import pytest

from appliance.attribution import amounts, claim, normalize, presets, profiles, template
from appliance.attribution.amounts import Amount
from appliance.model import places
from appliance.model.money import NOTATIONS, amount
from tests.rig import ROOT

PAGE = (ROOT / "docs" / "reference" / "networks.md").read_text()
WORDS = " ".join(PAGE.split())


def rows(title: str, table: int = 0) -> list[list[str]]:
    """The cells of a section's table, without its head."""
    section = PAGE.split(f"\n## {title}\n")[1].split("\n## ")[0]
    found = re.findall(r"(?:^\|.*\|$\n?)+", section, re.MULTILINE)[table]
    lines = [re.split(r"(?<!\\)\|", line)[1:-1] for line in found.splitlines()]
    return [[cell.strip().replace("\\|", "|") for cell in line] for line in lines[2:]]


def plain(cell: str) -> str:
    return cell.strip("`")


def test_it_lists_every_preset_with_what_to_paste_where() -> None:
    said = [[plain(cell) for cell in row] for row in rows("Presets")]
    true = [[it.name, it.title, it.paste, it.query or ("✎" if it.polled else "✉")] for it in presets.ALL]
    assert said == true


def test_it_lists_every_profile_with_its_names() -> None:
    said = [[plain(row[0]), row[1], row[2]] for row in rows("Profiles")]
    true = [
        [it.name, it.title, "; ".join(f"{field}: {', '.join(names)}" for field, names in it.mapping.items())]
        for it in profiles.ALL
    ]
    assert said == true


def test_it_lists_every_field_with_its_usual_names() -> None:
    said = {
        plain(row[0]): tuple(re.findall(r"`([^`]+)`", row[1])) for row in rows("Where a value is found", 1)
    }
    assert said == dict(template.ALIASES)


def test_it_lists_every_status_word() -> None:
    said = {word: plain(row[0]) for row in rows("Status words") for word in row[1].split(", ")}
    assert said == dict(normalize.WORDS)


def reading(text: str, notation: str = "") -> str:
    found = amounts.read(text, notation)
    if not isinstance(found, Amount):
        return "refused"
    return " ".join([str(amount(found.value)), *found.units[:1]])


@pytest.mark.parametrize("row", rows("Amounts"), ids=lambda row: row[0])
def test_an_amount_is_read_as_it_says(row: list[str]) -> None:
    assert reading(plain(row[0])) == row[1]


def test_a_notation_reads_as_it_says() -> None:
    table = {plain(row[0]): row[1:] for row in rows("Amounts", 1)}
    assert table == {f"={it}": [reading(text, it) for text in ("1.234", "1,234", "1234")] for it in NOTATIONS}


def test_its_numbers_and_examples_are_those_of_the_code() -> None:
    assert f"A path has {places.DEEPEST} steps at most" in WORDS
    assert f"more than {claim._LONGEST_AGO_US // claim._DAY_US} days before its arrival" in WORDS
    for macro in ("[s2]", "%%payout%%", "{sub-id}", "%7Bpayout%7D"):
        assert f"`{macro}`" in WORDS
        assert template.is_macro(macro)
