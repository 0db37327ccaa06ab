"""What is leased goes out under its lease or not at all: reports in virtual time against a double of Meta."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import trio
from trio.testing import MockClock

from appliance.outbound.platforms import TOKEN_SECONDS, Tokens
from appliance.partners.platform import NO_CLICK, UNANSWERED, Answer, Message, Pixel, Sent, Verdict
from appliance.partners.platforms.google import Google
from appliance.partners.ways import Way
from tests.actors.reporter_rig import Site


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = Site(tmp_path / "ledger.db")
    yield made
    made.close()


class Late:
    """An access whose first tokens take so many seconds."""

    def __init__(self, *seconds: float) -> None:
        self.seconds = list(seconds)
        self.asked = 0

    async def token(self, way: Way) -> str | Verdict:
        self.asked += 1
        await trio.sleep(self.seconds.pop(0) if self.seconds else 0)
        return way.pixel.token

    def spoiled(self, way: Way, token: str) -> bool:
        return False


class Endpoint:
    """One that sells tokens, or never answers."""

    def __init__(self) -> None:
        self.hangs = True
        self.asked = 0

    async def send(self, message: Message, seconds: float) -> Sent:
        self.asked += 1
        if self.hangs:
            await trio.sleep(seconds)
            return Sent(None, f"no answer within {seconds:g} s", left=True)
        await trio.sleep(1)
        return Sent(Answer(200, {}, b'{"access_token": "bought"}'), "", left=True)


def google(refresh: str = "refresh") -> Way:
    return Way("account:1", Google(), Pixel("px", refresh, {"client_id": "weir", "client_secret": "hush"}))


async def test_who_waited_for_a_token_hears_what_the_first_was_told(
    autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    endpoint = Endpoint()
    tokens = Tokens(endpoint.send)
    found: list[str | Verdict] = []

    async def ask() -> None:
        found.append(await tokens.token(google()))

    for _ in range(10):
        nursery.start_soon(ask)
    await trio.sleep(TOKEN_SECONDS + 1)
    assert (endpoint.asked, len(found)) == (1, 10)
    assert {each.label for each in found if isinstance(each, Verdict)} == {UNANSWERED}
    endpoint.hangs = False
    assert await tokens.token(google()) == "bought", "who comes after it asks anew"
    assert endpoint.asked == 2


async def test_another_refresh_token_is_tried_although_the_old_one_bought_nothing(
    autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    endpoint = Endpoint()
    tokens = Tokens(endpoint.send)
    nursery.start_soon(tokens.token, google())
    await trio.sleep(1)
    endpoint.hangs = False
    assert await tokens.token(google("another")) == "bought"


async def test_a_token_that_comes_after_the_lease_sends_nothing(
    site: Site, autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    site.access = Late(65)
    site.put(5)
    await nursery.start(site.reporter(poll=1.0).run)
    await site.until_quiet()
    await trio.sleep(60)
    assert site.sizes == [5]
    assert site.asked_at[0] < 65, "the lease was over, and they were taken anew"


async def test_an_answer_that_could_come_after_the_lease_is_not_asked_for(
    site: Site, autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    site.access = access = Late(50, 5)
    site.put(5)
    site.put(1, click_ids={})
    await nursery.start(site.reporter(poll=1.0).run)
    await site.until(lambda: access.asked == 2)
    assert site.sizes == []
    pending = [each for each in site.stored() if each.state == "pending"]
    assert pending and all(each.sent_us == each.lease_us for each in pending), "none of it left before"
    await site.until_quiet()
    assert site.sizes == [5]
    assert site.reasons() == {NO_CLICK: 1}


async def test_what_was_not_sent_when_it_was_stopped_is_not_held(
    site: Site, autojump_clock: MockClock
) -> None:
    site.access = Late(10)
    site.put(5)
    site.put(2, click_ids={})
    with trio.move_on_after(5):
        await site.reporter().run()
    assert {(each.lease_us, each.sent_us) for each in site.stored()} == {(0, 0)}
    assert site.reasons() == {NO_CLICK: 2}, "they end whatever becomes of the others"


async def test_what_is_about_to_be_sent_when_it_is_stopped_is_not_held(
    site: Site, autojump_clock: MockClock
) -> None:
    stopped = trio.CancelScope()

    class Known(Late):
        async def token(self, way: Way) -> str | Verdict:
            stopped.cancel()
            return way.pixel.token  # without waiting, as accounts have it that buy none

    site.access = Known()
    site.put(5)
    with stopped:
        await site.reporter().run()
    assert {(each.lease_us, each.sent_us) for each in site.stored()} == {(0, 0)}
    assert site.messages == []
