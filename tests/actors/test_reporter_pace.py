"""What an account's failures mean for the requests that come after them, in virtual time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
import trio
from trio.testing import MockClock

from appliance.model.deliveries import Stored
from appliance.partners.platform import Message, Pixel, Sent
from appliance.stores.sqlite.deliveries import SqliteDeliveries
from tests.actors.reporter_rig import Site


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = Site(tmp_path / "ledger.db")
    yield made
    made.close()


async def test_a_single_lost_answer_is_its_own_requests_matter(
    site: Site, autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    site.faults = [site.meta.page()]
    site.draw.random = lambda: 1.0  # type: ignore[method-assign]  the longest pause there is
    site.put(3_000)
    await nursery.start(site.reporter().run)
    await site.until(lambda: len(site.sizes) >= 3)
    assert site.asked_at[2] - site.asked_at[0] < 1.0, "the others went on"
    assert site.states()["delivered"] <= 2_000
    await site.until_quiet()
    assert site.sizes == [1_000] * 4
    assert site.asked_at[3] - site.asked_at[0] >= 5.0, "the one itself waited"
    assert set(site.meta.counted.values()) == {1}


async def test_an_account_whose_secret_cannot_be_opened_says_so_and_what_it_costs(
    site: Site, autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    whole = site.ways["pixel:1"]
    site.ways["pixel:1"] = whole._replace(held=True)
    site.ways["pixel:2"] = whole._replace(held=True, missing="ad_account.token is damaged")
    site.put(2)
    reporter = site.reporter(poll=1.0)
    await nursery.start(reporter.run)
    await site.until(lambda: bool(reporter.report()[0].queued))
    [account] = reporter.report()
    assert (account.state, account.reason, account.queued) == ("held", "ad_account.token is damaged", 2)
    assert account.at_risk == {"USD": 3_000_000}


async def test_an_account_that_an_operator_paused_has_no_reason_of_the_platforms(
    site: Site, autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    site.meta.tokens = {"another"}
    site.put(1)
    reporter = site.reporter(poll=1.0)
    await nursery.start(reporter.run)
    await site.until(lambda: bool(reporter.report()[0].paused_us))
    assert reporter.report()[0].reason
    site.ways["pixel:1"] = site.ways["pixel:1"]._replace(held=True)
    [account] = reporter.report()
    assert (account.state, account.reason) == ("held", "")


async def test_failures_in_a_row_are_the_accounts(
    site: Site, autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    site.faults = [site.meta.page()] * 3
    site.draw.random = lambda: 1.0  # type: ignore[method-assign]
    site.put(5_000)
    await nursery.start(site.reporter(per_account=3).run)
    await site.until(lambda: len(site.sizes) >= 4)
    assert site.asked_at[3] - site.asked_at[2] >= 20.0, "nobody is asked for a while"
    await site.until_quiet()
    assert site.sizes == [1_000] * 8
    assert set(site.meta.counted.values()) == {1}


async def test_nobody_makes_an_account_wait_for_more_than_a_day(
    site: Site, autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    site.meta.busy, site.meta.regain = 100.0, 10**7
    site.put(3)
    await nursery.start(site.reporter(poll=600.0).run)
    await trio.sleep(23 * 3_600)
    assert len(site.sizes) == 1
    site.meta.busy, site.meta.regain = 10.0, 0
    await trio.sleep(2 * 3_600)
    assert site.states() == {"delivered": 3}


@pytest.mark.parametrize("gone", (True, False), ids=("gone", "listed"))
async def test_what_ends_without_a_request_costs_its_account_no_turn(
    site: Site, gone: bool, autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    whole = site.ways["pixel:1"]._replace(per_minute=1)
    site.ways = {"pixel:1": whole, "pixel:2": whole._replace(gone=gone, listed=not gone)}
    site.put(5_000, target="pixel:2")
    reporter = site.reporter()
    await nursery.start(reporter.run)
    await site.until_quiet(60)
    site.put(3)
    reporter.wake()
    await site.until_quiet(10)
    assert site.sizes == [3]


class Asked(SqliteDeliveries):
    """Counts who was asked for."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.takes: Counter[str] = Counter()

    def take_batch(self, target: str, most: int, now_us: int, lease_us: int) -> Sequence[Stored]:
        self.takes[target] += 1
        return super().take_batch(target, most, now_us, lease_us)


class Beside(Site):
    """Answers to what has the token `slow` take long."""

    async def send(self, message: Message, seconds: float) -> Sent:
        if b'"slow"' in message.body:
            await trio.sleep(15)
        return await super().send(message, seconds)


async def test_where_all_is_under_way_nothing_more_is_asked_for_until_something_happens(
    tmp_path: Path, autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    path = tmp_path / "ledger.db"
    site = Beside(path)
    site.store.close()
    site.store = store = Asked(path)
    slow = site.ways["pixel:1"]._replace(account="account:2", pixel=Pixel("px", "slow", {}))
    site.ways["pixel:2"] = slow
    site.meta.tokens = {"good", "slow"}
    site.put(10, target="pixel:2")
    site.put(10_000)
    reporter = site.reporter(per_account=2)
    await nursery.start(reporter.run)
    await site.until(lambda: site.states()["delivered"] == 10_000, 14)
    assert store.takes["pixel:1"] >= 10
    assert store.takes["pixel:2"] == 2, "what is due, and that there is no more"
    site.put(1, target="pixel:2")
    reporter.wake()
    await site.until_quiet(20)
    assert site.asked_at[-1] < 29, "what came was asked for beside it"
    assert site.states() == {"delivered": 10_011}
    site.close()
