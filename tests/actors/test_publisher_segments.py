"""The publisher over real journal segments and a real ledger's outbox."""

from __future__ import annotations

import time
from contextlib import asynccontextmanager

import pytest
import trio

from appliance.actors.kernel import inline_runner
from appliance.actors.publisher import Publisher, ShipNow
from appliance.model.conversions import Settlement
from appliance.model.events import encode
from appliance.model.holds import Holds
from appliance.ports import CORE
from appliance.stores.journal.reader import journal_directory, segments
from appliance.stores.journal.segment import Segment
from appliance.stores.shipping_logs import JournalLogs, OutboxLogs
from appliance.stores.sqlite.ledger import SqliteLedger
from appliance.stores.sqlite.shipping import ShippingFile
from tests.records import click, conversion, identity, postback


def now_ms():
    return time.time_ns() // 1_000_000


class Rig:
    def __init__(self, path, warehouse):
        self.path, self.warehouse = path, warehouse
        self.ledger = SqliteLedger(path / "ledger.db", now_ms)
        self.store = ShippingFile(path / "shipping.db")
        self.others = {}
        self.segments = {}
        self.rotated = []

    def segment(self, edge=0):
        made = Segment(journal_directory(self.path, edge), edge, now_ms(), "process")
        self.segments[edge] = made
        return made

    async def rotate(self, edge, epoch, reason):
        self.rotated.append((edge, reason))
        self.segments[edge].close()
        self.segment(edge)

    @asynccontextmanager
    async def running(self):
        logs = JournalLogs(self.path, lambda edge, epoch: self.others.get((edge, epoch)))
        publisher = Publisher(
            [logs, OutboxLogs(self.ledger, lambda epoch: 1 << 62)], self.store, self.warehouse,
            inline_runner, inline_runner,
            self.rotate, Holds(), lambda: time.time_ns() // 1000,
        )  # fmt: skip
        async with trio.open_nursery() as nursery:
            await nursery.start(publisher.run)
            yield publisher
            publisher.mailbox.close()

    def count(self, table):
        [row] = self.warehouse.query(
            f"select count() as n, uniqExact(edge, epoch, seq) as u from {table}", {}
        )
        assert row["n"] == row["u"], "something is there twice"
        return row["n"]

    def close(self):
        for segment in self.segments.values():
            segment.close()
        self.ledger.close()
        self.store.close()


@pytest.fixture
def rig(tmp_path, warehouse):
    made = Rig(tmp_path, warehouse)
    yield made
    made.close()


async def test_what_edges_append_while_it_runs_arrives_once(rig, autojump_clock):
    async with rig.running() as publisher:
        for edge in (0, 3):
            segment = rig.segment(edge)
            for n in range(0, 300, 3):
                segment.append([encode(click(n + m)) for m in range(3)])
                if n % 60 == 0:
                    await trio.sleep(1)
        await publisher.mailbox.ask(ShipNow(), 60)
        assert {report.behind for report in publisher.consumers()} == {0}
    assert rig.count("click_events") == 600


async def test_a_segment_goes_when_its_edge_left_it_and_conversions_passed_it(rig, autojump_clock):
    first = rig.segment()
    first.append([encode(click(1)), encode(identity(1))])
    first.close()
    second = rig.segment()
    second.append([encode(click(2))])
    async with rig.running() as publisher:
        await publisher.mailbox.ask(ShipNow(), 60)
        assert len(segments(rig.path)) == 2
        rig.others[0, first.epoch] = first.last - 1
        await trio.sleep(5)
        assert len(segments(rig.path)) == 2
        rig.others[0, first.epoch] = first.last
        rig.others[0, second.epoch] = second.last
        await trio.sleep(5)
        assert segments(rig.path) == [second.path], "the one still written to stays"
    assert (rig.count("click_events"), rig.count("click_identity")) == (2, 1)


async def test_a_damaged_segment_is_left_and_salvaged(rig, autojump_clock):
    segment = rig.segment()
    for n in range(400):
        segment.append([encode(click(n))])
    segment.checkpoint(True)
    pages = segment.path.stat().st_size // 4096
    with segment.path.open("r+b") as file:
        file.seek(pages // 2 * 4096)
        file.write(b"\xa5" * 4096)
    async with rig.running() as publisher:
        await trio.sleep(10)
        rig.segments[0].append([encode(click(1000))])
        await publisher.mailbox.ask(ShipNow(), 60)
        assert [edge for edge, _ in rig.rotated] == [0]
    shipped = rig.count("click_events")
    assert 300 < shipped < 401
    errors = rig.warehouse.query("select topic, reason from ingestion_errors order by seq", {})
    assert {error["topic"] for error in errors} == {"journal"}
    assert "was damaged" in errors[-1]["reason"]
    fresh = rig.segments[0]
    assert rig.warehouse.present("click_events", 0, fresh.epoch, 0, fresh.last, None) == {fresh.last}


async def test_a_damaged_segment_is_reported_once_however_often_the_core_restarts(rig, autojump_clock):
    segment = rig.segment()
    segment.append([encode(click(1))])
    segment.checkpoint(True)
    with segment.path.open("r+b") as file:
        file.write(b"\xa5" * 4096)
    for _ in range(3):
        async with rig.running():
            await trio.sleep(10)
    assert rig.count("ingestion_errors") == 1
    assert rig.count("click_events") == 0


async def test_the_outbox_is_emptied_by_shipping(rig, autojump_clock):
    async with rig.running() as publisher:
        rig.ledger.commit(Settlement(records=[conversion(1), postback(1, stage="processed")]))
        await trio.sleep(2)
        assert rig.ledger.sizes().outbox == 0
        rig.ledger.commit(Settlement(records=[conversion(2)]))
        await publisher.mailbox.ask(ShipNow(), 60)
        assert [report.edge for report in publisher.consumers()] == [CORE]
    assert (rig.count("conversion_events"), rig.count("postback_log_events")) == (2, 1)


async def test_an_earlier_lifes_outbox_is_shipped_after_a_restart(rig, autojump_clock):
    rig.ledger.commit(Settlement(records=[conversion(1)]))
    rig.ledger.close()
    rig.ledger = SqliteLedger(rig.path / "ledger.db", now_ms)
    rig.ledger.commit(Settlement(records=[conversion(2)]))
    async with rig.running() as publisher:
        await publisher.mailbox.ask(ShipNow(), 60)
        await trio.sleep(3)
        assert [report.epoch for report in publisher.consumers()] == [rig.ledger.epoch]
    assert rig.count("conversion_events") == 2
    assert rig.ledger.sizes().outbox == 0
