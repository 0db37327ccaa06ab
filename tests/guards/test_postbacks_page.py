"""docs/reference/postbacks-out.md says what targets and their deliveries do."""

from __future__ import annotations

import re
from typing import get_args, get_type_hints

from appliance.actors.retry import Limits
from appliance.model.catalog import PostbackTarget
from appliance.model.postbacks import ALIASES, MACROS
from appliance.outbound.postbacks import MOST_ANSWER, SECONDS
from appliance.partners.patience import Patience
from appliance.stores.sqlite.deliveries import MOST_PENDING
from tests.rig import ROOT

PAGE = (ROOT / "docs" / "reference" / "postbacks-out.md").read_text()
WORDS = " ".join(PAGE.split())


def test_it_lists_every_macro_with_its_other_names() -> None:
    rows = re.findall(r"^\| `\{(\w+)\}` \| ([^|]+) \| ([^|]*) \|$", PAGE, re.MULTILINE)
    said = [(name, text, re.findall(r"\{(\w+)\}", others)) for name, text, others in rows]
    true = [
        (name, text, [other for other, ours in ALIASES.items() if ours == name])
        for name, text in MACROS.items()
        if not re.fullmatch(r"sub([2-9]|\d\d)|utm_(?!source).*", name)
    ]
    assert said == true
    assert [name for name in MACROS if name.startswith("utm") and f"`{{{name}}}`" not in PAGE] == []


def test_it_says_how_often_a_conversion_is_told() -> None:
    rows = re.findall(r"^\| `(\w+)` \| [^|]+ \|$", PAGE, re.MULTILINE)
    assert tuple(rows) == get_args(get_type_hints(PostbackTarget)["on"])


def test_its_numbers_are_those_of_the_code() -> None:
    patience, limits = Patience(), Limits()
    assert f"{SECONDS:g} s at most, and {MOST_ANSWER // 1024} KiB" in WORDS
    first = patience.first
    assert f"up to {first:g} s, {2 * first:g} s, {4 * first:g} s … {patience.longest / 3600:g} h" in WORDS
    assert patience.longest_asked == 86_400
    assert f"After {patience.pause_after} failures in a row" in WORDS
    assert f"tried after {patience.probe_first:g} s" in WORDS
    assert f"up to {patience.probe_longest / 60:g} min" in WORDS
    assert f"each may have {limits.per_target} attempts under way" in WORDS
    assert f"({limits.in_all} in all)" in WORDS
    assert f"{MOST_PENDING:,} deliveries may wait" in WORDS
