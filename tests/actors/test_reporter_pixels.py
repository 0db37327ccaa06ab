"""One pixel that its platform refuses, beside others of its account that it takes: in virtual time."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
import trio
from trio.testing import MockClock

from appliance.partners.platform import INVALID_PIXEL, UNAUTHORIZED, Answer, Message, Pixel
from tests.actors.reporter_rig import START, Site
from tests.platforms import meta as double


class Two(double.Meta):
    """Meta with a second pixel, `bad`, that it does not know."""

    def __init__(self) -> None:
        super().__init__(code="fine")
        self.asked_of: list[tuple[str, int]] = []
        self.known = {"fine"}

    def answer(self, message: Message, now_us: int) -> Answer:
        code = message.url.split("/")[-2]
        self.asked_of.append((code, len(json.loads(message.body)["data"])))
        self.code = code if code in self.known else "another"
        return super().answer(message, now_us)


@pytest.fixture
def two() -> Two:
    return Two()


@pytest.fixture
def site(tmp_path: Path, two: Two) -> Iterator[Site]:
    made = Site(tmp_path / "ledger.db", other=two)
    way = made.ways["pixel:1"]
    made.ways = {
        "pixel:1": way._replace(pixel=Pixel("bad", "good", {})),
        "pixel:2": way._replace(pixel=Pixel("fine", "good", {})),
    }
    yield made
    made.close()


async def test_a_bad_pixel_holds_up_no_other_of_its_account(
    site: Site, two: Two, autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    site.put(50)
    reporter = site.reporter()
    await nursery.start(reporter.run)
    for _ in range(24):
        await trio.sleep(3_600)
        site.put(20)
        site.put(20, target="pixel:2")
        reporter.wake()
    await trio.sleep(60)
    counts = site.store.counts()
    assert counts["pixel:2"].get("delivered") == 480
    assert counts["pixel:1"].get("pending") == 530
    assert Counter(code for code, _ in two.asked_of)["bad"] < 40
    assert {size for code, size in two.asked_of[1:] if code == "bad"} == {1}
    assert list(reporter.standings()) == ["pixel:1"]
    [account] = reporter.report()
    assert (account.state, account.paused_us, account.reason) == ("sending", 0, "")
    bad, fine = account.pixels
    assert bad.paused_us - START < 60_000_000 and bad.reason.startswith(INVALID_PIXEL)
    assert (bad.queued, bad.at_risk) == (530, {"USD": 530 * 1_500_000})
    assert bad.next_deadline_us and bad.probe_us
    assert (fine.paused_us, fine.reason, fine.at_risk) == (0, "", {})
    # Nobody tells us that it was made: the next single event finds out.
    two.known.add("bad")
    await site.until_quiet(3_700)
    assert not reporter.standings()
    assert set(two.counted.values()) == {1}


async def test_an_account_all_of_whose_pixels_are_refused_is_paused(
    site: Site, two: Two, autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    del site.ways["pixel:2"]
    site.put(5)
    reporter = site.reporter(poll=1.0)
    await nursery.start(reporter.run)
    await trio.sleep(60)
    [account] = reporter.report()
    assert (account.state, account.paused_us) == ("paused", 0)
    assert account.reason.startswith(f"its pixel bad: {INVALID_PIXEL}")
    two.known.add("bad")
    await reporter.resume(["account:1"])
    await site.until_quiet(30)
    assert site.states() == {"delivered": 5}
    assert not site.store.standings()


async def test_a_pixels_pause_outlives_a_restart(
    site: Site, two: Two, autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    site.put(5)
    with trio.move_on_after(100):
        await site.reporter(poll=1.0).run()
    asked = len(two.asked_of)
    assert asked == 1
    reporter = site.reporter(poll=1.0)
    await nursery.start(reporter.run)
    await trio.sleep(100)
    assert list(reporter.standings()) == ["pixel:1"]
    assert len(two.asked_of) == asked


async def test_probes_of_a_paused_account_go_round_its_pixels(
    site: Site, two: Two, autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    """The pixel with the nearest deadlines is not the only one whose events ask for the account."""
    two.tokens = set()
    site.put(50)
    reporter = site.reporter()
    await nursery.start(reporter.run)
    await trio.sleep(60)
    site.put(50, target="pixel:2")
    await trio.sleep(6 * 3_600)
    (standing,) = reporter.standings().values()
    assert standing.target == "account:1" and standing.reason.startswith(UNAUTHORIZED)
    asked = Counter(code for code, size in two.asked_of if size == 1)
    assert abs(asked["bad"] - asked["fine"]) <= 1, asked
