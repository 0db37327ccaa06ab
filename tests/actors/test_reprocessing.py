"""Reprocessing with a real ledger and the actor at work: all of it or nothing, and nothing is lost."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
import trio
from trio.testing import MockClock

from appliance.actors.conversions_entries import Entries
from appliance.actors.kernel import inline_runner
from appliance.errors import Conflict, Refused, Unavailable
from appliance.inbox import Inbox
from appliance.model.catalog import Network, Template
from appliance.model.conversions import Conversion
from appliance.model.entries import EntryOrder, EntryRow
from appliance.model.events import ConversionEvent, PostbackLogEvent, decode
from appliance.operations.reprocessing_desk import NO_DRAFTS, Drafts, Prepared
from appliance.reporting.inbox import Wanted
from appliance.reporting.sql import Query
from tests.actors.conversions_rig import START_US, Killed, Rig, click

ALL = Wanted(from_us=START_US - 10**9, to_us=START_US + 10**12, network_id=7)
WORDS = {"geprueft": "sale"}


class Bench:
    """A rig with an inbox; its warehouse has every received postback, and of the rest what was shipped."""

    def __init__(self, rig: Rig) -> None:
        self.rig = rig
        self.received: dict[tuple[int, int, int], PostbackLogEvent] = {}
        self.shipped: list[PostbackLogEvent | ConversionEvent] = []

    def inbox(self) -> Inbox:
        return Inbox(self.rig.ledger, self.rig.actor, 10**9, inline_runner)

    def send(self, number: int, edge: int = 0, **params: str) -> None:
        event = self.rig.received(number, **params)
        segment = self.rig.edge(edge)
        self.rig.send(event, edge)
        self.received[(edge, segment.epoch, segment.last)] = event

    def ship(self) -> None:
        for log in self.rig.ledger.outboxes():
            if entries := log.read(0, 10**6):
                self.shipped += [decode(entry.body) for entry in entries]
                self.rig.ledger.outbox_drop(log.epoch, entries[-1].seq)

    async def ask(self, query: Query) -> list[dict[str, Any]]:
        await trio.lowlevel.checkpoint()
        if "conversion_events" in query.sql:
            wanted = query.parameters["transactions"]
            assert isinstance(wanted, list)
            events = [it for it in self.shipped if isinstance(it, ConversionEvent)]
            return [{"id": it.id} for it in events if it.transaction_id in wanted]
        keys = query.parameters.get("keys")
        rows = []
        for (edge, epoch, seq), event in self.received.items():
            if not isinstance(keys, list) or f"{edge}:{epoch}:{seq}" in keys:
                fate = [it for it in self.shipped if it.id == event.id and isinstance(it, PostbackLogEvent)]
                last = fate[-1] if fate else None
                named = ("outcome", "reason", "conversion_id", "click_id", "transaction_id")
                rows.append(
                    {
                        **{name: getattr(event, name) for name in event.__struct_fields__},
                        "edge": edge, "epoch": epoch, "seq": seq,
                        "fate": [getattr(last, name) if last else "" for name in named],
                    }
                )  # fmt: skip
        return rows

    async def prepare(self, inbox: Inbox, drafts: Drafts = NO_DRAFTS) -> Prepared:
        return await inbox.prepare(ALL, self.ask, drafts)

    def network(self, **fields: Any) -> None:
        self.rig.networks[7] = msgspec.structs.replace(self.rig.networks[7], **fields)

    def sums(self) -> tuple[int, int, int]:
        """(conversions, revenue, hold) of everything that was ever told to the warehouse."""
        events = [it for it in [*self.shipped, *self.rig.records()] if isinstance(it, ConversionEvent)]
        return sum(it.count for it in events), sum(it.revenue for it in events), sum(it.hold for it in events)

    def ledger(self) -> tuple[int, int, int]:
        """The same as the ledger has it."""
        totals = self.rig.ledger.totals().values()
        return sum(t[0] for t in totals), sum(t[1] for t in totals), sum(t[2] for t in totals)


@pytest.fixture
def bench(rig: Rig) -> Bench:
    return Bench(rig)


def three(bench: Bench) -> None:
    for number in range(3):
        bench.rig.click(number)
        bench.send(number, tid=f"T{number}", payout="10", status="geprueft")


async def test_it_is_previewed_and_applied(bench: Bench, autojump_clock: MockClock) -> None:
    three(bench)
    async with bench.rig.running():
        await trio.sleep(0.3)
        assert bench.sums() == (3, 0, 30_000_000)
        inbox = bench.inbox()
        draft = Drafts({7: msgspec.structs.replace(bench.rig.networks[7], status_words=WORDS)}, {})
        shown = await bench.prepare(inbox, draft)
        assert len(shown.found.differences) == 3
        assert bench.sums() == (3, 0, 30_000_000)
        bench.network(status_words=WORDS)
        prepared = await bench.prepare(inbox)
        assert prepared.fingerprint == shown.fingerprint
        await inbox.apply(prepared)
        assert bench.sums() == bench.ledger() == (3, 30_000_000, 0)
        assert (await bench.prepare(inbox)).found.differences == []


async def test_a_postback_that_comes_between_preview_and_apply_is_a_conflict_and_is_not_lost(
    bench: Bench, autojump_clock: MockClock
) -> None:
    three(bench)
    async with bench.rig.running():
        await trio.sleep(0.3)
        bench.network(status_words=WORDS)
        inbox = bench.inbox()
        prepared = await bench.prepare(inbox)
        bench.send(0, tid="T0", payout="99", status="geprueft")
        await trio.sleep(0.3)
        with pytest.raises(Conflict):
            await inbox.apply(prepared)
        assert bench.sums() == bench.ledger() == (3, 99_000_000, 20_000_000)
        await inbox.apply(await bench.prepare(inbox))
        assert bench.sums() == bench.ledger() == (3, 119_000_000, 0)


async def test_a_change_of_the_network_meanwhile_is_a_conflict(
    bench: Bench, autojump_clock: MockClock
) -> None:
    three(bench)
    async with bench.rig.running():
        await trio.sleep(0.3)
        bench.network(status_words=WORDS)
        inbox = bench.inbox()
        prepared = await bench.prepare(inbox)
        bench.network(status_words={"geprueft": "rejected"})
        with pytest.raises(Conflict):
            await inbox.apply(prepared)
        bench.network(status_words=WORDS)
        other = await bench.prepare(inbox)
        await inbox.apply(prepared)
        with pytest.raises(Conflict):  # it was made before the one that came first
            await inbox.apply(other)
    assert bench.sums() == bench.ledger() == (3, 30_000_000, 0)


@pytest.mark.parametrize("at", range(12))
async def test_a_kill_between_any_two_steps_leaves_all_or_nothing(
    bench: Bench, autojump_clock: MockClock, at: int
) -> None:
    three(bench)
    await bench.rig.live(0.3)
    bench.network(status_words=WORDS)
    applied = False
    try:
        async with bench.rig.running():
            await trio.sleep(0.2)
            inbox = bench.inbox()
            prepared = await bench.prepare(inbox)
            bench.rig.kill_at = at
            await inbox.apply(prepared)
            applied = True
            await trio.sleep(0.2)
    except* (Killed, Unavailable):
        pass
    bench.rig.kill_at = None
    bench.rig.restart()
    assert bench.sums() == bench.ledger()
    assert bench.sums() in ([(3, 30_000_000, 0)] if applied else [(3, 30_000_000, 0), (3, 0, 30_000_000)])
    async with bench.rig.running():
        await trio.sleep(0.3)
        inbox = bench.inbox()
        await inbox.apply(await bench.prepare(inbox))
    assert bench.sums() == bench.ledger() == (3, 30_000_000, 0)


@pytest.mark.parametrize("ship", [True, False])
async def test_what_the_warehouse_has_not_heard_of_yet_is_known(
    bench: Bench, autojump_clock: MockClock, ship: bool
) -> None:
    """Postbacks that were moved a moment ago are moved again from where they are now."""
    bench.rig.click(1)
    bench.send(1, tid="A", other="B", third="C", payout="1")
    bench.rig.click(2)
    bench.send(2, tid="A2", other="B", third="C", payout="2")
    async with bench.rig.running():
        await trio.sleep(0.3)
        inbox = bench.inbox()
        bench.network(template_id=1)
        for name, wanted in (("other", (1, 2_000_000)), ("third", (1, 2_000_000)), ("tid", (2, 3_000_000))):
            if ship:
                bench.ship()
            bench.rig.templates[1] = Template(id=1, mapping={"transaction_id": (name,)})
            prepared = await bench.prepare(inbox)
            assert prepared.found.left == []
            await inbox.apply(prepared)
            assert bench.sums()[:2] == bench.ledger()[:2] == wanted


@pytest.mark.parametrize("ship", [True, False])
async def test_the_earliest_of_a_claim_is_put_right(
    bench: Bench, autojump_clock: MockClock, ship: bool
) -> None:
    bench.network(duplicates="repeat")
    for number in (1, 2, 3):
        bench.rig.click(number)
        bench.send(number, tid="A", payout=str(number), amount="x" if number == 1 else "5")
    async with bench.rig.running():
        await trio.sleep(0.3)
        if ship:
            bench.ship()
        inbox = bench.inbox()
        bench.network(template_id=1)
        bench.rig.templates[1] = Template(id=1, mapping={"payout": ("amount",)})
        first = next(iter(bench.received))
        kept = dict(bench.received)
        bench.received = {first: kept[first]}  # only the first is chosen: the others share its claim
        prepared = await bench.prepare(inbox)
        await inbox.apply(prepared)
        bench.received = kept
        found = _conversions(bench)
        assert {(it.click.id[-1], it.void, it.repeated) for it in found} == {
            ("1", True, False), ("2", False, False), ("3", False, True),
        }  # fmt: skip
        bench.rig.click(4)
        bench.send(4, tid="A", amount="1")
        await trio.sleep(0.3)
        newest = next(it for it in _conversions(bench) if it.click.id[-1] == "4")
        assert newest.repeated
    assert bench.sums() == bench.ledger()


async def test_a_claim_whose_conversions_are_all_void_begins_again(
    bench: Bench, autojump_clock: MockClock
) -> None:
    bench.network(duplicates="repeat")
    bench.rig.click(1)
    bench.send(1, tid="A", payout="1", amount="x")
    async with bench.rig.running():
        await trio.sleep(0.3)
        inbox = bench.inbox()
        bench.network(template_id=1)
        bench.rig.templates[1] = Template(id=1, mapping={"payout": ("amount",)})
        await inbox.apply(await bench.prepare(inbox))
        assert bench.sums() == (0, 0, 0)
        bench.rig.click(2)
        bench.send(2, tid="A", amount="5")
        await trio.sleep(0.3)
        (alive,) = [it for it in _conversions(bench) if not it.void]
        assert (alive.repeated, alive.payout) == (False, 5_000_000)


async def test_one_that_waits_for_its_click_is_a_conversion_at_once_by_the_right_template(
    bench: Bench, autojump_clock: MockClock
) -> None:
    bench.rig.click(1)
    params = {"real": click(1)}
    bench.send(77, payout="4", **params)
    async with bench.rig.running() as actor:
        await trio.sleep(1)
        assert actor.report().waiting == 1
        bench.network(template_id=1)
        bench.rig.templates[1] = Template(id=1, mapping={"click_id": ("real",)})
        inbox = bench.inbox()
        prepared = await bench.prepare(inbox)
        assert [fate.outcome for _, fate in prepared.found.moved] == ["conversion"]
        await inbox.apply(prepared)
        assert actor.report().waiting == 0
        await trio.sleep(100)
    assert bench.sums() == bench.ledger() == (1, 4_000_000, 0)


async def test_what_is_entered_of_a_void_conversion_needs_a_click_like_a_new_one(
    bench: Bench, autojump_clock: MockClock
) -> None:
    bench.rig.click(1)
    bench.send(1, tid="A", payout="1", amount="x")
    async with bench.rig.running() as actor:
        await trio.sleep(0.3)
        inbox = bench.inbox()
        bench.network(template_id=1)
        bench.rig.templates[1] = Template(id=1, mapping={"payout": ("amount",)})
        await inbox.apply(await bench.prepare(inbox))
        entries = Entries(actor)
        row = EntryRow(1, {"transaction_id": "A"}, 7)
        order = EntryOrder(id="o", digest="", at_us=START_US + 10**6, author="a", rows=(row,))
        refused = await entries.enter(order)
        assert [it.field for it in refused.refused] == ["transaction_id"]
        params = {**row.params, "click_id": click(1), "payout": "3"}
        entered = await entries.enter(msgspec.structs.replace(order, rows=(EntryRow(1, params, 7),)))
        assert entered.refused == ()
        assert bench.sums() == bench.ledger() == (1, 3_000_000, 0)


async def test_too_many_are_refused(
    bench: Bench, autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("appliance.inbox.MOST", 2)
    three(bench)
    async with bench.rig.running():
        await trio.sleep(0.3)
        with pytest.raises(Refused, match="too many"):
            await bench.prepare(bench.inbox())


async def test_trying_one_stores_nothing(bench: Bench, autojump_clock: MockClock) -> None:
    bench.rig.click(1)
    async with bench.rig.running():
        await trio.sleep(0.3)
        event = bench.rig.received(1, tid="T", payout="3", status="geprueft")
        inbox = bench.inbox()
        tried = await inbox.test(event)
        assert tried.after is not None
        assert (tried.outcome, tried.before, tried.after.status) == ("conversion", None, "hold")
        draft = Drafts({7: Network(id=7, slug="net", status_words=WORDS)}, {})
        tried = await inbox.test(event, draft)
        assert tried.after is not None
        assert tried.after.status == "sale"
        assert (await inbox.test(bench.rig.received(5, tid="U"))).outcome == "waiting"
    assert bench.rig.records() == []


def _conversions(bench: Bench) -> list[Conversion]:
    ids = {it.id for it in [*bench.shipped, *bench.rig.records()] if isinstance(it, ConversionEvent)}
    return list(bench.rig.ledger.conversions(sorted(ids)).values())
