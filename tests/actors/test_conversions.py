"""Postbacks become conversions once, whatever overtakes, repeats, is away or dies."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from appliance.model.catalog import Network, Template
from appliance.model.events import PostbackLogEvent
from appliance.stores.journal.reader import journal_directory
from tests.actors.conversions_rig import START_US, Rig, click, facts


async def test_a_recent_click_needs_no_warehouse(rig: Rig, autojump_clock: MockClock) -> None:
    rig.click(1)
    sent = rig.postback(1, tid="T", payout="2.5", status="Approved", event="deposit")
    await rig.live(0.3)
    (event,) = rig.conversions()
    expected = facts(1)
    assert (event.count, event.revenue, event.hold, event.currency) == (1, 2_500_000, 0, "USD")
    assert (event.revision, event.status, event.original_status) == (1, "sale", "Approved")
    assert (event.transaction_id, event.event_type, event.network_id) == ("T", "deposit", 7)
    assert (event.click_id, event.click_at_us, event.campaign_id) == (expected.id, expected.at_us, 2)
    assert (event.stream_id, event.destination_id, event.source_id, event.link_id) == (2, 3, 4, 6)
    assert (event.subs, event.utm) == (expected.subs, expected.utm)
    assert event.at_us == START_US + 1
    assert event.known_us >= START_US
    assert rig.looked_up == []
    log = rig.records()[-1]
    assert isinstance(log, PostbackLogEvent)
    assert (log.id, log.stage, log.outcome, log.reason) == (sent, "processed", "conversion", "")
    assert (log.click_id, log.transaction_id, log.conversion_id) == (expected.id, "T", event.id)
    assert (log.known_us, log.at_us, log.params, log.address) == (event.known_us, event.at_us, {}, "")


async def test_an_older_click_is_looked_up(rig: Rig, autojump_clock: MockClock) -> None:
    rig.warehouse[click(1)] = facts(1)
    rig.postback(1, payout="1")
    await rig.live(0.3)
    assert [event.campaign_id for event in rig.conversions()] == [2]
    assert [ids for _, ids in rig.looked_up] == [(click(1),)]
    assert rig.outcomes() == [("p1", "conversion")]


async def test_many_lookups_go_in_one_batch(rig: Rig, autojump_clock: MockClock) -> None:
    rig.warehouse |= {click(number): facts(number) for number in range(300)}
    for number in range(300):
        rig.postback(number)
    await rig.live(1)
    assert len(rig.conversions()) == 300
    assert len(rig.looked_up) == 1


async def test_a_postback_that_overtakes_its_click_is_settled_when_the_click_is_read(
    rig: Rig, autojump_clock: MockClock
) -> None:
    rig.held.add(0)
    rig.click(1, edge=0)
    rig.postback(1, edge=1, payout="3")
    async with rig.running() as actor:
        await trio.sleep(3)
        assert rig.outcomes() == [("p1", "waiting")]
        assert rig.reasons() == {"p1": "its click is not known yet"}
        assert actor.report().waiting == 1
        rig.held.clear()
        asked = len(rig.looked_up)
        await trio.sleep(0.15)  # one poll, not the next backoff
        assert rig.outcomes() == [("p1", "waiting"), ("p1", "conversion")]
        assert len(rig.looked_up) == asked
        assert actor.report().waiting == 0
        assert actor.report().outcomes == {"waiting": 1, "conversion": 1}
    assert [event.revenue for event in rig.conversions()] == [3_000_000]


async def test_a_click_that_reaches_the_warehouse_later_is_found_by_a_retry(
    rig: Rig, autojump_clock: MockClock
) -> None:
    rig.postback(1)
    async with rig.running():
        await trio.sleep(5)
        rig.warehouse[click(1)] = facts(1)
        await trio.sleep(10)
    assert rig.outcomes() == [("p1", "waiting"), ("p1", "conversion")]


async def test_retries_back_off_and_end_when_the_time_is_over(rigs: Any, autojump_clock: MockClock) -> None:
    rig = rigs(hours=0.1)
    rig.postback(1)
    await rig.live(500)
    times = [at for at, _ in rig.looked_up]
    pauses = [round(late - early, 1) for early, late in itertools.pairwise(times)]
    assert pauses[:8] == pytest.approx([0.25, 0.5, 1, 2, 4, 8, 16, 32], abs=0.2)
    assert max(pauses) == pytest.approx(60, abs=0.2)
    assert 360 <= times[-1] <= 421
    assert rig.outcomes() == [("p1", "waiting"), ("p1", "click_unknown")]
    assert rig.reasons()["p1"] == "no such click came in time"
    assert rig.ledger.sizes().waiting == 0
    assert rig.conversions() == []


async def test_what_cannot_be_our_click_is_refused_at_once(rig: Rig, autojump_clock: MockClock) -> None:
    rig.postback("whatever", tid="1")
    rig.postback(None, tid="2")
    rig.postback(1, payout="1e3")
    await rig.live(0.3)
    assert [outcome for _, outcome in rig.outcomes()] == ["refused"] * 3
    assert rig.reasons() == {
        "p1": "click_id: not one of our click ids",
        "p2": "click_id: missing, and no such transaction is known",
        "p3": "payout: written with an exponent; expected 12.50",
    }
    assert rig.looked_up == []


async def test_duplicates_count_once_in_a_batch_and_across_restarts(
    rig: Rig, autojump_clock: MockClock
) -> None:
    rig.click(1)
    for _ in range(3):
        rig.postback(1, tid="T", payout="1")
    await rig.live(0.3)
    rig.postback(1, tid="T", payout="1")
    rig.postback(2, tid="T", payout="1")  # another click, same transaction
    await rig.live(0.3)
    assert len(rig.conversions()) == 1
    assert [outcome for _, outcome in rig.outcomes()] == ["conversion"] + ["duplicate"] * 4
    assert rig.reasons()["p5"] == "already known; names another click than its conversion's"
    assert rig.looked_up == []


async def test_postbacks_of_one_claim_in_one_batch_are_applied_in_order(
    rig: Rig, autojump_clock: MockClock
) -> None:
    rig.click(1)
    for status in ("pending", "approved", "rejected", "approved"):
        rig.postback(1, tid="T", payout="4", status=status)
    await rig.live(0.3)
    assert [(e.revision, e.status, e.entered, e.count, e.revenue, e.hold) for e in rig.conversions()] == [
        (1, "hold", 1, 1, 0, 4_000_000),
        (2, "hold", -1, -1, 0, -4_000_000),
        (3, "sale", 1, 1, 4_000_000, 0),
        (4, "sale", -1, -1, -4_000_000, 0),
        (5, "rejected", 1, 0, 0, 0),
        (6, "rejected", -1, 0, 0, 0),
        (7, "sale", 1, 1, 4_000_000, 0),
    ]
    assert rig.ledger.totals() == {"USD": (1, 4_000_000, 0)}


async def test_a_change_of_status_needs_no_click_once_the_transaction_is_known(
    rig: Rig, autojump_clock: MockClock
) -> None:
    rig.click(1)
    rig.postback(1, tid="T", payout="4")
    rig.postback(None, tid="T", status="rejected")
    await rig.live(0.3)
    assert [event.revenue for event in rig.conversions()] == [4_000_000, -4_000_000, 0]


async def test_currency_and_names_come_from_the_network(rig: Rig, autojump_clock: MockClock) -> None:
    rig.networks[7] = Network(id=7, slug="net", currency="EUR", template_id=3)
    rig.templates[3] = Template(id=3, mapping={"click_id": ("aff_sub",), "payout": ("commission",)})
    rig.click(1)
    rig.postback(None, aff_sub=click(1), commission="7", payout="{payout}")
    await rig.live(0.3)
    assert [(event.currency, event.revenue) for event in rig.conversions()] == [("EUR", 7_000_000)]


async def test_a_macro_that_was_not_replaced_is_noted(rig: Rig, autojump_clock: MockClock) -> None:
    rig.click(1)
    rig.postback(1, payout="{payout}")
    await rig.live(0.3)
    assert [(event.count, event.revenue) for event in rig.conversions()] == [(1, 0)]
    assert rig.reasons() == {"p1": "payout: the macro was not replaced"}


async def test_the_index_is_bounded_and_the_rest_is_looked_up(rigs: Any, autojump_clock: MockClock) -> None:
    rig = rigs(recent_clicks=10)
    for number in range(30):
        rig.click(number)
        rig.warehouse[click(number)] = facts(number)
    async with rig.running() as actor:
        await trio.sleep(0.3)
        rig.postback(0)
        rig.postback(29)
        await trio.sleep(1)
        assert actor.gauges()["recent_clicks"] == 10
        assert actor.gauges()["recent_clicks_evicted"] == 20
    assert len(rig.conversions()) == 2
    assert [ids for _, ids in rig.looked_up] == [(click(0),)]


async def test_a_held_edge_is_left_alone(rig: Rig, autojump_clock: MockClock) -> None:
    rig.held.add(0)
    rig.click(1, edge=0)
    rig.postback(1, edge=0)
    async with rig.running():
        await trio.sleep(5)
        assert rig.records() == []
        rig.held.clear()
        await trio.sleep(0.3)
        assert rig.outcomes() == [("p1", "conversion")]


async def test_finished_segments_are_consumed_to_their_end_and_left(
    rig: Rig, autojump_clock: MockClock
) -> None:
    rig.click(1)
    epoch, last = rig.edge(0).epoch, rig.edge(0).last
    rig.rotate(0)
    rig.click(2)
    async with rig.running() as actor:
        await trio.sleep(2)
        assert rig.ledger.offset(0, epoch) == last
        assert [(report.edge, report.epoch) for report in actor.consumers()] == [(0, rig.edge(0).epoch)]


async def test_offsets_over_clicks_alone_are_saved_within_a_second_and_at_the_stop(
    rig: Rig, autojump_clock: MockClock
) -> None:
    rig.click(1)
    epoch = rig.edge(0).epoch
    async with rig.running():
        await trio.sleep(0.3)
        rig.click(2)
        await trio.sleep(1.2)
        assert rig.ledger.offset(0, epoch) == rig.edge(0).last
        rig.click(3)
        await trio.sleep(0.2)
    assert rig.ledger.offset(0, epoch) == rig.edge(0).last


async def test_records_that_do_not_decode_are_passed_over(rig: Rig, autojump_clock: MockClock) -> None:
    rig.edge(0).append([b"\x93\xa5wrong\x01\x02", b"", b"\xc1"])
    rig.click(1)
    rig.postback(1)
    async with rig.running() as actor:
        await trio.sleep(0.3)
        assert actor.gauges()["undecodable"] == 3
    assert rig.outcomes() == [("p1", "conversion")]


async def test_segments_live_where_the_reader_expects_them(rig: Rig, autojump_clock: MockClock) -> None:
    rig.click(1, edge=3)
    assert rig.edge(3).path.parent == journal_directory(rig.data, 3)
