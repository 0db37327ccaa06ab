"""The reference pages say what the code says."""

from __future__ import annotations

import json
import re

import msgspec

from appliance.config import Settings, leaves
from tests.rig import ROOT


def test_the_configuration_page_lists_every_key_with_its_default_in_order() -> None:
    page = (ROOT / "docs" / "reference" / "configuration.md").read_text()
    listed = re.findall(r"^\| `([\w.]+)` \| `([^`]*)` \| (\S.*) \|$", page, re.MULTILINE)
    true = [(path, json.dumps(value)) for path, value in leaves(msgspec.to_builtins(Settings()))]
    assert [(path, default) for path, default, _ in listed] == true
