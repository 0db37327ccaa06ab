"""docs/reference/identity.md says what is sealed, for how long, and what platforms are told of a click."""

from __future__ import annotations

import re

from appliance.config import Retention
from appliance.http.public.script import SOURCE
from appliance.routing.platform_clicks import CONSENT, COOKIES, IDS, LONGEST_CONSENT, LONGEST_ID
from appliance.stores.identity_keys import FOLDER
from tests.rig import ROOT

PAGE = (ROOT / "docs" / "reference" / "identity.md").read_text()
WORDS = " ".join(PAGE.split())


def cell(name: str) -> set[str]:
    (row,) = re.findall(rf"^\| {name} \| (.*) \|$", PAGE, re.MULTILINE)
    return set(re.findall(r"`([^`]+)`", row.split(" of the query")[0]))


def test_it_lists_the_parameters() -> None:
    assert cell("ids") == IDS
    assert cell("consent") == set(CONSENT)
    assert f"more than {LONGEST_ID} characters" in WORDS and f"the first {LONGEST_CONSENT} are" in WORDS


def test_it_lists_the_cookies_that_the_script_sends_too() -> None:
    assert set(re.findall(r"`(_[a-z]+)`", cell_of_a_click())) == set(COOKIES)
    assert set(re.findall(r'cookie\("(_\w+)"\)', SOURCE)) == set(COOKIES)


def cell_of_a_click() -> str:
    (row,) = re.findall(r"^\| a click \| (.*) \|$", PAGE, re.MULTILINE)
    return str(row)


def test_it_names_the_folder_and_the_days() -> None:
    assert f"`{FOLDER}/` below the data directory" in WORDS
    assert f"`retention.identity_days` ago ({Retention().identity_days} by default)" in WORDS
