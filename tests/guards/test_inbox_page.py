"""docs/reference/inbox.md says what the inbox and reprocessing do."""

from __future__ import annotations

import re
from typing import get_args, get_type_hints

from appliance.attribution.history import MOST as MOST_HISTORY
from appliance.inbox import MOST
from appliance.model.events import PostbackLogEvent
from appliance.operations.records import Outcome
from appliance.reporting.inbox import NO_CLICK_ID
from tests.rig import ROOT

PAGE = (ROOT / "docs" / "reference" / "inbox.md").read_text()
WORDS = " ".join(PAGE.split())


def test_it_lists_every_stage_and_outcome() -> None:
    rows = re.findall(r"^\| `(\w+)` \| [^|]+ \|$", PAGE, re.MULTILINE)
    stages = get_args(get_type_hints(PostbackLogEvent)["stage"])
    assert tuple(rows) == (*stages, *get_args(Outcome))


def test_its_numbers_are_those_of_the_code() -> None:
    assert f"At most {MOST:,} postbacks" in WORDS
    assert f"more than {MOST_HISTORY}." in WORDS


def test_what_the_door_says_of_a_missing_click_id_is_what_reprocessing_looks_for() -> None:
    assert f'f"{NO_CLICK_ID}: ' in (ROOT / "appliance" / "http" / "public" / "postback.py").read_text()
