"""docs/reference/networks.md says of the postback door what the code does."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

from appliance.attribution.signatures import LONGEST_NOTIFICATION
from appliance.http.public.bodies import MAX_FIELD, MAX_FIELDS, MAX_FORM, MAX_NESTED
from appliance.http.public.proofs import SIGNATURE_HEADERS, SIGNATURE_PARAMS
from appliance.model.postbacks import REPLY_MACROS
from appliance.operations.networks import Signature

ROOT = Path(__file__).resolve().parent.parent.parent
PAGE = (ROOT / "docs" / "reference" / "networks.md").read_text("utf-8")
DOOR = PAGE[PAGE.index("## The door") : PAGE.index("## Where a value is found")]


def test_every_signature_and_where_it_stands_is_described() -> None:
    rows = dict(re.findall(r"^\| `([a-z0-9_]+)` \| (.+) \|$", DOOR, re.MULTILINE))
    assert set(rows) == set(get_args(Signature)) - {""}
    told = rows["hmac_sha256"]
    headers = {name.lower() for name in re.findall(r"`(X-[A-Za-z0-9-]+)`", told)}
    assert headers == {name.decode() for name in SIGNATURE_HEADERS}
    for name in SIGNATURE_PARAMS:
        assert f"`{name}`" in told


def test_every_macro_of_a_reply_is_described() -> None:
    assert set(re.findall(r"`\{([a-z_]+)\}`", DOOR)) == set(REPLY_MACROS)


def test_its_bounds_are_those_of_the_code() -> None:
    assert f"at most {MAX_FIELDS} fields, of {MAX_FIELD:,} characters each" in DOOR
    assert f"below JSON's fields {MAX_NESTED // 1024} KiB altogether" in DOOR
    assert f"a form has {MAX_FORM // 1024} KiB at most" in DOOR
    assert f"at most {LONGEST_NOTIFICATION // 1024} KiB" in DOOR
