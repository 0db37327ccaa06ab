"""Feeds: what was stored is listed once, whoever dies meanwhile, and nothing is listed that may not be."""

from __future__ import annotations

import csv
import io
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import trio
from trio.testing import MockClock

from appliance.access import tokens
from appliance.actors.feeds import Feeds
from appliance.actors.kernel import inline_runner
from appliance.errors import Unavailable
from appliance.model.catalog import AdAccount, Pixel
from appliance.model.conversions import Settlement
from appliance.model.deliveries import Delivery, Selection, delivery_id
from appliance.model.platforms import AccountReport, PixelReport
from appliance.partners import feeds
from appliance.partners.feeds import Feed, feeds_of
from appliance.partners.platform import DAY, DRY_RUN, MARGIN, NO_CLICK
from appliance.partners.report import Report
from appliance.stores.feeds import FeedShelf
from appliance.stores.sqlite.deliveries import SqliteDeliveries
from appliance.stores.sqlite.ledger import SqliteLedger

START = 1_790_000_000_000_000
HASH = "ab" * 32
encode = msgspec.msgpack.Encoder().encode


class Site:
    """A ledger file and the actor over it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.ledger = SqliteLedger(path / "ledger.db", lambda: START // 1_000)
        self.store = SqliteDeliveries(path / "ledger.db", lambda name: None)
        self.shelf = FeedShelf(path)
        self.wanted: tuple[Feed, ...] = (Feed(1, HASH, ("feed:7",), False, False),)
        self.refuse = False

    def now(self) -> int:
        return START + int(trio.current_time() * 1_000_000)

    def put(self, *numbers: int, target: str = "feed:7", **fields: Any) -> None:
        made = []
        for number in numbers:
            report = Report(
                **{
                    "event_name": "Purchase", "event_id": f"e{number}", "at_us": self.now(),
                    "click_at_us": self.now() - 60_000_000, "click_ids": {"gclid": f"G-{number}"},
                    "value": 1_250_000, "currency": "EUR", "order_id": f"o,{number}", **fields,
                }
            )  # fmt: skip
            made.append(
                Delivery(
                    id=delivery_id(target, report.event_id),
                    target=target,
                    conversion_id=f"c{number}",
                    revision=1,
                    campaign_id=1,
                    created_us=self.now(),
                    not_before_us=self.now(),
                    deadline_us=report.at_us + 90 * DAY - MARGIN,
                    body=encode(report),
                )
            )
        self.ledger.commit(Settlement(deliveries=made))

    def rows(self, name: str = HASH) -> list[list[str]]:
        text = (self.path / "feeds" / f"{name}.csv").read_text()
        first, rest = text.split("\n", 1)
        assert first == "Parameters:TimeZone=+0000"
        head, *found = csv.reader(io.StringIO(rest))
        assert tuple(head) == feeds.COLUMNS
        return found

    def states(self) -> dict[str, str]:
        found = self.store.select(Selection(), 1 << 62, 100)
        return {it.delivery.conversion_id: f"{it.state}: {it.reason}" for it in found}

    # A shelf that can be full

    def put_file(self, name: str, body: bytes) -> None:
        if self.refuse:
            raise Unavailable("the disk is full")
        self.shelf.put(name, body)

    def keep(self, names: Collection[str]) -> None:
        self.shelf.keep(names)


class Full:
    """The shelf of a site."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def put(self, name: str, body: bytes) -> None:
        self._site.put_file(name, body)

    def keep(self, names: Collection[str]) -> None:
        self._site.keep(names)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = Site(tmp_path)
    yield made
    made.store.close()
    made.ledger.close()


async def lived(site: Site, seconds: float = 5.0) -> None:
    """One life of the actor."""
    actor = Feeds(
        store=site.store, shelf=Full(site), wanted=lambda: site.wanted, run_blocking=inline_runner,
        now_us=site.now,
    )  # fmt: skip
    async with trio.open_nursery() as nursery:
        await nursery.start(actor.run)
        await trio.sleep(seconds)
        nursery.cancel_scope.cancel()


async def test_events_are_rows_and_stay(site: Site, autojump_clock: MockClock) -> None:
    site.put(1, 2)
    await lived(site)
    assert [row[:6] for row in site.rows()] == [
        ["G-1", "Purchase", "2026-09-21 14:13:20+0000", "1.25", "EUR", "o,1"],
        ["G-2", "Purchase", "2026-09-21 14:13:20+0000", "1.25", "EUR", "o,2"],
    ]
    assert [row[6:] for row in site.rows()] == [["Granted", "Granted"]] * 2
    assert set(site.states().values()) == {f"delivered: {feeds.LISTED}"}
    site.put(3, consent="limited")
    await lived(site)
    assert [row[0] for row in site.rows()] == ["G-1", "G-2", "G-3"]
    assert site.rows()[2][6:] == ["Denied", "Denied"]


