"""Interpreted events and postbacks that are events, out of the edges' journals."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import AsyncIterator, Collection, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from appliance.actors.interpreted_tail import InterpretedTail, found_in
from appliance.actors.kernel import Tree, inline_runner, supervise
from appliance.errors import Missing, Refused
from appliance.model.events import InterpretedReceived, PostbackLogEvent, encode
from appliance.partners.interpreted import INVALID_PIXEL
from appliance.partners.platform import DAY
from appliance.partners.report import Identity
from appliance.partners.subscribing import Subscriptions
from appliance.ports import Entry
from appliance.stores.journal.reader import journal_directory
from appliance.stores.journal.segment import Segment
from appliance.stores.journal.tails import Tails
from appliance.stores.sqlite import interpreted
from tests.actors.conversions_rig import click_event
from tests.actors.interpreter_rig import ADDRESS, PIXEL, START_US, Killed, Site, event
from tests.pure.test_layouts import TONIC


class World(Site):
    """With an edge that writes, and a network whose postbacks are Tonic's."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self.layouts = {4: "tonic"}
        self.made = 0
        self.segment = self.new_segment()
        self.tail = self.hire()

    def new_segment(self) -> Segment:
        self.made += 1
        return Segment(journal_directory(self.directory, 0), 0, START_US // 1_000 + self.made, "process")

    def received(self, number: int, **changed: Any) -> bytes:
        given = event(number, network="airfind", **changed)
        line = {name: value for name, value in given.items() if name not in ("ip", "user_agent")}
        sealed = self.sealer.seal(Identity(address=ADDRESS, user_agent="Mozilla"), START_US)
        return encode(
            InterpretedReceived(1, f"i{number}", START_US, 1, json.dumps(line), sealed, f"r{number}")
        )

    def hire(self) -> InterpretedTail:
        """The next life's."""
        self.journals = Tails(self.directory)
        self.tail = InterpretedTail(
            journals=self.journals,
            shelf=self.store.store,
            sink=self.interpreter,
            intakes=self.intakes,
            layout=lambda network: self.layouts.get(network, ""),
            run_blocking=inline_runner,
        )
        return self.tail

    def restart(self) -> None:
        self.journals.close()
        self.begin()
        self.hire()

    @asynccontextmanager
    async def running(self, seconds: float = 10) -> AsyncIterator[None]:
        """The tail runs meanwhile, and for so long afterwards."""
        async with trio.open_nursery() as nursery:
            await nursery.start(self.tail.run)
            yield
            await trio.sleep(seconds)
            nursery.cancel_scope.cancel()

    def close(self) -> None:
        self.segment.close()
        self.journals.close()
        super().close()


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    made.close()


def postback(seq: int, network: int = 4, stage: Any = "received", **params: str) -> bytes:
    return encode(
        PostbackLogEvent(1, f"p{seq}", START_US, stage, "", "", network, "GET", {**TONIC, **params}, "", "r")
    )


def test_only_events_are_found_among_all_that_a_journal_holds():
    entries = [
        Entry(1, encode(click_event(1))),
        Entry(2, postback(2)),
        Entry(3, postback(3, network=5)),
        Entry(4, postback(4, stage="refused")),
        Entry(5, postback(5, subid2="x")),
        Entry(6, b"\x93\xb4interpreted_received\x01\x02"),
        Entry(7, b"nonsense"),
        Entry(8, encode(InterpretedReceived(1, "i", 7, 1, "{}", b"", "r"))),
    ]
    found = found_in(entries, lambda network: "tonic" if network == 4 else "")
    assert [(seq, it.network, it.intake) for seq, it in found.events] == [(2, "tonic", "postbacks")]
    assert (found.refused, found.requests, found.newest_us) == (3, 1, 7)


async def test_a_visitor_sealed_with_his_place_today_is_not_sealed_again(
    world: World, autojump_clock: MockClock
) -> None:
    as_it_came = world.sealer.seal(Identity(address=ADDRESS, user_agent="Mozilla", city="Ulm"), START_US)

    def received(number: int, at_us: int) -> bytes:
        line = json.dumps(event(number, network="airfind"))
        return encode(InterpretedReceived(2, f"i{number}", at_us, 1, line, as_it_came, "r"))

    async with world.running():
        world.segment.append([received(1, START_US), received(2, START_US - DAY)])
    first, second = world.reports()
    assert first.sealed == as_it_came
    assert second.sealed != as_it_came, "its day's key would go before the report's window ends"
    assert world.sealer.open(second.sealed).address == ADDRESS


async def test_what_an_edge_received_is_reported(world: World, autojump_clock: MockClock) -> None:
    async with world.running():
        world.segment.append([encode(click_event(1)), world.received(1), world.received(2)])
    assert world.names() == {"Purchase": 2}
    found = world.sealer.open(world.reports()[0].sealed)
    assert (found.address, found.user_agent, found.city) == (ADDRESS, "Mozilla", "New York")
    assert {record.intake for record in world.records()} == {"events"}
    [intake] = world.intakes.reports()
    assert (intake.name, intake.batches, intake.events) == ("events", 2, 2)


async def test_an_accounts_token_reports_to_its_own_pixels_only(
    world: World, autojump_clock: MockClock
) -> None:
    world.interpreter.configure(Subscriptions(world.subscriptions), {1: {"another"}, 2: {PIXEL}})
    async with world.running():
        world.segment.append([world.received(1)])
    assert [record.invalid_reason for record in world.records()] == [INVALID_PIXEL]
    assert world.reports() == []


async def test_a_network_with_a_layout_feeds_it_too(world: World, autojump_clock: MockClock) -> None:
    world.subscriptions.clear()
    await world.intakes.switch_off("subscription_filter", "test")
    world.pixel(code="123")
    now_s = str(START_US // 1_000_000 - 60)
    subid4 = TONIC["subid4"].replace("1738414800", now_s)
    async with world.running():
        world.segment.append([postback(1, subid4=subid4), postback(2, network=5, subid4=subid4)])
    assert world.names() == {"PageView": 1, "ViewContent": 1, "Purchase": 1}
    assert {record.intake for record in world.records()} == {"postbacks"}


async def test_nothing_is_taken_twice_by_the_next_life(world: World, autojump_clock: MockClock) -> None:
    async with world.running():
        world.segment.append([world.received(1)])
    world.restart()
    async with world.running():
        world.segment.append([world.received(2)])
    assert world.names() == {"Purchase": 2}
    assert (world.tail.events, len(world.records())) == (1, 2)


async def test_a_kill_on_either_side_of_a_commit_counts_once(world: World, autojump_clock: MockClock) -> None:
    world.segment.append([world.received(number) for number in range(30)])
    for number, when in enumerate(("dies_before", "dies_after")):
        getattr(world.store, when).add(world.store.commits + 1)
        with pytest.raises(BaseExceptionGroup) as caught:
            async with world.running():
                pass
        assert caught.group_contains(Killed)
        world.restart()
        world.segment.append([world.received(100 + number)])
    async with world.running():
        pass
    assert world.names() == {"Purchase": 32}
    assert len(world.records()) == 32


async def test_journals_of_clicks_alone_are_passed_and_may_go(
    world: World, autojump_clock: MockClock
) -> None:
    async with world.running():
        world.segment.append([encode(click_event(number)) for number in range(50)])
    assert world.store.store.offset(0, world.segment.epoch) == world.segment.last
    assert world.records() == []


async def test_it_goes_on_with_the_next_segment(world: World, autojump_clock: MockClock) -> None:
    async with world.running():
        world.segment.append([world.received(1)])
        await trio.sleep(1)
        first = world.segment
        first.close()
        world.segment = world.new_segment()
        world.segment.append([world.received(2)])
    assert world.names() == {"Purchase": 2}
    assert world.store.store.offset(0, first.epoch) == first.last
    assert {(it.edge, it.consumer) for it in world.tail.consumers()} == {(0, "interpreter")}


async def test_while_it_is_paused_events_are_put_aside_and_journals_may_go(
    world: World, autojump_clock: MockClock
) -> None:
    await world.intakes.pause("events", "anna")
    async with world.running():
        world.segment.append([encode(click_event(1)), *(world.received(number) for number in range(1_200))])
        await trio.sleep(60)
        assert world.reports() == []
        assert world.store.store.offset(0, world.segment.epoch) == world.segment.last
        await world.intakes.resume("events")
    assert world.names() == {"Purchase": 1_200}
    assert world.store.store.shelved(10) == []
    assert world.tail.events == 1_200


async def test_what_was_put_aside_comes_before_what_comes_later(
    world: World, autojump_clock: MockClock
) -> None:
    await world.intakes.pause("events", "anna")
    async with world.running():
        world.segment.append([world.received(1, revenue=1)])
    world.restart()
    await world.intakes.load()
    async with world.running():
        world.segment.append([world.received(1, revenue=3)])
        await trio.sleep(60)
        assert world.reports() == []
        await world.intakes.resume("events")
        world.segment.append([world.received(1, revenue=2)])
    assert [record.revenue for record in world.records()] == [1_000_000, 3_000_000, 2_000_000]
    assert world.worth() == 3_000_000


async def test_what_was_put_aside_is_taken_once_whenever_it_is_killed(
    world: World, autojump_clock: MockClock
) -> None:
    await world.intakes.pause("events", "anna")
    async with world.running():
        world.segment.append([world.received(number) for number in range(40)])
    await world.intakes.resume("events")
    for when in ("dies_before", "dies_after"):
        world.restart()
        getattr(world.store, when).add(world.store.commits + 1)
        with pytest.raises(BaseExceptionGroup) as caught:
            async with world.running():
                world.segment.append([world.received(50 + world.store.commits)])
        assert caught.group_contains(Killed)
    world.restart()
    async with world.running():
        pass
    assert world.names() == {"Purchase": 42}
    assert len(world.records()) == 42


async def test_a_full_shelf_leaves_the_rest_in_the_journals(
    world: World, autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(interpreted, "MOST_SHELVED", 1_000)
    await world.intakes.pause("events", "anna")
    async with world.running():
        world.segment.append([world.received(1)])
        await trio.sleep(10)
        world.segment.append([world.received(number) for number in range(2, 6)])
        await trio.sleep(10)
        assert "paused intake" in world.intakes.reports()[0].last_error
        assert len(world.store.store.shelved(10)) == 1
        await world.intakes.resume("events")
    assert world.names() == {"Purchase": 5}


@pytest.mark.parametrize("paused", [False, True])
async def test_a_pixel_that_is_full_in_the_midst_of_a_read_is_waited_for(
    world: World, autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch, paused: bool
) -> None:
    monkeypatch.setattr(interpreted, "MOST_WAITING", 1_500)
    tree = Tree()
    if paused:
        await world.intakes.pause("events", "anna")
    async with trio.open_nursery() as nursery:
        await nursery.start(supervise, tree, "interpreter", world.tail.run)
        world.segment.append(
            [encode(click_event(1)), *(world.received(number, conversions=300) for number in range(60))]
        )
        await trio.sleep(2)
        if paused:
            await world.intakes.resume("events")
            await trio.sleep(2)
        [intake] = world.intakes.reports()
        assert "too many reports wait for" in intake.last_error
        assert 0 < len(world.records()) < 60, "a part of what was read is taken"
        assert (intake.events, intake.batches) == (len(world.records()), len(world.records()))
        for _ in range(60):  # the pixel takes some of them
            await trio.sleep(1)
            with sqlite3.connect(world.path) as db:
                sql = "select number from delivery where state='pending' limit 1200"
                db.execute(f"update delivery set state='delivered' where number in ({sql})")
        assert tree.nodes["interpreter"].restarts == 0
        nursery.cancel_scope.cancel()
    assert world.names() == {"Purchase": 18_000}
    assert len(world.records()) == 60
    assert world.tail.events == world.interpreter.counts["processed"] == 60
    assert world.store.store.offset(0, world.segment.epoch) == world.segment.last


async def test_whoever_refuses_to_say_what_is_subscribed_is_waited_for(
    world: World, autojump_clock: MockClock
) -> None:
    answers: list[Exception] = [Refused("AccessDenied")] * 10 + [Missing("no such table")] * 30

    async def others(campaigns: Collection[str]) -> Collection[str]:
        await trio.lowlevel.checkpoint()
        if answers:
            raise answers.pop()
        return campaigns

    world.interpreter.others = others
    async with world.running():
        world.segment.append([world.received(1, campaign_id="another")])
        await trio.sleep(1)
        assert world.intakes.reports()[0].last_error == "no such table"
        assert world.interpreter.report().last_error == "no such table"
        await trio.sleep(100)
    assert world.names() == {"Purchase": 1}
    assert world.intakes.reports()[0].last_error == ""


async def test_a_commit_that_is_said_to_have_failed_counts_once(
    world: World, autojump_clock: MockClock
) -> None:
    world.store.doubts.add(1)
    async with world.running():
        world.segment.append([world.received(1), world.received(2)])
        await trio.sleep(10)
        world.segment.append([world.received(3)])
    assert world.names() == {"Purchase": 3}
    assert len(world.records()) == world.tail.events == 3
    assert world.intakes.reports()[0].last_error == ""


async def test_a_journal_without_events_may_go_also_after_a_failure(
    world: World, autojump_clock: MockClock
) -> None:
    first = world.segment
    async with world.running():
        first.append([encode(click_event(1))])
        await trio.sleep(0.3)
        said = world.store.store.offset(0, first.epoch)
        first.append([encode(click_event(number)) for number in range(50)])
        await trio.sleep(0.3)
        assert world.store.store.offset(0, first.epoch) == said > 0, "read, and not yet said"
        world.store.refuses |= {world.store.commits + 1, world.store.commits + 2}
        first.close()
        world.segment = world.new_segment()
        world.segment.append([world.received(1)])
    assert world.store.store.offset(0, first.epoch) == first.last
    assert world.names() == {"Purchase": 1}


async def test_a_journal_whose_end_was_read_ahead_is_read_again_after_a_failure(
    world: World, autojump_clock: MockClock
) -> None:
    world.segment.append([world.received(1), world.received(2)])
    world.segment.close()
    world.segment = world.new_segment()
    world.store.refuses |= {world.store.commits + 1, world.store.commits + 2}
    async with world.running():
        await trio.sleep(10)
    assert world.names() == {"Purchase": 2}
    assert world.tail.events == 2


async def test_while_nothing_can_be_stored_it_waits_and_says_so(
    world: World, autojump_clock: MockClock
) -> None:
    world.outbox_full = True
    async with world.running():
        world.segment.append([world.received(1)])
        await trio.sleep(60)
        assert "warehouse" in world.intakes.reports()[0].last_error
        world.outbox_full = False
    assert world.names() == {"Purchase": 1}
    assert world.intakes.reports()[0].last_error == ""
