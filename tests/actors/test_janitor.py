"""What has been kept for long enough really goes, and nothing else does."""

from __future__ import annotations

import trio

from appliance.actors.janitor import EACH_SECONDS, FIRST_SECONDS, Janitor, keepings
from appliance.actors.kernel import inline_runner
from appliance.errors import Unavailable
from appliance.reporting.rows import build, set_aside
from tests.records import NOON, click, conversion, entries, identity, postback

DAY = 86_400_000_000
RULES = keepings(identity_days=7, clicks_days=60, postbacks_days=30)


def fill(warehouse, days):
    """One of everything for each of `days` ago; the number of the row is the number of days."""
    for ago in days:
        at = NOON - ago * DAY
        for event in (
            click(1, at_us=at), identity(1, at_us=at), postback(1, at_us=at), conversion(1, at_us=at),
        ):  # fmt: skip
            [entry] = entries(ago, event)
            warehouse.insert([build(0, 1, *entry)])
        warehouse.insert([set_aside(0, 1, ago, "click_events", "why", b"", at)])


def kept(warehouse, table):
    return [row["seq"] for row in warehouse.query(f"select seq from {table} order by seq", {})]


async def test_each_record_is_kept_as_long_as_the_settings_say(warehouse):
    fill(warehouse, (0, 6, 8, 29, 31, 59, 61, 400))
    await Janitor(warehouse, inline_runner, RULES, lambda: NOON + 1).sweep()
    assert kept(warehouse, "click_identity") == [0, 6]
    assert kept(warehouse, "click_events") == [0, 6, 8, 29, 31, 59]
    assert kept(warehouse, "postback_log_events") == [0, 6, 8, 29]
    assert kept(warehouse, "ingestion_errors") == [0, 6, 8, 29]
    assert kept(warehouse, "conversion_events") == [0, 6, 8, 29, 31, 59, 61, 400]


async def test_a_dropped_identity_leaves_nothing_on_the_disk(warehouse):
    fill(warehouse, (8, 9))
    await Janitor(warehouse, inline_runner, RULES, lambda: NOON).sweep()
    sql = (
        "select count() as n from system.parts "
        "where table = 'click_identity' and active and database = currentDatabase()"
    )
    assert warehouse.query(sql, {}) == [{"n": 0}]


class Unsteady:
    """A real warehouse that is away for its first `times` calls."""

    def __init__(self, real, times):
        self.real, self.times = real, times

    def __getattr__(self, name):
        if self.times:
            self.times -= 1
            raise Unavailable("away for a test")
        return getattr(self.real, name)


async def test_it_sweeps_soon_after_the_start_and_again_when_the_warehouse_was_away(
    warehouse, autojump_clock
):
    fill(warehouse, (1, 8))
    janitor = Janitor(Unsteady(warehouse, 1), inline_runner, RULES, lambda: NOON)
    async with trio.open_nursery() as nursery:
        await nursery.start(janitor.run)
        await trio.sleep(FIRST_SECONDS + 1)
        assert (janitor.sweeps, janitor.last_error) == (0, "away for a test")
        await trio.sleep(EACH_SECONDS)
        assert (janitor.sweeps, janitor.last_error) == (1, "")
        nursery.cancel_scope.cancel()
    assert kept(warehouse, "click_identity") == [1]


async def test_other_chores_are_done_at_every_sweep_whatever_became_of_the_rest(warehouse, autojump_clock):
    done = []

    async def broken():
        await trio.lowlevel.checkpoint()
        done.append("broken")
        raise OSError("no disk")

    async def fine():
        await trio.lowlevel.checkpoint()
        done.append("fine")

    unsteady = Unsteady(warehouse, 1)
    janitor = Janitor(unsteady, inline_runner, RULES, lambda: NOON, chores=(broken, fine))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(janitor.run)
        await trio.sleep(FIRST_SECONDS + 1)
        assert done == ["broken", "fine"] and janitor.sweeps == 0 and janitor.last_error == "no disk"
        await trio.sleep(EACH_SECONDS)
        assert done == ["broken", "fine"] * 2 and janitor.sweeps == 1
        nursery.cancel_scope.cancel()
