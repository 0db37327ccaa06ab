"""Conversions that somebody enters: all or nothing, once per id, whatever dies; and as true as postbacks."""

from __future__ import annotations

from contextlib import closing
from typing import Any

import msgspec
import pytest
import trio
from trio.testing import MockClock

from appliance.actors.conversions_entries import Entries
from appliance.errors import Conflict, Unavailable
from appliance.model.catalog import Network, Template
from appliance.model.conversions import Conversion, entered_position
from appliance.model.deliveries import Delivery, Selection
from appliance.model.entries import Entered, EntryOrder, EntryRow, RowRefusal
from appliance.model.events import ConversionEvent, PostbackLogEvent
from appliance.stores.sqlite.deliveries import SqliteDeliveries
from tests.actors.conversions_rig import START_US, Rig, click, facts


def row(number: int, of: int | str | None, network: int = 0, **params: str) -> EntryRow:
    if of is not None:
        params["click_id"] = click(of) if isinstance(of, int) else of
    return EntryRow(number, params, network)


def order(*rows: EntryRow, **more: Any) -> EntryOrder:
    given: dict[str, Any] = {"id": "list", "digest": "d", "at_us": START_US + 9_000_000, "author": "Ann"}
    return EntryOrder(**{**given, **more, "rows": rows})


def sales(*clicks: int) -> tuple[EntryRow, ...]:
    return tuple(row(n, n, transaction_id=f"E{n}", payout="2") for n in clicks)


async def enter(rig: Rig, *rows: EntryRow, **more: Any) -> Entered:
    return await Entries(rig.actor).enter(order(*rows, **more))


def revenue(rig: Rig) -> int:
    return sum(event.revenue for event in rig.conversions())


async def test_what_is_entered_is_in_the_log_and_in_the_ledger(rig: Rig, autojump_clock: MockClock) -> None:
    rig.warehouse[click(1)] = facts(1)
    rig.click(2)
    async with rig.running():
        await trio.sleep(0.3)
        answer = await enter(rig, *sales(1, 2), row(3, 2, transaction_id="E2", payout="3.5"))
        assert (answer.stored, answer.rows, answer.made, answer.changed, answer.known) == (True, 3, 2, 1, 0)
    received = [it for it in rig.records() if isinstance(it, PostbackLogEvent) and it.stage == "received"]
    assert {(it.method, it.reason, it.network_id) for it in received} == {("entered", "entered by Ann", 5)}
    assert [it.params["transaction_id"] for it in received] == ["E1", "E2", "E2"]
    assert [outcome for _, outcome in rig.outcomes() if outcome] == ["conversion"] * 3
    assert revenue(rig) == 5_500_000
    [known] = rig.ledger.conversions([rig.conversions()[0].id]).values()
    assert known.history[0].stamp == (received[0].at_us, *entered_position(received[0].id))
    assert (known.click.campaign_id, known.attributed) == (2, True)


async def test_later_rows_of_a_conversion_are_heard_later(rig: Rig, autojump_clock: MockClock) -> None:
    """Also where all have the same time: positions are digests, in no order."""
    rig.click(1)
    async with rig.running():
        await trio.sleep(0.3)
        await enter(rig, *(row(n, 1, transaction_id="T", payout=str(n)) for n in range(1, 30)))
    assert revenue(rig) == 29_000_000


async def test_an_id_counts_once_and_is_one_order(rig: Rig, autojump_clock: MockClock) -> None:
    rig.click(1)
    async with rig.running():
        await trio.sleep(0.3)
        first = await enter(rig, *sales(1))
        later = order(*sales(1), at_us=START_US + 99_000_000)
        assert await Entries(rig.actor).enter(later) == first
        with pytest.raises(Conflict):
            await enter(rig, *sales(1), digest="another")
        assert len(rig.records()) == 3
    rig.restart()
    async with rig.running():
        assert await enter(rig, *sales(1)) == first
    assert len(rig.records()) == 3


@pytest.mark.parametrize("after", range(14))
async def test_a_kill_between_any_two_steps_and_the_order_sent_again_count_once(
    rig: Rig, autojump_clock: MockClock, after: int
) -> None:
    rig.warehouse |= {click(number): facts(number) for number in (1, 2, 3)}
    await rig.live(0.3)
    rig.postback(2, tid="B", payout="3")
    rows = (*sales(1, 2), row(3, 3, transaction_id="E3", payout="-1", status="sale"))

    async def say() -> None:
        await enter(rig, *rows)

    await rig.killed_beside(say, after)
    stored = {event.transaction_id for event in rig.conversions()} & {"E1", "E2", "E3"}
    assert len(stored) in (0, 3)
    async with rig.running():
        await trio.sleep(1)
        for _ in range(2):
            assert (await enter(rig, *rows)).made == 3
    assert revenue(rig) == 2_000_000 * 2 + 3_000_000
    received = [it.id for it in rig.records() if isinstance(it, PostbackLogEvent) and it.method == "entered"]
    assert len(received) == 6 and len(set(received)) == 3


WRONG = [
    (row(1, 1, payout="twelve"), "payout"),
    (row(1, 1, payout="1e3"), "payout"),
    (row(1, 1, currency="$$"), "currency"),
    (row(1, 1, status="perhaps"), "status"),
    (row(1, 1, payout="{payout}"), "payout"),
    (row(1, 1, conversion_time="yesterday"), "time"),
    (row(1, 1, conversion_time="1999-01-01"), "time"),
    (row(1, "nonsense"), "click_id"),
    (row(1, 404), "click_id"),
    (row(1, None, transaction_id="never heard", network=7), "transaction_id"),
    (row(1, None, transaction_id="never heard"), "network"),
]