async def test_its_account_counts_them(site: Site, autojump_clock: MockClock) -> None:
    site.put(1, 2)
    site.put(3, consent="denied")
    await lived(site)
    site.put(4)
    report = AccountReport(
        account_id=1, name="", platform="google", target="account:1", state="sending", accepted=5,
        pixels=tuple(PixelReport(target=f"pixel:{n}", pixel_id=n, code="", accepted=n) for n in (6, 7)),
    )  # fmt: skip
    found = feeds.counted(report, ["feed:7", "feed:8"], site.store.counts())
    assert (found.queued, found.accepted, found.refused, found.not_sent) == (1, 7, 1, 0)
    other, its = found.pixels
    assert (other.queued, other.accepted) == (0, 6)
    assert (its.queued, its.accepted, its.refused) == (1, 9, 1)


async def test_what_may_not_be_listed_says_why(site: Site, autojump_clock: MockClock) -> None:
    site.put(1, click_ids={"gbraid": "x"})
    site.put(2, consent="denied")
    site.put(3, at_us=START - 91 * DAY)
    await lived(site)
    assert site.rows() == []
    assert site.states() == {
        "c1": f"dead: {NO_CLICK}", "c2": "dead: No consent", "c3": "dead: Conversion older than 90 days",
    }  # fmt: skip


async def test_a_dry_run_lists_nothing_and_a_paused_account_waits(
    site: Site, autojump_clock: MockClock
) -> None:
    site.put(1)
    site.wanted = (Feed(1, HASH, ("feed:7",), False, True),)
    await lived(site)
    assert site.states() == {"c1": "pending: "}
    site.wanted = (Feed(1, HASH, ("feed:7",), True, False),)
    await lived(site)
    assert site.rows() == [] and site.states() == {"c1": f"cancelled: {DRY_RUN}"}


async def test_a_feed_that_is_no_more_leaves_nothing(site: Site, autojump_clock: MockClock) -> None:
    site.put(1)
    await lived(site)
    site.put(2)
    site.wanted = ()
    await lived(site)
    assert list((site.path / "feeds").iterdir()) == []
    assert site.states() == {"c1": f"delivered: {feeds.LISTED}", "c2": f"dead: {feeds.CLOSED}"}


async def test_a_full_disk_loses_nothing(site: Site, autojump_clock: MockClock) -> None:
    site.put(1)
    site.refuse = True
    await lived(site)
    assert site.states() == {"c1": "pending: "}
    site.refuse = False
    await lived(site, 200.0)  # what was taken is due again when its lease is over
    assert [row[0] for row in site.rows()] == ["G-1"]
    assert site.states() == {"c1": f"delivered: {feeds.LISTED}"}


async def test_old_rows_leave_the_file(site: Site, autojump_clock: MockClock) -> None:
    site.put(1)
    await lived(site)
    await trio.sleep(feeds.WINDOW / 1e6 + 1)
    site.put(2)
    await lived(site)
    assert [row[0] for row in site.rows()] == ["G-2"]


async def test_what_is_of_others_is_left_alone(site: Site, autojump_clock: MockClock) -> None:
    site.put(1, target="pixel:7")
    await lived(site)
    assert site.states() == {"c1": "pending: "}


def test_whose_feeds_there_are() -> None:
    accounts = [
        AdAccount(id=1, platform="google", feed_hash=HASH, dry_run=False),
        AdAccount(id=2, platform="google"),
        AdAccount(id=3, platform="google", feed_hash="cd" * 32, archived=True),
    ]
    pixels = [
        Pixel(id=7, ad_account_id=1, code="a"), Pixel(id=8, ad_account_id=1, code="b", archived=True),
        Pixel(id=9, ad_account_id=2, code="c"), Pixel(id=10, ad_account_id=3, code="d"),
    ]  # fmt: skip
    assert feeds_of(accounts, pixels) == (Feed(1, HASH, ("feed:7",), False, False),)


def test_a_token_opens_its_own_file_and_nothing_else(tmp_path: Path) -> None:
    secret = tokens.PREFIX + "A" * 43
    shelf = FeedShelf(tmp_path)
    assert shelf.read(secret) is None
    shelf.put(tokens.digest(secret), b"rows")
    assert shelf.read(secret) == b"rows"
    for wrong in (secret[:-1] + "B", "", "..", tokens.digest(secret), f"../feeds/{tokens.digest(secret)}"):
        assert shelf.read(wrong) is None
    assert ((tmp_path / "feeds").stat().st_mode & 0o777) == 0o700
