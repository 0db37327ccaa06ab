"""The reference pages say what the code says."""

from __future__ import annotations

import json
import re

import msgspec

from appliance.config import Settings, leaves
from appliance.http.public.routes import ROUTES
from appliance.routing.macros import READERS
from appliance.routing.visit import COST, SOURCE_CLICK_ID
from tests.rig import ROOT


def test_the_configuration_page_lists_every_key_with_its_default_in_order() -> None:
    page = (ROOT / "docs" / "reference" / "configuration.md").read_text()
    listed = re.findall(r"^\| `([\w.]+)` \| `([^`]*)` \| (\S.*) \|$", page, re.MULTILINE)
    true = [(path, json.dumps(value)) for path, value in leaves(msgspec.to_builtins(Settings()))]
    assert [(path, default) for path, default, _ in listed] == true


def http_page() -> str:
    return (ROOT / "docs" / "reference" / "http.md").read_text()


def test_the_http_page_lists_every_public_route() -> None:
    public = http_page().split("## The admin port")[0]
    assert tuple(re.findall(r"^\| `([^`]*)` \|", public.replace("\\|", "|"), re.MULTILINE)) == ROUTES


def test_the_http_page_lists_every_alias_and_macro() -> None:
    page = " ".join(http_page().split())
    assert ", ".join(SOURCE_CLICK_ID) in page
    assert ", ".join(COST) in page
    for name in READERS:
        numbered = re.fullmatch(r"sub\d+|utm_\w+", name)
        assert numbered or "{" + name + "}" in page, name