@pytest.mark.parametrize(("wrong", "field"), WRONG, ids=lambda it: str(it)[:60])
async def test_one_wrong_row_refuses_all_and_is_named(
    rig: Rig, autojump_clock: MockClock, wrong: EntryRow, field: str
) -> None:
    rig.click(1)
    rig.click(2)
    wrong = msgspec.structs.replace(wrong, number=77)
    async with rig.running():
        await trio.sleep(0.3)
        answer = await enter(rig, *sales(1), wrong, *sales(2))
        assert (answer.stored, answer.made) == (False, 0)
        assert [(it.row, it.field) for it in answer.refused] == [(77, field)]
        assert rig.records() == []
        answer = await enter(rig, *sales(1), wrong, *sales(2), partial=True)
        assert (answer.stored, answer.made, len(answer.refused)) == (True, 2, 1)
    assert revenue(rig) == 4_000_000


async def test_what_could_not_be_read_is_refused_with_the_rest(rig: Rig, autojump_clock: MockClock) -> None:
    rig.click(1)
    unread = (RowRefusal(1, "", "what is this"),)
    async with rig.running():
        await trio.sleep(0.3)
        answer = await enter(rig, *sales(1), row(3, 404), refused=unread)
        assert [it.row for it in answer.refused] == [1, 3] and answer.rows == 3
        assert (await enter(rig, refused=unread, partial=True)).stored is False
    assert rig.records() == []


async def test_a_preview_stores_nothing_and_uses_up_no_id(rig: Rig, autojump_clock: MockClock) -> None:
    rig.click(1)
    async with rig.running():
        await trio.sleep(0.3)
        seen = await enter(rig, *sales(1), preview=True)
        assert (seen.stored, seen.made) == (False, 1)
        assert rig.records() == []
        assert (await enter(rig, *sales(1))).made == 1


async def test_only_campaigns_of_one_s_own(rig: Rig, autojump_clock: MockClock) -> None:
    for number in (1, 2):
        rig.click(number)
    rig.postback(2, tid="T2", payout="3")
    await rig.live(0.5)
    mine = frozenset({facts(1).campaign_id})
    async with rig.running():
        await trio.sleep(0.3)
        answer = await enter(
            rig, *sales(1, 2), row(3, None, network=7, transaction_id="T2", status="rejected"),
            row(4, 1, network=7, transaction_id="T2", status="rejected"), campaigns=mine, partial=True,
        )  # fmt: skip
        assert [(it.row, it.field) for it in answer.refused] == [
            (2, "click_id"), (3, "transaction_id"), (4, "click_id"),
        ]  # fmt: skip
        assert answer.made == 1
    assert revenue(rig) == 5_000_000


async def test_a_correction_needs_no_click_and_the_rules_of_its_network_hold(
    rig: Rig, autojump_clock: MockClock
) -> None:
    rig.networks[7] = Network(id=7, slug="net", template_id=1, transitions={"rejected": ("rejected",)})
    rig.templates[1] = Template(id=1, mapping={"payout": ("commission",), "transaction_id": ("order",)})
    rig.click(1)
    rig.postback(1, order="T", commission="3")
    await rig.live(0.5)
    async with rig.running():
        await trio.sleep(0.3)
        corrected = row(1, None, network=7, transaction_id="T", payout="4", status="approved")
        rejected = row(2, None, network=7, transaction_id="T", status="rejected")
        again = row(3, None, network=7, transaction_id="T", status="sale")
        answer = await enter(rig, corrected, rejected, again)
        assert (answer.made, answer.changed, answer.known) == (0, 2, 1)
    assert revenue(rig) == 0
    assert [it.status for it in rig.conversions()][-1] == "rejected"


async def test_targets_are_told_only_if_they_are_to_be(rig: Rig, autojump_clock: MockClock) -> None:
    def post(before: Conversion | None, after: Conversion, now_us: int) -> list[Delivery]:
        return [
            Delivery(
                id=after.transaction_id, target="postback:1", conversion_id=after.id, revision=after.revision,
                campaign_id=1, created_us=now_us, not_before_us=now_us, deadline_us=now_us + 1, body=b"",
            )
        ]  # fmt: skip

    rig.actor._post = post
    rig.click(1)
    rig.click(2)
    async with rig.running():
        await trio.sleep(0.3)
        await enter(rig, *sales(1))
        await enter(rig, *sales(2), id="other", report=False)
    with closing(SqliteDeliveries(rig.data / "ledger.db")) as outbox:
        assert [it.delivery.id for it in outbox.select(Selection(), 2**62, 9)] == ["E1"]


async def test_without_the_warehouse_nothing_is_entered(rig: Rig, autojump_clock: MockClock) -> None:
    rig.away = True
    async with rig.running():
        with pytest.raises(Unavailable):
            await enter(rig, *sales(1))
    assert rig.records() == []


async def test_ten_thousand_rows_are_one_step(rig: Rig, autojump_clock: MockClock) -> None:
    """One bad row of them refuses all; with partial the 9,999 others are stored."""
    for number in range(100):
        rig.click(number)
    rows = [row(n + 1, n % 100, transaction_id=f"E{n}", payout="0.01") for n in range(10_000)]
    rows[4_711] = row(4_712, 1, transaction_id="x", payout="free")
    async with rig.running():
        await trio.sleep(0.3)
        answer = await enter(rig, *rows)
        assert (answer.stored, [it.row for it in answer.refused]) == (False, [4_712])
        answer = await enter(rig, *rows, partial=True)
        assert (answer.stored, answer.made, len(answer.refused)) == (True, 9_999, 1)
    made = [it for it in rig.records() if isinstance(it, ConversionEvent)]
    assert sum(it.revenue for it in made) == 99_990_000
