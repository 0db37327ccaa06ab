"""Who bought: taken out of a postback at the door, sealed, and in no journal in clear."""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlencode

import msgspec
import pytest

from appliance.attribution.template import names
from appliance.model.catalog import Network, Template
from appliance.model.events import PostbackLogEvent
from appliance.model.table import NetworkEntry
from appliance.partners.layouts import LAYOUTS as ALL
from appliance.partners.report import Identity
from appliance.routing.parts import _network, make_part
from tests.pure.test_layouts import OF as LAYOUTS
from tests.web.front import JSON, SECRET, Front, _table, front

EMAIL, PHONE = "Who.Bought@Example.com", "+1 (650) 555-1212"
FBP = "fb.1.1596403881668.1116446470"
CLICK = "0190163d-8694-739b-aea5-966c26f8ad91"
SHOP = Template(
    mapping={
        "email": ("$.buyer.mail",),
        "buyer_address": ("ip",),
        "transaction_id": ("order",),
        "event_id": ("ph",),
    }
)


def networks() -> list[NetworkEntry]:
    plain = Network(id=11, slug="plain")
    locked = Network(id=12, slug="locked2", secret=SECRET)
    mapped = Network(id=13, slug="mapped", template_id=1)
    feeds = [Network(id=20 + n, slug=layout, layout=layout) for n, layout in enumerate(ALL)]
    return [
        *(_network(each, None, names) for each in (plain, locked, *feeds)),
        _network(mapped, SHOP, names),
    ]


@pytest.fixture
async def edge(tmp_path: Path) -> AsyncIterator[Front]:
    part = make_part("network", tuple(msgspec.msgpack.encode(each) for each in networks()))
    async with front(tmp_path, parts=[*_table(), part]) as made:
        yield made


def test_places_follow_the_template_and_what_it_leaves_free() -> None:
    found = {each.slug: dict(each.buyer) for each in networks()}
    assert found["plain"]["email"] == ("em", "email") and "city" not in found["plain"]
    assert found["mapped"]["email"] == ("$.buyer.mail",)
    assert found["mapped"]["phone"] == ("phone",), "ph is its event_id"


async def test_who_bought_is_sealed_and_the_rest_kept(edge: Front) -> None:
    query = {"click_id": CLICK, "payout": "2", "em": EMAIL, "ph": PHONE, "fn": "Mary", "fbp": FBP, "x": "1"}
    assert (await edge.ask(f"/pb/plain?{urlencode(query)}")).status == 200
    (event,) = edge.events(PostbackLogEvent)
    assert event.params == {"click_id": CLICK, "payout": "2", "x": "1"}
    assert edge.open(event.sealed) == Identity(
        emails=(EMAIL,), phones=(PHONE,), first_name="Mary", seen={"_fbp": FBP}
    )
    held = edge.journal_bytes()
    assert not [each for each in (EMAIL, PHONE, "Mary", FBP) if each.encode() in held]


async def test_a_template_says_where_else_it_stands(edge: Front) -> None:
    body = {"order": "77", "ph": "e-1", "ip": "203.0.113.7", "buyer": {"mail": EMAIL, "vip": True}}
    answer = await edge.ask("/pb/mapped", "POST", JSON, json.dumps(body).encode())
    assert answer.status == 200
    (event,) = edge.events(PostbackLogEvent)
    assert event.params == {"order": "77", "ph": "e-1", "buyer": '{"vip":true}'}
    assert edge.open(event.sealed) == Identity(emails=(EMAIL,), address="203.0.113.7")


@pytest.mark.parametrize("value", ["", " ", "{email}", "x" * 513])
async def test_what_says_nothing_is_left_out(edge: Front, value: str) -> None:
    assert (await edge.ask(f"/pb/plain?{urlencode({'click_id': CLICK, 'em': value})}")).status == 200
    (event,) = edge.events(PostbackLogEvent)
    assert (event.params, event.sealed) == ({"click_id": CLICK}, b"")


async def test_the_second_name_counts_where_the_first_has_nothing(edge: Front) -> None:
    query = urlencode({"click_id": CLICK, "em": "[email]", "email": EMAIL})
    assert (await edge.ask(f"/pb/plain?{query}")).status == 200
    (event,) = edge.events(PostbackLogEvent)
    assert edge.open(event.sealed).emails == (EMAIL,) and event.params == {"click_id": CLICK}


async def test_of_who_is_refused_nothing_is_kept(edge: Front) -> None:
    query = urlencode({"click_id": CLICK, "em": EMAIL})
    assert (await edge.ask(f"/pb/locked2?{query}&secret=wrong")).status == 403
    assert (await edge.ask(f"/pb/plain?em={EMAIL}")).status == 400
    for event in edge.events(PostbackLogEvent):
        assert event.stage == "refused" and event.sealed == b"" and "em" not in event.params
    assert EMAIL.encode() not in edge.journal_bytes()


async def test_the_pixel_goes_by_our_names(edge: Front) -> None:
    query = urlencode({"click_id": CLICK, "em": hashlib.sha256(b"x").hexdigest(), "transaction_id": "T"})
    assert (await edge.ask(f"/px/mapped.gif?{query}")).status == 200
    (event,) = edge.events(PostbackLogEvent)
    assert edge.open(event.sealed).emails == (hashlib.sha256(b"x").hexdigest(),)
    assert "em" not in event.params


@pytest.mark.parametrize("layout", sorted(LAYOUTS))
async def test_a_search_feed_s_visitor_is_sealed_and_his_address_cut(edge: Front, layout: str) -> None:
    """Without click or transaction: an interpreted event needs none."""
    answer = await edge.ask(f"/pb/{layout}?{urlencode(LAYOUTS[layout])}")
    assert answer.status == 200
    (event,) = edge.events(PostbackLogEvent)
    who = edge.open(event.sealed)
    assert (event.stage, who.address) == ("received", "203.0.113.7")
    assert who.user_agent == ("" if layout == "sedo" else who.user_agent) and "203.0.113.0" in str(
        event.params
    )
    assert b"203.0.113.7" not in edge.journal_bytes()
