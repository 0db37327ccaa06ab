"""What holds up the others, and who the visitors were: reports in virtual time against a double of Meta."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from appliance.partners.making import YOUNG
from appliance.partners.platform import NOT_MADE, REFUSED, UNAUTHORIZED, Answer, Message, Verdict
from appliance.partners.report import Identity
from tests.actors.reporter_rig import START, Site
from tests.platforms import meta as double


class Touchy(double.Meta):
    """A Meta that never answers a request with one of these events as it should."""

    def __init__(self, answer: Answer) -> None:
        super().__init__()
        self.poison: set[str] = set()
        self._answer = answer

    def answer(self, message: Message, now_us: int) -> Answer:
        named = {each["event_id"] for each in json.loads(message.body)["data"]}
        return self._answer if named & self.poison else super().answer(message, now_us)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = Site(tmp_path / "ledger.db")
    yield made
    made.close()


def asked(message: Message) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(message.body)["data"]
    return found


TRANSIENT = {"error": {"code": 1, "message": "An unknown error occurred", "is_transient": True}}
SHUT = Answer(403, {"content-type": "text/html"}, b"<html>Request blocked</html>")


@pytest.mark.parametrize(
    "answer", (Answer(500, {}, json.dumps(TRANSIENT).encode()), SHUT), ids=("repeat", "shut-out")
)
async def test_an_event_that_is_never_answered_holds_up_nobody(
    tmp_path: Path, answer: Answer, autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    touchy = Touchy(answer)
    site = Site(tmp_path / "ledger.db", other=touchy)
    touchy.poison = {"e57"}
    site.put(100)
    await nursery.start(site.reporter().run)
    await site.until(lambda: site.states()["delivered"] == 99, 24 * 3_600)
    assert set(touchy.counted.values()) == {1}
    # And what comes later goes its way beside it.
    site.put(50)
    began = trio.current_time()
    await site.until(lambda: site.states()["delivered"] == 149, 24 * 3_600)
    assert trio.current_time() - began < 2 * 3_600
    if answer is SHUT:  # alone, while others are taken before and after it: it is refused
        await site.until_quiet(24 * 3_600)
        assert site.reasons() == {REFUSED: 1}
    else:  # what will pass by itself passes for a single event too, some day
        assert site.states()["pending"] == 1
    site.close()


async def test_a_visitor_is_found_just_before_his_event_is_sent(
    site: Site, autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    site.people.known["click-1"] = Identity(address="198.51.100.7", user_agent="Firefox", seen={"_fbp": "x"})
    own = Identity(emails=("a@example.com",), user_agent="Their own")
    site.fields = {"identity": Identity()}
    site.put(1, click_id="click-1")
    site.put(1, click_id="click-1", sealed=site.people.seal(own, START))
    site.put(1, sealed=site.people.seal(own, START))
    await nursery.start(site.reporter().run)
    await site.until_quiet()
    first, second, third = (each["user_data"] for each in asked(site.messages[0]))
    assert (first["client_ip_address"], first["client_user_agent"]) == ("198.51.100.7", "Firefox")
    assert (second["client_ip_address"], second["client_user_agent"]) == ("198.51.100.7", "Their own")
    assert "em" in second and "em" not in first
    assert "client_ip_address" not in third and "em" in third


async def test_an_event_waits_a_moment_for_its_click_and_goes_without_it_then(
    site: Site, autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    site.put(1, click_id="soon")
    site.put(1, click_id="never")
    site.put(1)
    await nursery.start(site.reporter().run)
    await site.until(lambda: site.states()["delivered"] == 1, 60)
    site.people.known["soon"] = Identity(address="198.51.100.7", user_agent="Firefox")
    await site.until(lambda: site.states()["delivered"] == 2, 60)
    assert asked(site.messages[1])[0]["user_data"]["client_user_agent"] == "Firefox"
    await site.until_quiet()
    assert site.now_us() - START >= YOUNG
    assert len(site.messages) == 3
    assert set(site.meta.counted.values()) == {1}
    # Waiting is no attempt, and leaves no doubt about whether it was sent.
    assert {each.attempts for each in site.stored()} == {1}


async def test_while_nobody_can_be_asked_for_visitors_their_events_wait(
    site: Site, autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    site.people.away = True
    site.people.known["click"] = Identity(address="198.51.100.7")
    site.put(1, click_id="click")
    site.put(1)
    await nursery.start(site.reporter().run)
    await trio.sleep(3_600)
    assert site.states() == {"delivered": 1, "pending": 1}
    site.people.away = False
    await site.until_quiet(200)
    assert asked(site.messages[1])[0]["user_data"]["client_ip_address"] == "198.51.100.7"
    # Not for ever: a warehouse that stays away for a day costs matches, not conversions.
    site.people.away = True
    site.put(1, click_id="click")
    await site.until_quiet(7 * 3_600)
    assert "client_ip_address" not in asked(site.messages[2])[0]["user_data"]


async def test_what_cannot_be_read_is_named_and_holds_up_nobody(
    site: Site, autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    site.put(2)
    site.put_raw(b"\xc1")
    await nursery.start(site.reporter().run)
    await site.until_quiet()
    assert site.states() == {"delivered": 2, "dead": 1}
    assert site.reasons() == {NOT_MADE: 1}


async def test_a_token_that_cannot_be_had_now_is_no_dead_token(
    site: Site, autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    site.grants = [Verdict("retry", "No answer of the platform", "no access token: no route to host")] * 3
    site.put(2)
    reporter = site.reporter()
    await nursery.start(reporter.run)
    await site.until_quiet()
    assert site.states() == {"delivered": 2}
    assert not reporter.standings()
    assert len(site.messages) == 1


async def test_a_refused_token_that_was_old_is_tried_once_more_before_anybody_is_told(
    site: Site, autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    site.old_token = True
    site.meta.tokens = set()
    site.put(1)
    reporter = site.reporter()
    await nursery.start(reporter.run)
    await site.until(lambda: len(site.messages) == 1)
    await trio.sleep(1)
    assert not reporter.standings()
    site.old_token = False
    await site.until(lambda: bool(reporter.standings()), 600)
    (standing,) = reporter.standings().values()
    assert standing.reason.startswith(UNAUTHORIZED)


async def test_fewer_received_than_sent_is_counted(
    site: Site, autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    site.faults = [Answer(200, {}, b'{"events_received": 3, "messages": [], "fbtrace_id": "T7"}')]
    ids = site.put(5)
    reporter = site.reporter()
    await nursery.start(reporter.run)
    await site.until_quiet()
    (shown,) = reporter.report()
    assert shown.unreconciled == 2
    found = site.store.get(ids[0])
    assert found is not None
    assert found[0].reason == "Fewer events received than sent"
    assert (found[1][0].trace, found[1][0].status) == ("T7", 200)
    assert "3 of 5" in found[1][0].error


async def test_a_stop_gives_back_what_has_not_left(site: Site, autojump_clock: MockClock) -> None:
    """Its token was still being asked for."""
    never = trio.Event()

    class Slow:
        async def token(self, way: Any) -> str:
            await never.wait()
            return "good"

        def spoiled(self, way: Any, token: str) -> bool:
            return False

    site.put(3)
    site.access = Slow()
    with trio.move_on_after(5):
        await site.reporter().run()
    assert [(each.lease_us, each.sent_us) for each in site.stored()] == [(0, 0)] * 3
    site.access = site
    with trio.move_on_after(5):
        await site.reporter().run()
    assert site.states() == {"delivered": 3}
