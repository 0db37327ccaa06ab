"""One engine, every platform: what the reporter promises holds against each platform's double."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
import trio
from trio.testing import MockClock

from appliance.partners.platform import (
    DAY,
    DRY_RUN,
    HOUR,
    MAY_HAVE_BEEN_COUNTED,
    NO_CLICK,
    NO_CONSENT,
    TEST_EVENT,
    UNAUTHORIZED,
    Answer,
    too_old,
)
from appliance.partners.report import Identity
from appliance.partners.roster import PLATFORMS
from appliance.partners.splitting import most_requests
from tests.actors.reporter_rig import START, Site
from tests.platforms.doubles import Double
from tests.platforms.every import CASES, SOMEBODY
from tests.platforms.google import Google

pytestmark = pytest.mark.filterwarnings("error")
PAGE = Answer(502, {"content-type": "text/html"}, b"<html><body>502 Bad Gateway</body></html>")


WITH_TOKEN = sorted(CASES.keys() - {"taboola", "outbrain"})
"""Those two ask nobody who he is: nothing of theirs can die."""
IN_BATCHES = sorted(CASES.keys() - {"outbrain"})
"""It takes one event a request, of a few hundred bytes."""


class Ground(Site):
    """A site at one platform's double."""

    double: Double

    @property
    def name(self) -> str:
        return self.platform.name

    @property
    def forgets(self) -> bool:
        """The platform counts what it is told twice a second time."""
        return self.platform.limits.dedupe_us == 0


def ground_of(name: str, path: Path) -> Ground:
    case = CASES[name]
    double = case.double()
    made = Ground(path, PLATFORMS[name], double, **case.settings)
    made.double = double
    made.fields = {**case.fields, "identity": SOMEBODY}
    return made


@pytest.fixture(params=sorted(CASES))
def ground(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Ground]:
    made = ground_of(request.param, tmp_path / "ledger.db")
    yield made
    made.close()


def test_every_platform_has_its_double() -> None:
    assert CASES.keys() == PLATFORMS.keys()
    assert [name for name in sorted(PLATFORMS) if PLATFORMS[name].needs_token] == WITH_TOKEN
    assert [name for name in sorted(PLATFORMS) if PLATFORMS[name].limits.batch > 1] == IN_BATCHES


def test_what_the_double_enforces_is_what_the_platforms_file_says() -> None:
    for name, case in CASES.items():
        double, limits = case.double(), PLATFORMS[name].limits
        assert limits.batch <= double.most, name
        assert limits.whole is double.whole, name
        assert limits.dedupe_us <= double.dedupe * 1_000_000, name
        assert limits.window_us <= double.window * 1_000_000, name
        assert limits.ahead_us <= double.ahead * 1_000_000, name
        assert PLATFORMS[name].needs_token is double.needs_token, name


