"""docs/reference/doors.md says what pages, lists and corrections may say."""

from __future__ import annotations

import re

from appliance.attribution.entries import COLUMNS, FIELDS, MOST_ROWS
from appliance.attribution.template import ALIASES
from appliance.http.public.convert_script import SOURCE
from appliance.http.public.pixel import LARGEST, NO_CLICK
from appliance.http.public.routes import ROUTES
from appliance.model.events import OWN_DOORS
from appliance.operations.campaigns import CookieDays
from appliance.reporting.costs import MOST_PARTS
from appliance.routing.clicked import COOKIE, MOST
from tests.rig import ROOT

PAGE = (ROOT / "docs" / "reference" / "doors.md").read_text()
WORDS = " ".join(PAGE.split())


def test_it_lists_every_column_with_its_other_names() -> None:
    rows = re.findall(r"^\| `(\w+)` \| ([^|]*) \| [^|]+ \|$", PAGE, re.MULTILINE)
    assert [name for name, _ in rows] == [*FIELDS, "network"]
    for name, others in rows:
        true = {other for other, field in COLUMNS.items() if field == name and other != name}
        assert set(re.findall(r"`(\w+)`", others)) == true


def test_it_names_the_doors_and_where_a_click_is_looked_for() -> None:
    assert "`pixel`, `script` or `entered`" in WORDS and OWN_DOORS == ("pixel", "script", "entered")
    assert {"GET /px/{network}.gif", "GET /js/{network}.js", "POST /js/{network}"} <= set(ROUTES)
    assert "in `click_id`, `cid`, `subid` or `sub_id`" in WORDS
    assert ALIASES["click_id"] == ("click_id", "cid", "subid", "sub_id")
    (places,) = re.findall(r"places=\[(.*?)\]", SOURCE)
    assert f"names ({', '.join(f'`{name}`' for name in re.findall(r'[a-z_]+', places))})" in WORDS
    assert f"the cookie `{COOKIE}` of the tracker's host" in WORDS
    assert f"{COOKIE}=" in SOURCE


def test_its_numbers_are_those_of_the_code() -> None:
    assert f"up to {MOST_ROWS:,}; buyers" in WORDS
    assert f"Of up to {MOST_PARTS:,} clicks each gets its share" in WORDS
    assert f"at most {LARGEST // 1024} KiB" in WORDS
    assert MOST == 6 and "for each network, up to six;" in WORDS
    (bounds,) = CookieDays.__metadata__
    assert (bounds.ge, bounds.le) == (0, 400) and "at most 400)" in WORDS
    assert f'"{NO_CLICK.partition(":")[0]}"' in WORDS
