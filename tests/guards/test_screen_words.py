"""The screens have words for everything the appliance may name: a platform, a setting, a kind of alert."""

from __future__ import annotations

import re

import pytest

from appliance.alarms import KINDS
from appliance.partners.interpreted import INVALID_PIXEL, NOT_REPORTABLE, TOO_OLD
from appliance.partners.platform import NO_CLICK, Platform
from appliance.partners.roster import PLATFORMS
from tests.rig import ROOT

SCREENS = ROOT / "ui" / "src" / "screens"


def keys(file: str, table: str) -> set[str]:
    """The keys of a table of words: `const NAME… = { key: …`, a key at the beginning or behind a comma."""
    text = (SCREENS / file).read_text()
    found = re.search(rf"^const {table}\b[^=]*= \{{\n?(.*?)^\}};", text, re.M | re.S)
    assert found, f"{file} has no {table}"
    return set(re.findall(r"(?:^\s*|[\]},] )(\w+): [\[{]", found[1], re.M))


def test_every_platform_has_a_name() -> None:
    assert keys("platforms/words.ts", "KNOWN") == set(PLATFORMS)


@pytest.mark.parametrize("platform", PLATFORMS.values(), ids=lambda it: it.name)
def test_every_setting_of_an_account_has_words(platform: Platform) -> None:
    named = {*platform.needs, *platform.optional}
    assert named <= keys("platforms/words.ts", "SETTINGS")


def test_every_kind_of_alert_has_words_and_a_remedy() -> None:
    assert keys("alerts/words.ts", "KINDS") == set(KINDS)


def test_every_label_of_an_interpreted_event_can_be_asked_for() -> None:
    text = (SCREENS / "events" / "event.ts").read_text()
    found = re.search(r"^export const LABELS = \[(.*?)\]", text, re.M | re.S)
    assert found
    listed = re.findall(r'"([^"]+)"', found[1])
    assert listed == [INVALID_PIXEL, TOO_OLD, NO_CLICK, NOT_REPORTABLE]