async def test_good_ones_are_told_once_in_as_few_requests_as_can_be(
    ground: Ground, autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    most = ground.platform.limits.batch
    count = min(most, 1_000) + 3
    ground.put(count)
    await nursery.start(ground.reporter().run)
    await ground.until_quiet()
    assert ground.states() == {"delivered": count}
    assert set(ground.double.counted.values()) == {1}
    assert len(ground.double.counted) == count
    assert len(ground.messages) == -(-count // most)


async def test_bad_ones_end_alone_and_good_ones_are_in_few_requests(
    ground: Ground, autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    count = min(ground.platform.limits.batch, 100)
    ground.put(count)
    ground.double.guilty = {"e1", f"e{count // 2 + 1}"}
    guilty = len(ground.double.guilty)
    await nursery.start(ground.reporter().run)
    await ground.until_quiet()
    assert ground.states() == +Counter({"delivered": count - guilty, "dead": guilty})
    assert ground.double.refused == ground.double.guilty
    assert set(ground.double.counted.values()) <= {1}
    if ground.platform.limits.whole:
        assert max(ground.double.requests.values()) <= most_requests(count)
    else:
        assert set(ground.double.requests.values()) == {1}
    (label,) = ground.reasons()
    assert len(label) < 100


async def test_a_throttled_account_waits_and_loses_nothing(
    ground: Ground, autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    ground.double.busy = True
    ground.put(7)
    reporter = ground.reporter()
    await nursery.start(reporter.run)
    await trio.sleep(600)
    asked = len(ground.messages)
    assert 0 < asked < 25
    (shown,) = reporter.report()
    assert shown.state == "throttled"
    assert shown.not_before_us > ground.now_us()
    assert shown.answers == {"throttle": asked}
    ground.double.busy = False
    await ground.until_quiet()
    assert ground.states() == {"delivered": 7}
    assert set(ground.double.counted.values()) == {1}


@pytest.mark.parametrize("fault", ("page", "broken", "empty"))
async def test_what_is_no_answer_is_asked_again(
    ground: Ground, fault: str, autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    answers = {"page": PAGE, "broken": ground.double.broken(), "empty": Answer(500, {}, b"")}
    ground.double.faults = [answers[fault]]
    ground.put(1)
    await nursery.start(ground.reporter().run)
    await ground.until_quiet()
    if ground.forgets:  # nobody knows whether it counted, and it could not be said again
        assert ground.reasons() == {MAY_HAVE_BEEN_COUNTED: 1}
        assert len(ground.messages) == 1
    else:
        assert ground.states() == {"delivered": 1}
        assert set(ground.double.counted.values()) == {1}


async def test_a_lost_answer_is_no_second_event(
    ground: Ground, autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    ground.put(20)
    ground.lost = 0.7
    await nursery.start(ground.reporter().run)
    await ground.until_quiet(3 * 3_600)
    assert set(ground.double.counted.values()) == {1}
    assert len(ground.double.counted) == 20
    if ground.forgets:
        assert set(ground.reasons()) <= {MAY_HAVE_BEEN_COUNTED}
    else:
        assert ground.states() == {"delivered": 20}


async def test_what_did_not_leave_is_said_again_everywhere(
    ground: Ground, autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    ground.unreachable = 3
    ground.put(2)
    await nursery.start(ground.reporter().run)
    await ground.until_quiet()
    assert ground.states() == {"delivered": 2}
    assert set(ground.double.counted.values()) == {1}


@pytest.mark.parametrize("ground", WITH_TOKEN, indirect=True)
async def test_a_dead_token_pauses_its_account_and_a_new_one_ends_the_pause(
    ground: Ground, autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    ground.double.tokens = {"new"}
    ground.put(5)
    reporter = ground.reporter()
    await nursery.start(reporter.run)
    await trio.sleep(3_000)
    (shown,) = reporter.report()
    assert (shown.state, shown.queued, shown.at_risk) == ("paused", 5, {"USD": 7_500_000})
    assert shown.reason.startswith(UNAUTHORIZED)
    assert "good" not in shown.reason
    assert START < shown.next_deadline_us <= START + ground.platform.limits.window_us
    assert len(ground.messages) < 6
    way = ground.ways["pixel:1"]
    ground.ways["pixel:1"] = way._replace(pixel=way.pixel._replace(token="new"))
    reporter.anew(["account:1"])
    await ground.until_quiet(60)
    assert ground.states() == {"delivered": 5}
    assert set(ground.double.counted.values()) == {1}
    (shown,) = reporter.report()
    assert (shown.state, shown.reason, shown.at_risk) == ("sending", "", {})


async def test_tests_are_never_live(ground: Ground, autojump_clock: MockClock, nursery: trio.Nursery) -> None:
    way = ground.ways["pixel:1"]
    ground.ways["pixel:2"] = way._replace(pixel=way.pixel._replace(test_code="TEST1"))
    ground.put(4)
    ground.put(3, target="pixel:2")
    reporter = ground.reporter()
    await nursery.start(reporter.run)
    await ground.until_quiet()
    ours, tried = reporter.report()[0].pixels
    assert ours.warning == "" and tried.warning.startswith("it has a test code")
    live, tests = {f"e{number}" for number in range(1, 5)}, {f"e{number}" for number in range(5, 8)}
    counted = live | tests if ground.platform.tests == "counted" else live
    assert ground.double.counted == dict.fromkeys(counted, 1)
    told = [{each for each in live | tests if f'"{each}"' in it.body.decode()} for it in ground.messages]
    assert all(each <= live or each <= tests for each in told)
    assert set().union(*told) >= (set() if ground.name == "outbrain" else live)
    if ground.platform.tests != "none":
        assert ground.double.tests == {f"e{number}": 1 for number in range(5, 8)}
        assert ground.states() == {"delivered": 7}
        tested = [each for each in ground.stored() if each.delivery.target == "pixel:2"]
        assert {each.reason for each in tested} == {TEST_EVENT}
    else:
        assert not ground.double.tests
        assert ground.states() == {"delivered": 4, "cancelled": 3}


async def test_a_dry_run_sends_nothing(
    ground: Ground, autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    ground.ways["pixel:1"] = ground.ways["pixel:1"]._replace(dry_run=True)
    (first, _) = ground.put(2)
    await nursery.start(ground.reporter().run)
    await ground.until_quiet()
    assert not ground.messages
    assert ground.reasons() == {DRY_RUN: 2}
    found = ground.store.get(first)
    assert found is not None
    (attempt,) = found[1]
    for private in (SOMEBODY.address, SOMEBODY.user_agent, "somebody", "650555"):
        assert private not in attempt.request.lower()


async def test_what_cannot_be_accepted_is_not_sent(
    ground: Ground, autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    limits = ground.platform.limits
    ground.put(1, at_us=START - limits.window_us, click_at_us=START - limits.window_us - HOUR)
    ground.put(1, click_ids={"other": "x"})
    ground.put(1, click_ids={})
    ground.put(1, consent="denied")
    ground.put(1, at_us=START + DAY, click_at_us=START)
    ground.put(2)
    await nursery.start(ground.reporter().run)
    await ground.until_quiet()
    assert ground.double.counted == {"e6": 1, "e7": 1}
    assert not ground.double.refused
    assert ground.reasons() == {
        too_old(limits): 1,
        NO_CLICK: 2,
        NO_CONSENT: 1,
        "Event time in the future": 1,
    }


async def test_an_event_is_never_past_its_window_when_it_leaves(
    ground: Ground, autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    window = ground.platform.limits.window_us
    ground.ways["pixel:1"] = ground.ways["pixel:1"]._replace(held=True)
    ground.put(3, at_us=START - window + 2 * HOUR, click_at_us=START - window)
    ground.put(2)
    reporter = ground.reporter()
    await nursery.start(reporter.run)
    await trio.sleep(2 * 3_600)
    (shown,) = reporter.report()
    assert shown.state == "held"
    assert ground.states() == {"dead": 3, "pending": 2}
    ground.ways["pixel:1"] = ground.ways["pixel:1"]._replace(held=False)
    reporter.anew(["account:1"])
    await ground.until_quiet()
    assert len(ground.double.counted) == 2
    assert ground.reasons() == {too_old(ground.platform.limits): 3}
    assert not ground.double.refused


async def test_what_may_be_used_for_counting_only_is_marked_so(
    ground: Ground, autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    marks = {
        "meta": b'"data_processing_options":["LDU"]', "tiktok": b'"limited_data_use":true',
        "google": b'"adPersonalization":"CONSENT_DENIED"', "openai": b'"opt_out":true',
        "microsoft": b'"adStorageConsent":"D"', "snapchat": b'"data_processing_options":["LMU"]',
        "pinterest": b'"opt_out":true',
    }  # fmt: skip
    ground.put(1, consent="limited")
    await nursery.start(ground.reporter().run)
    await ground.until_quiet()
    assert set(marks) | {"taboola", "outbrain"} == set(CASES)
    (message,) = ground.messages
    assert marks.get(ground.name, b"") in message.body


async def test_no_attempt_shows_a_person_or_what_opens_the_account(
    ground: Ground, autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    ids = ground.put(3)
    ground.double.guilty = {"e2"}
    ground.echo = True
    await nursery.start(ground.reporter().run)
    await ground.until_quiet()
    for id_ in ids:
        found = ground.store.get(id_)
        assert found is not None
        shown = json.dumps([[each.request, each.answer, each.error] for each in found[1]]).lower()
        for private in (SOMEBODY.address, SOMEBODY.user_agent.lower(), "somebody", "650555", "good"):
            assert private not in shown, shown
        assert found[1]


@pytest.mark.parametrize("ground", IN_BATCHES, indirect=True)
async def test_bodies_stay_within_the_bytes_of_a_request(
    ground: Ground, autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    long = {name: value + "x" * 4_000 for name, value in CASES[ground.name].fields["click_ids"].items()}
    ground.put(400, click_ids=long, identity=Identity(address="198.51.100.7", user_agent="a" * 1_500))
    await nursery.start(ground.reporter().run)
    await ground.until_quiet()
    assert ground.states() == {"delivered": 400}
    assert len(ground.messages) > 1
    assert max(len(each.body) for each in ground.messages) <= ground.platform.limits.most_bytes + 1_000
    assert set(ground.double.counted.values()) == {1}


async def test_who_it_was_is_counted_for_the_operator(
    ground: Ground, autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    ground.put(4)
    ground.put(4, identity=Identity(address="198.51.100.7", user_agent="x"))
    reporter = ground.reporter()
    await nursery.start(reporter.run)
    await ground.until_quiet()
    await trio.sleep(60)
    (shown,) = reporter.report()
    assert (shown.measured, shown.accepted, shown.queued) == (8, 8, 0)
    assert shown.match_quality is not None
    assert 0 < shown.match_quality <= 10
    assert shown.events == {"accepted": 8}
    assert shown.name == "ours"
    assert max(shown.identifiers.values()) == 8


async def test_a_bought_token_is_bought_again_and_a_dead_refresh_token_pauses(
    tmp_path: Path, autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    """Google's hour-long tokens over the real door: tests/web/test_platform_door.py has its sockets."""
    ground = ground_of("google", tmp_path / "ledger.db")
    try:
        assert isinstance(ground.double, Google)
        ground.buys = True
        way = ground.ways["pixel:1"]
        secrets = {"client_id": "weir", "client_secret": "hush", "token_url": "https://t.example/token"}
        pixel = way.pixel._replace(token="refresh", settings={**way.pixel.settings, **secrets})
        ground.ways["pixel:1"] = way._replace(pixel=pixel, per_minute=60_000)
        ground.put(2)
        reporter = ground.reporter()
        await nursery.start(reporter.run)
        await ground.until_quiet()
        ground.put(2)
        await trio.sleep(60)
        assert ground.double.sold == 1
        await trio.sleep(3_600)
        ground.put(2)
        await ground.until_quiet()
        assert ground.double.sold == 2
        # Somebody ended all its tokens: a new one is bought, and nobody has to do anything.
        ground.double.tokens = set()
        await trio.sleep(120)
        ground.put(2)
        await ground.until_quiet()
        assert ground.double.sold == 3
        assert not reporter.standings()
        # So it is where several requests are under way with the old one.
        await trio.sleep(120)
        ground.double.tokens = set()
        ground.put(4_100)
        await ground.until_quiet()
        assert ground.double.sold == 4
        assert not reporter.standings()
        ground.double.tokens, ground.double.refresh = set(), set()
        await trio.sleep(120)
        ground.put(2)
        await trio.sleep(600)
        (standing,) = reporter.standings().values()
        assert standing.reason == f"{UNAUTHORIZED}: no access token: invalid_grant"
        assert ground.states()["pending"] == 2
        ground.double.refresh = {"refresh"}
        await ground.until_quiet(3_700)
        assert ground.states() == {"delivered": 4_110}
        assert set(ground.double.counted.values()) == {1}
    finally:
        ground.close()
