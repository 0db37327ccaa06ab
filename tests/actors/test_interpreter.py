"""The interpreter: batches of events become reports, rows and totals, once, whatever happens in between."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest
import trio

from appliance.actors import interpreter as module
from appliance.actors.intakes import FILTER, Intakes
from appliance.actors.kernel import inline_runner
from appliance.errors import Missing, Unavailable
from appliance.model.catalog import AdAccount, EventRow, Pixel, Subscription
from appliance.model.interpreted import IntakeReport, Refusal, Taken
from appliance.partners.interpreted import INVALID_PIXEL, NO_CLICK, NOT_REPORTABLE, TOO_OLD
from appliance.partners.reckoning import Known
from appliance.stores.sqlite import interpreted
from tests.actors.interpreter_rig import ADDRESS, CAMPAIGN, PIXEL, START_US, Killed, Site, event, lines

DAY_S = 86_400


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = Site(tmp_path)
    yield made
    made.close()


async def test_an_event_becomes_the_founding_documents_reports(site: Site) -> None:
    taken = await site.interpreter.take("b", lines(event(conversions=2)), False)
    assert taken == Taken(read=1, kept=1, reports=4)
    assert site.names() == {"PageView": 1, "ViewContent": 1, "Purchase": 2}
    assert site.worth() == 1_500_000
    assert {report.currency for report in site.reports() if report.value} == {"USD"}
    assert site.posted == 1
    [record] = site.records()
    assert (record.reported_conversions, record.reported_amount, record.reports) == (2, 1_500_000, 4)


async def test_a_batch_is_taken_once(site: Site) -> None:
    await site.interpreter.take("b", lines(event()), False)
    assert await site.interpreter.take("b", lines(event()), False) == Taken(again=True)
    again = await site.begin().take("b", lines(event()), False)
    assert again.again
    assert len(site.records()) == 1


async def test_the_same_event_in_another_batch_sends_nothing(site: Site) -> None:
    await site.interpreter.take("b", lines(event()), False)
    taken = await site.interpreter.take("c", lines(event()), False)
    assert taken == Taken(read=1, kept=1, unchanged=1)
    assert (len(site.reports()), len(site.records())) == (3, 1)


async def test_only_what_is_new_is_reported(site: Site) -> None:
    await site.interpreter.take("1", lines(event(conversions=1, revenue=1)), False)
    await site.interpreter.take("2", lines(event(conversions=3, revenue=4)), False)
    assert site.names() == {"PageView": 1, "ViewContent": 1, "Purchase": 3}
    assert site.worth() == 4_000_000
    assert len({report.event_id for report in site.reports()}) == 5


async def test_less_is_recorded_as_not_reportable(site: Site) -> None:
    await site.interpreter.take("1", lines(event(revenue=4)), False)
    before = len(site.reports())
    taken = await site.interpreter.take("2", lines(event(revenue=3)), False)
    assert taken.labels == {NOT_REPORTABLE: 1}
    assert len(site.reports()) == before
    assert site.records()[-1].invalid_reason == NOT_REPORTABLE


async def test_labels(site: Site) -> None:
    old = START_US // 1_000_000 - 7 * DAY_S
    taken = await site.interpreter.take(
        "b",
        lines(
            event(1, pixel_id="0", click_timestamp=old, ts_click_id=""),
            event(2, click_timestamp=old, ts_click_id=""),
            event(3, ts_click_id=""),
            event(4),
        ),
        False,
    )
    assert taken.labels == {INVALID_PIXEL: 1, TOO_OLD: 1, NO_CLICK: 1}
    assert [record.invalid_reason for record in site.records()] == [INVALID_PIXEL, TOO_OLD, NO_CLICK, ""]
    assert {report.click_ids["fbclid"] for report in site.reports()} == {"IwAR4"}


async def test_what_was_invalid_is_reported_when_its_pixel_is_there(site: Site) -> None:
    site.pixel(status="paused")
    assert (await site.interpreter.take("1", lines(event()), False)).labels == {INVALID_PIXEL: 1}
    site.pixel()
    assert (await site.interpreter.take("2", lines(event()), False)).reports == 3


async def test_what_a_pixel_did_not_hear_of_is_reported_whole_once_it_does(site: Site) -> None:
    site.pixel(network_ids=(99,))
    taken = await site.interpreter.take("1", lines(event(conversions=1, revenue=1)), False)
    assert (taken.reports, taken.labels, site.reports()) == (0, {}, [])
    await site.interpreter.take("2", lines(event(conversions=2, revenue=3)), False)
    site.pixel()
    await site.interpreter.take("3", lines(event(conversions=2, revenue=3)), False)
    assert site.names() == {"PageView": 1, "ViewContent": 1, "Purchase": 2}
    assert site.worth() == 3_000_000


async def test_revenue_before_the_first_event_of_a_pixel_is_not_lost(site: Site) -> None:
    """Its table has a row for searches alone."""
    site.pixel(
        mapping=(EventRow(when="interpreted", event_name="Search", count="lander_searches", value="share"),)
    )
    await site.interpreter.take("1", lines(event(conversions=1, revenue=2)), False)
    assert site.reports() == []
    await site.interpreter.take("2", lines(event(conversions=1, revenue=2, lander_searches=2)), False)
    assert site.names() == {"Search": 2}
    assert site.worth() == 2_000_000


async def test_lines_that_are_no_events_are_named_and_the_others_taken(site: Site) -> None:
    batch = [b"{", *lines(event(1)), b"7", *lines(event(2, conversions=-1), event(3))]
    taken = await site.interpreter.take("b", batch, False)
    assert (taken.read, taken.reports) == (2, 6)
    assert [(it.line, it.field) for it in taken.refused] == [(1, ""), (3, ""), (4, "conversions")]
    assert str(taken.refused[2]).startswith("line 4: conversions: expected a whole number")
    assert all(isinstance(it, Refusal) for it in taken.refused)


async def test_an_empty_batch_is_taken(site: Site) -> None:
    assert await site.interpreter.take("b", [], False) == Taken()
    assert (await site.interpreter.take("b", [], False)).again


async def test_a_lot_of_faults_is_named_in_part(site: Site) -> None:
    taken = await site.interpreter.take("b", [b"x"] * 1_700, False)
    assert len(taken.refused) == module.MOST_REFUSALS
    assert site.interpreter.report().refused == 1_700


# Who is asked for


async def test_only_what_a_subscription_asks_for_is_taken(site: Site) -> None:
    taken = await site.interpreter.take("b", lines(event(1), event(2, campaign_id="1")), False)
    assert (taken.read, taken.kept, taken.reports) == (2, 1, 3)
    assert len(site.records()) == 1
    assert (site.interpreter.report().processed, site.interpreter.report().passed) == (2, 1)


async def test_an_earlier_filter_is_not_repeated(site: Site) -> None:
    taken = await site.interpreter.take("b", lines(event(campaign_id="1")), True)
    assert (taken.kept, taken.reports) == (1, 3)


async def test_what_is_sifted_and_then_taken_is_counted_once(site: Site) -> None:
    sifted = await site.interpreter.sift([*lines(event(1), event(2, campaign_id="1"), event(3)), b"x"])
    assert (len(sifted.kept), [each.line for each in sifted.refused]) == (2, [4])
    await site.interpreter.take("b", sifted.kept, True)
    report = site.interpreter.report()
    assert (report.processed, report.passed, report.refused) == (3, 2, 1)


async def test_the_filter_is_switched_off_while_running(site: Site) -> None:
    await site.intakes.switch_off(FILTER, "anna")
    assert (await site.interpreter.take("b", lines(event(1, campaign_id="1")), False)).kept == 1
    assert site.interpreter.report().filter_off_by == "anna"
    await site.intakes.switch_on(FILTER)
    assert (await site.interpreter.take("c", lines(event(2, campaign_id="1")), False)).kept == 0


async def test_what_is_off_stays_off_in_the_next_life(site: Site) -> None:
    await site.intakes.switch_off(FILTER, "anna")
    site.begin()
    await site.intakes.load()
    assert not site.intakes.filtering
    await site.intakes.switch_on(FILTER)
    site.begin()
    await site.intakes.load()
    assert site.intakes.filtering


async def test_an_operators_pause_outlives_the_configurations(site: Site) -> None:
    off = Intakes(site.store.store, inline_runner, lambda: site.now_us, ["folder"])
    await off.load()
    await off.switch_off("folder", "anna")
    shown = off.switched_off("folder")
    assert shown is not None and (shown.by, shown.at_us) == ("anna", site.now_us)
    await off.switch_off("folder", "bob")
    assert off.switched_off("folder") == shown, "the first one's word"
    # The key is gone from the configuration.
    site.begin()
    await site.intakes.load()
    assert site.intakes.paused("folder")
    await site.intakes.switch_on("folder")
    site.begin()
    await site.intakes.load()
    assert not site.intakes.paused("folder")


async def test_subscriptions_elsewhere_are_asked_for_what_ours_do_not_want(site: Site) -> None:
    asked: list[set[str]] = []

    async def others(campaigns):
        await trio.lowlevel.checkpoint()
        asked.append(set(campaigns))
        return {"2"}

    site.interpreter.others = others
    taken = await site.interpreter.take(
        "b",
        lines(event(1), event(2, campaign_id="2"), event(3, campaign_id="3"), event(4, campaign_id="")),
        False,
    )
    assert taken.kept == 2
    assert asked == [{"2", "3"}]


async def test_sifting_stores_nothing(site: Site) -> None:
    batch = [*lines(event(1)), b"x", *lines(event(2, campaign_id="1"), event(3))]
    sifted = await site.interpreter.sift(batch)
    assert list(sifted.kept) == [batch[0], batch[3]]
    assert [each.line for each in sifted.refused] == [2]
    assert (site.reports(), site.records(), site.store.commits) == ([], [], 0)
    assert (site.interpreter.report().processed, site.interpreter.report().passed) == (1, 0)


async def test_an_intake_waits_while_it_is_paused(site: Site, autojump_clock: trio.testing.MockClock) -> None:
    site.intakes.register("folder", lambda: IntakeReport(name="folder", kind="folder"))
    shown = await site.intakes.pause("folder", "anna")
    assert (shown.paused_by, shown.paused_us) == ("anna", START_US)
    with trio.move_on_after(1_000) as scope:
        await site.intakes.running("folder")
    assert scope.cancelled_caught
    async with trio.open_nursery() as nursery:
        nursery.start_soon(site.intakes.running, "folder")
        await trio.testing.wait_all_tasks_blocked()
        assert (await site.intakes.resume("folder")).paused_by == ""
    with pytest.raises(Missing, match="there are: folder"):
        await site.intakes.pause("nothing", "anna")


# What happens in between


async def test_a_batch_of_many_pieces_counts_each_event_once_whenever_it_is_killed(tmp_path: Path) -> None:
    batch = lines(*(event(number % 2_200, network="airfind", revenue=1) for number in range(2_500)))
    for at in (1, 2, 3):
        for when in ("dies_before", "dies_after"):
            directory = tmp_path / f"{at}{when}"
            directory.mkdir()
            site = Site(directory)
            getattr(site.store, when).add(at)
            with pytest.raises(Killed):
                await site.interpreter.take("b", batch, False)
            await site.begin().take("b", batch, False)
            assert (await site.interpreter.take("b", batch, False)).again
            assert len(site.reports()) == 2_200, (at, when)
            assert len(site.records()) == 2_200
            assert site.worth() == 2_200_000_000
            site.close()


async def test_what_cannot_be_stored_is_tried_again_from_where_it_was(site: Site) -> None:
    site.store.refuses = {2}
    batch = lines(*(event(number, network="airfind") for number in range(2_000)))
    with pytest.raises(Unavailable, match="the disk is full"):
        await site.interpreter.take("b", batch, False)
    assert site.interpreter.report().last_error == "the disk is full"
    taken = await site.interpreter.take("b", batch, False)
    assert (taken.read, len(site.reports())) == (1_000, 2_000)
    assert site.interpreter.report().last_error == ""


async def test_a_full_outbox_takes_nothing(site: Site) -> None:
    site.outbox_full = True
    with pytest.raises(Unavailable, match="warehouse"):
        await site.interpreter.take("b", lines(event()), False)
    site.outbox_full = False
    assert (await site.interpreter.take("b", lines(event()), False)).reports == 3


async def test_a_pixel_that_is_behind_makes_events_wait_unless_it_is_held(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(interpreted, "MOST_WAITING", 3)
    await site.interpreter.take("1", lines(event(1)), False)
    with pytest.raises(Unavailable, match="pixel:7"):
        await site.interpreter.take("2", lines(event(2)), False)
    assert len(site.reports()) == 3
    site.held.add("pixel:7")
    assert (await site.interpreter.take("2", lines(event(2)), False)).reports == 3


async def test_events_of_a_pixel_that_is_not_behind_do_not_wait(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(interpreted, "MOST_WAITING", 3)
    await site.interpreter.take("1", lines(event(1)), False)
    assert (await site.interpreter.take("2", lines(event(2, pixel_id="0")), False)).labels == {
        INVALID_PIXEL: 1
    }


async def test_what_waits_for_a_pixel_is_not_reckoned_each_time_and_holds_up_nothing_else(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(interpreted, "MOST_WAITING", 3)
    site.announcements.configure(
        [AdAccount(id=1, name="a", platform="meta")],
        [
            Pixel(id=number, name=code, ad_account_id=1, code=code)
            for number, code in ((7, PIXEL), (8, "123"))
        ],
    )
    await site.interpreter.take("1", lines(event(1)), False)
    asked: list[int] = []
    known = site.store.known

    def counted(ids: Sequence[str]) -> Mapping[str, Known]:
        asked.append(len(ids))
        return known(ids)

    monkeypatch.setattr(site.store, "known", counted)
    for _ in range(3):
        with pytest.raises(Unavailable, match="pixel:7"):
            await site.interpreter.take("2", lines(event(2)), False)
    assert asked == [1]
    assert (await site.interpreter.take("3", lines(event(3, pixel_id="123")), False)).reports == 3
    with sqlite3.connect(site.path) as db:
        db.execute("update delivery set state='delivered'")
    assert (await site.interpreter.take("2", lines(event(2)), False)).reports == 3


async def test_of_events_of_a_thousand_conversions_a_transaction_takes_three(site: Site) -> None:
    batch = lines(*(event(n, network="airfind", conversions=1_000, revenue=5) for n in range(5)))
    taken = await site.interpreter.take("b", batch, False)
    assert (taken.read, taken.reports) == (5, 5_000)
    assert site.store.commits == 2
    assert site.worth() == 25_000_000


async def test_two_intakes_do_not_mix(site: Site) -> None:
    async def one(name: str) -> None:
        await site.interpreter.take(name, lines(*(event(number) for number in range(600))), False, name)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(one, "a")
        nursery.start_soon(one, "b")
    assert len(site.records()) == 600
    assert site.names() == {"PageView": 600, "ViewContent": 600, "Purchase": 600}


async def test_who_the_visitor_was_is_stored_sealed_only(site: Site) -> None:
    await site.interpreter.take("b", lines(event()), False)
    found = site.sealer.open(site.reports()[0].sealed)
    assert (found.address, found.user_agent, found.city) == (ADDRESS, "Mozilla/5.0 (Test)", "New York")
    assert site.records()[0].address == "203.0.113.0"
    written = b"".join(path.read_bytes() for path in site.directory.iterdir())
    assert ADDRESS.encode() not in written


@pytest.mark.parametrize("address", ["", "unknown", "1.2.3", "999.1.1.1", "2001:db8::1"])
async def test_any_address_is_cut(site: Site, address: str) -> None:
    await site.interpreter.take("b", lines(event(ip=address)), False)
    assert site.records()[0].address == ("2001:db8:0::" if ":" in address else "")


async def test_a_narrow_subscription(site: Site) -> None:
    site.subscribe(Subscription(id=1, name="s", campaign_id=CAMPAIGN, network="sedo"))
    taken = await site.interpreter.take("b", lines(event(1), event(2, network="Sedo")), False)
    assert taken.kept == 1


async def test_an_event_that_nobody_foresaw_stops_no_other(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    make = site.announcements.interpreted

    def fails(it, *given):
        if it.session_id == "session-2":
            raise KeyError("unforeseen")
        return make(it, *given)

    monkeypatch.setattr(site.announcements, "interpreted", fails)
    batch = lines(event(1), event(2), event(3))
    taken = await site.interpreter.take("b", batch, False)
    assert (taken.reports, taken.labels) == (6, {"The event cannot be made: KeyError": 1})
    monkeypatch.undo()
    assert (await site.interpreter.take("c", batch, False)).reports == 3


async def test_texts_that_are_no_utf_8_and_odd_characters(site: Site) -> None:
    batch = [b'{"session_id":"\xff"}', *lines(event(1, city="\ud800", keyword_clicked="a\x00b \U0001f600"))]
    taken = await site.interpreter.take("b", [*batch, b'{"\xff":1}', b"\xff"], False)
    assert [each.line for each in taken.refused] in ([1, 3, 4], [1, 2, 3, 4])


async def test_a_small_batch_does_not_wait_for_a_large_one(site: Site) -> None:
    ends: list[str] = []

    async def one(name: str, first: int, count: int) -> None:
        batch = lines(*(event(first + number, network="airfind") for number in range(count)))
        await site.interpreter.take(name, batch, False, name)
        ends.append(name)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(one, "large", 0, 5_000)
        await trio.lowlevel.checkpoint()
        nursery.start_soon(one, "small", 5_000, 10)
    assert ends == ["small", "large"]
    assert len(site.records()) == 5_010
