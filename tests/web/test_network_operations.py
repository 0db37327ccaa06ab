"""Networks made from presets, templates made from profiles: stored as they are shown, or not at all."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from appliance.attribution import presets, profiles
from appliance.attribution.claim import UNKNOWN_WORD
from appliance.errors import Refused
from appliance.model.catalog import Network, Template
from appliance.operations.context import Caller, Forbidden, local_administrator
from appliance.operations.inquiries import NOBODY, Inquiry
from appliance.operations.network_presets import NetworkPresets
from appliance.operations.network_words import UnknownWordList, UnknownWords, unknown_words
from appliance.operations.templates import Profiles
from tests.doors import Doors, NoReports, open_doors

SECRET = "choose-a-long-one"


@pytest.fixture
async def doors(tmp_path: Path) -> AsyncIterator[Doors]:
    async with open_doors(tmp_path) as found:
        yield found


async def templates(doors: Doors) -> int:
    return (await doors.desk.list("template", 100, 0, {}, False))[1]


@pytest.mark.parametrize("name", presets.names())
async def test_each_preset_makes_a_network(doors: Doors, name: str) -> None:
    shown = await doors.call("network_presets.list", {})
    assert isinstance(shown, NetworkPresets)
    (listed,) = [it for it in shown.items if it.name == name]
    before = await templates(doors)
    made = await doors.call("networks.create_from_preset", {"preset": name, "secret": SECRET})
    assert isinstance(made, Network)
    assert (made.preset, made.name, made.status_words, made.reply, made.signature, made.currency) == (
        name, listed.title, listed.status_words, listed.reply, listed.signature, listed.currency,
    )  # fmt: skip
    assert SECRET not in msgspec.json.encode(made).decode()
    assert await templates(doors) == before + bool(listed.mapping)
    if made.template_id is not None:
        template = await doors.desk.get("template", made.template_id)
        assert isinstance(template, Template)
        assert template.mapping == listed.mapping
    urls: Any = await doors.call("networks.urls", {"id": made.id})
    assert urls.paste == listed.paste
    assert [it.url.partition("?")[0].rpartition("/pb/")[2] for it in urls.postbacks] == [made.slug] * (
        0 if listed.polled else 1 + len(listed.more)
    )
    assert all(listed.query in it.url for it in urls.postbacks if not it.title)


@pytest.mark.parametrize(
    ("payload", "path"),
    [
        ({"preset": "no such"}, "preset"),
        ({"preset": "hotmart", "slug": "demo"}, "slug"),
        ({"preset": "hotmart", "slug": "No Slug"}, "slug"),
        ({"preset": "hotmart", "currency": "EURO"}, "currency"),
        ({"preset": "digistore24_ipn"}, "secret"),
    ],
)
async def test_what_is_refused_leaves_no_template_behind(
    doors: Doors, payload: Mapping[str, str], path: str
) -> None:
    await doors.call("networks.create", {"name": "taken", "slug": "demo-2"})
    if payload.get("slug") == "demo":
        payload = {**payload, "slug": "demo-2"}
    before = await templates(doors)
    with pytest.raises(Refused) as refused:
        await doors.call("networks.create_from_preset", payload)
    assert path in [problem.path for problem in refused.value.fields]
    assert await templates(doors) == before


async def test_a_network_of_ones_own_name_slug_and_currency(doors: Doors) -> None:
    own = {"preset": "perfectpay", "name": "Mine", "slug": "mine", "currency": "USD"}
    made = await doors.call("networks.create_from_preset", own)
    assert isinstance(made, Network)
    assert (made.name, made.slug, made.currency, made.template_id) == ("Mine", "mine", "USD", None)


@pytest.mark.parametrize("name", profiles.names())
async def test_each_profile_makes_a_template(doors: Doors, name: str) -> None:
    shown = await doors.call("templates.profiles", {})
    assert isinstance(shown, Profiles)
    (listed,) = [it for it in shown.items if it.name == name]
    made = await doors.call("templates.create_from_profile", {"profile": name})
    assert isinstance(made, Template)
    assert (made.name, made.mapping) == (listed.title, listed.mapping)


async def test_a_profile_that_nobody_knows_is_refused_with_those_there_are(doors: Doors) -> None:
    with pytest.raises(Refused) as refused:
        await doors.call("templates.create_from_profile", {"profile": "voluum2"})
    assert "prosper202" in refused.value.fields[0].message


class Log(NoReports):
    """The postback log's answer, and what was asked."""

    def __init__(self) -> None:
        self.asked: list[Mapping[str, object]] = []

    async def rows(
        self, sql: str, params: Mapping[str, object], inquiry: Inquiry = NOBODY
    ) -> list[dict[str, Any]]:
        self.asked.append(params)
        row = {"postbacks": 3, "first_us": 1, "last_us": 2, "example": "p1"}
        return [{**row, "word": "Neu"}, {**row, "word": "Confirm"}]


async def test_unknown_words_say_what_they_mean_by_now(doors: Doors) -> None:
    made: Any = await doors.call(
        "networks.create", {"name": "N", "slug": "words", "status_words": {"confirm": "lead"}}
    )
    log = Log()
    context = replace(doors.context(local_administrator("test"), "r"), reports=log)
    found = await unknown_words(UnknownWords(id=made.id), context)
    assert isinstance(found, UnknownWordList)
    assert [(it.word, it.status) for it in found.items] == [("Neu", ""), ("Confirm", "lead")]
    assert (log.asked[0]["network"], log.asked[0]["note"]) == (made.id, UNKNOWN_WORD)


async def test_who_sees_some_campaigns_sees_no_postbacks(doors: Doors) -> None:
    buyer = Caller("b", "rest", frozenset({"records.read"}), 5, frozenset({1}))
    with pytest.raises(Forbidden):
        await doors.call("networks.unknown_words", {"id": 1}, buyer)
