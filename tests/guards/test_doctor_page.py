"""docs/reference/doctor.md says what the doctor finds, with the numbers of the code."""

from __future__ import annotations

import re

from appliance.attribution import doctor, rhythm
from appliance.attribution.ailments import AILMENTS
from appliance.degraded import RECENT_US
from tests.rig import ROOT

PAGE = (ROOT / "docs" / "reference" / "doctor.md").read_text()
WORDS = " ".join(PAGE.split())
HOUR_US, DAY_US = rhythm.HOUR_US, doctor.DAY_US


def test_it_lists_every_finding_and_which_are_grave() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (?:network|campaign) \| (yes)? ?\| [^|]+ \|$", PAGE, re.MULTILINE)
    assert rows == [(code, "yes" if it.grave else "") for code, it in AILMENTS.items()]


def test_its_numbers_are_those_of_the_code() -> None:
    assert f"the last {doctor.REFUSED_IN_A_ROW} postbacks, or more, were refused" in WORDS
    assert f"with {doctor.ROW_US // DAY_US} days at most between two" in WORDS
    hours = doctor.UNKNOWN_FOR_US // HOUR_US
    assert f"the last {doctor.UNKNOWN_IN_A_ROW}, or more, over {hours} hours, never" in WORDS
    assert f"{doctor.FEWEST_VIEWS:,} views in {doctor.LANDING_DAYS} days, or more" in WORDS
    assert f"At most {doctor.MOST_ALIKE} of a code" in WORDS
    assert f"and {doctor.MOST:,} in all. A finding goes {doctor.KEPT_US // DAY_US} days after" in WORDS
    assert f"a landing page for {doctor.LANDING_DAYS} days" in WORDS
    assert f"until {doctor.KEPT_MUTED_US // DAY_US} days after" in WORDS
    assert RECENT_US == DAY_US
    assert "for a day after it was seen last" in WORDS


def test_its_numbers_of_silence_are_those_of_the_code() -> None:
    assert f"From the last {rhythm.WINDOW // rhythm.WEEK} weeks" in WORDS
    assert f"lasted {rhythm.FEWEST_HOURS} whole hours and {rhythm.FEWEST_EXPECTED:g} postbacks" in WORDS
    assert f"it is {rhythm.TIMES:g} times as long" in WORDS
    assert f"{rhythm.TIMES_UNSURE:g} times while there are fewer than {rhythm.SURE_ACTIVE} hours" in WORDS
    assert f"in the first {rhythm.LEARNING // rhythm.WEEK} weeks" in WORDS
    assert f"fewer than {rhythm.FEWEST_ACTIVE} hours of those {rhythm.WINDOW // rhythm.WEEK} weeks" in WORDS
