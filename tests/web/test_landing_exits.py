"""Out of a landing page by the links that pages have: with a cookie, a token, the click's id alone."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.http.public.exits import NAMES, read
from appliance.model.catalog import Campaign
from appliance.model.events import ClickEvent
from appliance.model.ids import click_id
from appliance.model.rules import Target
from appliance.routing.landings import COOKIE, kept
from appliance.stores.landings import LandingVisits
from tests.pure.tables import CLICK, destination, parts, stream
from tests.web.front import Front, front


def pages():
    page = destination(
        9, "https://land.example/?t={lp_token}&c={click_id}",
        exits=((Target(destination_id=2),), (Target(destination_id=3),)),
    )  # fmt: skip
    return parts(
        Campaign(id=3, slug="page", public_id="P3"),
        destination(2, "https://two.example/?s={sub1}&i={source_click_id}&b={sub5}"),
        destination(3, "https://three.example/"),
        page,
        stream(30, 9, campaign=3),
    )


@pytest.fixture
async def edge(tmp_path: Path) -> AsyncIterator[Front]:
    async with front(tmp_path, parts=pages(), landings=LandingVisits(tmp_path / "landings")) as made:
        yield made


async def seen(edge: Front, query: str = "sub1=x&gclid=G") -> tuple[str, str, str]:
    """(click id, token, cookie) of a page's view."""
    landed = await edge.ask(f"/c/page?{query}")
    told = dict(parse_qsl(urlsplit(landed.location).query))
    return told["c"], told["t"], landed.headers["set-cookie"].partition(";")[0]


@pytest.mark.parametrize("name", NAMES)
async def test_a_click_named_in_the_query_is_enough(edge: Front, name: str) -> None:
    view, token, _ = await seen(edge)
    for value in (view, token):
        left = await edge.ask(f"/lp?sub5=b&{name}={value}")
        assert left.location == "https://two.example/?s=x&i=G&b=b"
        click = edge.events(ClickEvent)[-1]
        assert (click.parent_id, click.source_click_id, click.query) == (view, "G", "sub5=b")
    assert (await edge.ask(f"/lp?n=2&{name}={view}")).location == "https://three.example/"


async def test_the_id_in_the_path_is_enough_on_another_edge_and_after_a_restart(
    edge: Front, tmp_path: Path
) -> None:
    view, _, _ = await seen(edge)
    assert (await edge.ask(f"/lp/{view}/1")).location == "https://two.example/?s=x&i=G&b="
    async with front(tmp_path, parts=pages(), landings=LandingVisits(tmp_path / "landings")) as other:
        assert (await other.ask(f"/lp/{view}/2")).location == "https://three.example/"


async def test_a_name_that_says_nothing_leaves_it_to_the_cookie(edge: Front) -> None:
    view, _, cookie = await seen(edge, "sub1=x")
    for query in ("subid={subid}", "cid=77", "click_id=", "uclick=" + "A" * 200):
        left = await edge.ask(f"/lp?{query}", headers={"Cookie": cookie})
        assert left.status == 302 and edge.events(ClickEvent)[-1].parent_id == view
        assert (await edge.ask(f"/lp?{query}")).status == 404


async def test_another_click_than_the_cookie_s_is_not_taken_for_it(edge: Front) -> None:
    _, _, cookie = await seen(edge)
    stranger = click_id(1_763_000_000_000, 99)
    for path in (f"/lp?click_id={stranger}", f"/lp/{stranger}/1"):
        assert (await edge.ask(path, headers={"Cookie": cookie})).status == 404


async def test_what_a_visitor_kept_is_damaged_and_nobody_is_led_anywhere(edge: Front, tmp_path: Path) -> None:
    view, _, _ = await seen(edge)
    data = bytearray((tmp_path / "landings").read_bytes())
    at = data.index(view.encode()) + 50
    data[at] ^= 1
    (tmp_path / "landings").write_bytes(data)
    assert (await edge.ask(f"/lp/{view}/1")).status == 404


def test_a_cookie_of_four_thousand_marks_is_three_pages() -> None:
    """Each page that a cookie names costs an HMAC: some thousands of them held every visitor up for 20 ms."""
    asked = read("", "", {}, {COOKIE: "~" * 4_000})
    assert asked is not None and len(asked.tokens) == 3
    assert kept("new", "~" * 4_000) == "new"


NASTY = st.text(st.characters(codec="utf-8"), max_size=40) | st.sampled_from([CLICK, "A" * 80, "1", "", "١"])


@given(
    NASTY,
    st.dictionaries(st.sampled_from([*NAMES, "n", "x"]), NASTY),
    st.dictionaries(st.just(COOKIE), NASTY),
)
def test_whatever_is_asked_is_bounded_or_refused(key, params, cookies):
    asked = read(key, "&".join(f"{name}={value}" for name, value in params.items()), params, cookies)
    if asked is not None:
        assert 0 <= asked.number <= 999 and len(asked.tokens) <= 3 + len(NAMES)
        assert asked.click_id in ("", CLICK)
