"""Which click a visitor's cookie owes a conversion to."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.http.public.cookies import line, read
from appliance.model.catalog import Campaign
from appliance.model.ids import click_id
from appliance.routing.clicked import COOKIE, MOST, clicked, kept, remember
from appliance.routing.decision import Decision
from tests.pure.tables import build, destination, stream, visit


def click(number: int) -> str:
    return click_id(1_794_916_800_000 + number, number)


def after(*clicks: tuple[int, int]) -> str:
    """The cookie after clicks (number, network), in their order."""
    cookie = ""
    for number, network in clicks:
        cookie = kept(click(number), network, cookie)
    return cookie


@pytest.mark.parametrize(
    ("clicks", "network", "owed"),
    [
        ([(1, 5)], 5, 1),
        ([(1, 5), (2, 5)], 5, 2),
        ([(1, 5), (2, 6)], 5, 1),  # it went to another network since, which did not sell this
        ([(1, 5), (2, 0)], 5, 1),  # a landing page, or a destination that names no network
        ([(1, 0)], 5, 1),
        ([(1, 6)], 5, None),
        ([], 5, None),
    ],
)
def test_the_newest_click_that_led_to_the_network(
    clicks: list[tuple[int, int]], network: int, owed: int | None
) -> None:
    assert clicked(after(*clicks), network) == (click(owed) if owed else "")


@given(st.lists(st.tuples(st.integers(0, 999), st.integers(0, 9)), max_size=40))
def test_every_network_s_newest_click_is_kept_as_long_as_there_is_room(clicks: list[tuple[int, int]]) -> None:
    cookie = after(*clicks)
    newest = {network: number for number, network in clicks}
    recent = list(dict.fromkeys(network for _, network in reversed(clicks)))[:MOST]
    for network in recent:
        assert clicked(cookie, network) == click(newest[network])
    assert len(cookie) < 400
    assert read(b"a=b; " + f"{COOKIE}={cookie}".encode())[COOKIE] == cookie


@given(st.text() | st.from_regex(r"([0-9a-f-]{30,40}\.?[0-9]{0,40}~?){0,9}", fullmatch=True))
def test_what_somebody_invented_breaks_nothing(cookie: str) -> None:
    assert clicked(cookie, 5) in ("", *cookie.replace(".", "~").split("~"))
    assert clicked(kept(click(1), 5, cookie), 5) == click(1)


def test_a_plain_id_is_a_click_of_any_network() -> None:
    assert clicked(click(3), 5) == click(3)


@pytest.mark.parametrize(
    ("consent", "headers", "willing"),
    [
        ("", {}, True),
        ("", {b"sec-gpc": b"1"}, False),
        ("granted", {b"sec-gpc": b"1"}, True),
        ("Denied", {}, False),
        ("gpc", {}, False),
    ],
)
def test_who_does_not_want_to_be_followed_gets_no_cookie(
    consent: str, headers: dict[bytes, bytes], willing: bool
) -> None:
    shoes = Campaign(id=1, slug="shoes", public_id="P1", click_cookie_days=30)
    table = build(shoes, stream(1, 1), destination(1))
    seen = visit()
    seen.headers, seen.signals = headers, {"consent": consent} if consent else {}
    decision = Decision(table.by_slug["shoes"], "destination", "", True)
    decision.destination_id, decision.network_id = 1, 7
    remember(seen, decision)
    assert seen.sets == (((COOKIE, f"{seen.click_id}.7", 30 * 86_400),) if willing else ())
    nowhere = visit()
    remember(nowhere, Decision(table.by_slug["shoes"], "trafficback", "", True))
    assert nowhere.sets == ()


def test_over_https_alone_it_comes_along_with_an_image_on_another_site() -> None:
    assert b"; SameSite=None; Secure\r\n" in line(COOKIE, "x", 9, secure=True, everywhere=True)
    assert b"; SameSite=Lax\r\n" in line(COOKIE, "x", 9, secure=False, everywhere=True)
    assert b"; SameSite=Lax; Secure\r\n" in line("other", "x", 9, secure=True)
