"""Every journaled event reaches the warehouse exactly once, whatever dies meanwhile. Real chDB throughout."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trio

from appliance.actors.kernel import inline_runner, thread_runner
from appliance.actors.publisher import MAX_ENTRIES, Publisher, ShipNow
from appliance.errors import JournalMalformed, Unavailable
from appliance.model.events import encode
from appliance.model.holds import Holds
from appliance.ports import Entry
from appliance.reporting.rows import Row
from appliance.stores.sqlite.shipping import ShippingFile
from tests.records import NOON, click, conversion, identity, interpreted, postback

EPOCH = 1 << 60
BASE = 1 << 60


class Logs:
    """A LogSource over lists: small enough to see through, with the promises of ports.EventLog."""

    def __init__(self) -> None:
        self.entries: dict[tuple[int, int], list[Entry]] = {}
        self.done: set[tuple[int, int]] = set()
        self.removed: list[tuple[int, int, int]] = []
        self.broken: dict[tuple[int, int], Callable[[], None]] = {}
        self.others_passed = True

    def add(self, events: Sequence[object], edge: int = 0, epoch: int = EPOCH) -> None:
        log = self.entries.setdefault((edge, epoch), [])
        first = BASE + len(log)
        log += [
            Entry(seq, event if isinstance(event, bytes) else encode(event))
            for seq, event in enumerate(events, first)
        ]

    def find(self) -> list[tuple[int, int]]:
        return sorted(self.entries)

    def open(self, edge: int, epoch: int) -> Any:
        return ListLog(self, edge, epoch)

    def salvage(self, edge: int, epoch: int) -> tuple[list[Entry], list[tuple[int, int]]]:
        kept = self.entries[edge, epoch]
        holes = [(a.seq + 1, b.seq - 1) for a, b in itertools.pairwise(kept) if b.seq != a.seq + 1]
        return kept, holes

    def shipped(self, edge: int, epoch: int, seq: int) -> None: ...

    def remove(self, edge: int, epoch: int, end: int) -> bool:
        if self.others_passed:
            self.removed.append((edge, epoch, end))
            del self.entries[edge, epoch]
        return self.others_passed


class ListLog:
    def __init__(self, logs: Logs, edge: int, epoch: int) -> None:
        self.logs, self.edge, self.epoch = logs, edge, epoch

    def read(self, after: int, limit: int) -> list[Entry]:
        if (self.edge, self.epoch) in self.logs.broken:
            self.logs.broken[self.edge, self.epoch]()
        return [entry for entry in self.logs.entries[self.edge, self.epoch] if entry.seq > after][:limit]

    def finished(self) -> bool:
        return (self.edge, self.epoch) in self.logs.done

    def close(self) -> None: ...


class Rig:
    """A publisher that can be thrown away and built again over what is stored."""

    def __init__(self, path: Path, warehouse: Any) -> None:
        self.logs = Logs()
        self.store = ShippingFile(path / "shipping.db")
        self.warehouse = warehouse
        self.holds = Holds()
        self.rotated: list[tuple[int, int, str]] = []
        self.files: Any = inline_runner
        self.lane: Any = inline_runner

    async def _rotate(self, edge: int, epoch: int, reason: str) -> None:
        self.rotated.append((edge, epoch, reason))
        self.logs.done.add((edge, epoch))

    def publisher(self) -> Publisher:
        return Publisher(
            [self.logs], self.store, self.warehouse, self.files, self.lane, self._rotate, self.holds,
            lambda: time.time_ns() // 1000,
        )  # fmt: skip

    @asynccontextmanager
    async def running(self):
        publisher = self.publisher()
        async with trio.open_nursery() as nursery:
            await nursery.start(publisher.run)
            yield publisher
            publisher.mailbox.close()

    async def ship(self) -> Publisher:
        """One life: ship everything there is, then stop."""
        async with self.running() as publisher:
            await publisher.mailbox.ask(ShipNow(), 60)
        return publisher

    def seqs(self, table: str = "click_events", edge: int = 0) -> list[int]:
        rows = self.warehouse.query(f"select seq from {table} where edge = {edge} order by seq", {})
        return [row["seq"] - BASE for row in rows]

    def errors(self) -> list[dict[str, Any]]:
        return self.warehouse.query(
            "select seq, topic, reason, bytes, raw from ingestion_errors order by seq", {}
        )


@pytest.fixture
def rig(tmp_path, warehouse):
    made = Rig(tmp_path, warehouse)
    yield made
    made.store.close()


async def test_each_topic_of_every_log_reaches_its_table(rig):
    rig.logs.add([click(1), identity(1), postback(1)])
    rig.logs.add([click(2)], edge=1)
    rig.logs.add([conversion(1)], edge=-1)
    publisher = await rig.ship()
    assert rig.seqs() == [0]
    assert rig.seqs("click_identity") == [1]
    assert rig.seqs("postback_log_events") == [2]
    assert rig.seqs(edge=1) == [0]
    assert rig.seqs("conversion_events", edge=-1) == [0]
    assert publisher.rows_shipped == 5
    assert [(r.edge, r.seq - BASE, r.behind) for r in publisher.consumers()] == [
        (-1, 0, 0),
        (0, 2, 0),
        (1, 0, 0),
    ]


async def test_interpreted_events_go_to_no_table_and_hold_up_nothing(rig):
    rig.logs.add([interpreted(1), click(1), interpreted(2)])
    rig.logs.add([interpreted(n) for n in range(MAX_ENTRIES)], edge=1)
    publisher = await rig.ship()
    assert rig.seqs() == [1] and publisher.rows_shipped == 1 and publisher.rows_set_aside == 0
    assert [(r.edge, r.seq - BASE, r.behind) for r in publisher.consumers()] == [
        (0, 2, 0),
        (1, MAX_ENTRIES - 1, 0),
    ]


async def test_what_is_appended_later_follows_by_itself(rig, autojump_clock):
    async with rig.running():
        rig.logs.add([click(1)])
        rig.logs.add([click(2)], edge=5)  # an edge that nobody knew
        await trio.sleep(1)  # by two ticks at most
        assert (rig.seqs(), rig.seqs(edge=5)) == ([0], [0])
    assert rig.store.offset(0, EPOCH) == BASE


async def test_stopping_ships_what_is_there(rig):
    async with rig.running():
        rig.logs.add([click(n) for n in range(3)])
    assert rig.seqs() == [0, 1, 2]


async def test_a_held_log_is_left_alone_and_the_others_are_not(rig):
    rig.logs.add([click(1)])
    rig.logs.add([click(1)], edge=1)
    rig.holds.hold(0, "publisher")
    publisher = await rig.ship()
    assert (rig.seqs(), rig.seqs(edge=1)) == ([], [0])
    assert publisher.consumers()[0].held
    rig.holds.release(0, "publisher")
    await rig.ship()
    assert rig.seqs() == [0]


async def test_undecodable_bodies_are_set_aside_with_their_bytes(rig):
    rig.logs.add(
        [click(1), b"\xff\xfenonsense", encode(click(2)).replace(b"click_events", b"klick_events"), click(3)]
    )
    rig.logs.add([encode(identity(1))[:-4]])
    publisher = await rig.ship()
    assert rig.seqs() == [0, 3]
    errors = rig.errors()
    assert [(e["seq"] - BASE, e["topic"]) for e in errors] == [(1, "unknown"), (2, "unknown"), (4, "unknown")]
    assert errors[0]["bytes"] == 10
    assert errors[0]["raw"]
    assert errors[2]["raw"] == "", "a full address lives in click_identity only"
    assert publisher.rows_set_aside == 3


async def test_one_poison_row_stands_alone(rig):
    events = [click(n) for n in range(40)]
    events[17] = click(17, at_us=946_684_799_000_000)  # 1999: refused by the warehouse itself
    events[30] = click(30, cost=(1 << 64) - 1)  # fits msgpack, not Int64
    rig.logs.add(events)
    await rig.ship()
    assert rig.seqs() == [n for n in range(40) if n not in (17, 30)]
    assert [(e["seq"] - BASE, e["topic"]) for e in rig.errors()] == [
        (17, "click_events"),
        (30, "click_events"),
    ]
    assert "sane_time" in rig.errors()[0]["reason"]


@pytest.mark.slow
async def test_one_poison_row_among_a_hundred_thousand(rig):
    event = click(1)
    bodies = [encode(event)] * 100_000
    bodies[61_803] = encode(click(2, at_us=946_684_799_000_000))
    rig.logs.add(bodies)
    rig.files, rig.lane = thread_runner(1), thread_runner(1)
    await rig.ship()
    [row] = rig.warehouse.query("select count() as n, uniqExact(seq) as u from click_events", {})
    assert (row["n"], row["u"]) == (99_999, 99_999)
    assert [e["seq"] - BASE for e in rig.errors()] == [61_803]


class Died(Exception):
    """Stands for kill -9: everything in memory is gone, whatever was stored stays."""


class Dying:
    """A Runner that dies at its `at`-th call, before or after the call did its work."""

    def __init__(self, at: int, after: bool) -> None:
        self.at, self.after, self.calls = at, after, 0

    async def __call__(self, fn: Any, /, *args: Any, **kwargs: Any) -> Any:
        self.calls += 1
        if self.calls == self.at and not self.after:
            raise Died
        answer = await inline_runner(fn, *args, **kwargs)
        if self.calls == self.at:
            raise Died
        return answer


@pytest.mark.slow
async def test_killed_between_any_two_steps_it_loses_and_doubles_nothing(rig):
    """Exhaustive: one life is cut short at every step in turn, then the next life finishes the work."""
    everything: list[int] = []
    points = 0
    for at in range(1, 200):
        for after in (False, True):
            epoch = EPOCH + at * 2 + after
            month = 86_400_000_000 * 30
            events = [postback(n, at_us=NOON - (n % 2) * month) for n in range(4)]
            events[3] = postback(3, at_us=946_684_799_000_000)
            rig.logs.add([*events, b"\xc1", identity(1)], edge=9, epoch=epoch)
            rig.files = rig.lane = Dying(at, after)
            life = rig.publisher()
            try:
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(life.run)
                    with trio.fail_after(60):
                        await life.mailbox.ask(ShipNow(), 60)
                    life.mailbox.close()
            except* Died:
                points += 1
            survived = rig.files.calls < at
            rig.files = rig.lane = inline_runner
            await rig.ship()
            rig.logs.done.add((9, epoch))
            await rig.ship()  # the finished log is removed, so that the next turn begins with one log
            assert rig.logs.entries == {}
            where = f"where edge = 9 and epoch = {epoch}"
            for table, count in (("postback_log_events", 3), ("click_identity", 1), ("ingestion_errors", 2)):
                [row] = rig.warehouse.query(f"select count() n, uniqExact(seq) u from {table} {where}", {})
                assert (row["n"], row["u"]) == (count, count), (table, at, after)
            everything.append(epoch)
        if survived:
            break
    else:
        pytest.fail("never reached the end")
    assert points > 20


class Failing:
    """A real warehouse behind a switch: refuses, or stores only some of the rows and then fails."""

    def __init__(self, real: Any) -> None:
        self.real = real
        self.down = self.closed = False
        self.partial = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self.real, name)

    def open(self) -> None:
        if self.closed:
            raise Unavailable("closed for a test")
        self.real.open()

    def insert(self, rows: Sequence[Row]) -> None:
        if self.down:
            raise Unavailable("down for a test")
        if self.partial:
            self.partial -= 1
            self.real.insert(rows[: len(rows) // 2])
            raise Unavailable("the connection broke in the middle")
        self.real.insert(rows)


async def test_a_failing_warehouse_stops_shipping_only_and_it_catches_up(rig, autojump_clock):
    rig.warehouse = failing = Failing(rig.warehouse)
    failing.down = True
    async with rig.running() as publisher:
        for n in range(30):
            rig.logs.add([click(n)])
            await trio.sleep(1)
        assert publisher.last_error == "down for a test"
        assert publisher.consumers()[0].behind_seconds > 0
        with pytest.raises(Unavailable, match="down for a test"):
            await publisher.mailbox.ask(ShipNow(), 60)
        failing.down = False
        await trio.sleep(6)
        assert rig.seqs() == list(range(30))
        assert publisher.last_error == ""


async def test_what_waits_shows_while_the_warehouse_cannot_even_be_opened(rig, autojump_clock):
    """After a restart of the core, too: the lag is what an operator looks at then."""
    rig.warehouse = failing = Failing(rig.warehouse)
    failing.closed = True
    rig.logs.add([click(n) for n in range(3)])
    async with rig.running() as publisher:
        await trio.sleep(5)
        assert [(report.edge, report.taken) for report in publisher.consumers()] == [(0, 0)]


async def test_an_insert_that_broke_in_the_middle_is_completed_not_repeated(rig, autojump_clock):
    rig.warehouse = failing = Failing(rig.warehouse)
    failing.partial = 3
    rig.logs.add([click(n) for n in range(20)])
    async with rig.running():
        await trio.sleep(30)
    assert rig.seqs() == list(range(20))
    assert failing.partial == 0


async def test_a_finished_log_goes_when_everybody_has_passed_its_end(rig, autojump_clock):
    rig.logs.add([click(1)])
    rig.logs.others_passed = False
    async with rig.running() as publisher:
        await trio.sleep(5)
        rig.logs.done.add((0, EPOCH))
        await trio.sleep(5)
        assert rig.logs.removed == []
        rig.logs.others_passed = True
        await trio.sleep(5)
        assert rig.logs.removed == [(0, EPOCH, BASE)]
        assert publisher.consumers() == ()
        assert rig.store.offsets() == []


async def test_a_damaged_log_is_rotated_salvaged_and_its_holes_are_reported(rig, autojump_clock):
    rig.logs.add([click(n) for n in range(10)])
    rig.logs.add([click(1)], edge=1)
    async with rig.running():
        await trio.sleep(2)
        rig.logs.add([click(n) for n in range(10, 20)])

        def malformed() -> None:
            raise JournalMalformed("database disk image is malformed")

        rig.logs.broken[0, EPOCH] = malformed
        del rig.logs.entries[0, EPOCH][4:7]  # shipped before: nobody misses them
        del rig.logs.entries[0, EPOCH][9:11]  # 12 and 13: lost
        await trio.sleep(10)
        rig.logs.add([click(2)], edge=1)
        await trio.sleep(2)
    assert rig.rotated == [(0, EPOCH, "database disk image is malformed")]
    assert rig.seqs() == [*range(12), *range(14, 20)]
    assert rig.seqs(edge=1) == [0, 1]
    reports = [(e["seq"] - BASE, e["topic"], e["reason"]) for e in rig.errors()]
    assert [(seq, topic) for seq, topic, _ in reports] == [(12, "journal"), (20, "journal")]
    assert f"{BASE + 12} to {BASE + 13}" in reports[0][2]
    assert rig.logs.removed == [(0, EPOCH, BASE + 19)]


async def test_bodies_of_a_megabyte_shrink_the_next_read(rig, autojump_clock):
    rig.logs.add([postback(n, params={"x": "y" * 200_000}) for n in range(60)])
    publisher = await rig.ship()
    assert rig.seqs("postback_log_events") == list(range(60))
    assert publisher.consumers()[0].behind == 0
