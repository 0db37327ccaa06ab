"""The doctor beside the conversions: what they settle is looked at, kept over restarts, delays nobody."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
import trio
from trio.testing import MockClock

from appliance.actors.doctor import MOST_WAITING, DoctorActor, Pauses
from appliance.actors.kernel import inline_runner
from appliance.attribution.doctor import FEWEST_VIEWS, Register
from appliance.errors import Missing, Unavailable
from appliance.model.catalog import Network
from appliance.model.doctor import Finding, Observed
from appliance.model.events import PostbackLogEvent
from appliance.reporting.sql import Query
from appliance.stores.sqlite.doctor import SqliteDoctor
from tests.actors.conversions_rig import START_US, Rig

PAUSES = Pauses()
MONTHS = {"tick": 1800.0, "save": 3600.0, "save_all": 3600.0, "landings": 1e6}
"""Pauses for tests that last for weeks."""
UNKNOWN = "status: unknown word, taken as hold: "


class Practice:
    """A doctor over a real file, in virtual time; the warehouse is a list."""

    def __init__(self, data: Path) -> None:
        self.path = data / "ledger.db"
        self.store = SqliteDoctor(self.path)
        self.pages: list[dict[str, int]] = []
        self.away = False
        self.asked = 0
        self.attentive = True
        self.fault: Callable[[], None] = lambda: None
        self.pauses: dict[str, float] = {}
        self.hire()

    def hire(self) -> None:
        self.actor = DoctorActor(
            store=self,
            register=Register(lambda number: Network(id=number, slug="n"), lambda n: None, lambda n: None),
            ask=self.ask,
            attentive=lambda: self.attentive,
            run_blocking=inline_runner,
            now_us=self.now_us,
            pauses=Pauses(**self.pauses),
        )

    def load(self) -> Any:
        return self.store.load()

    def save(self, put: Sequence[Finding], gone: Sequence[str], known: Any) -> None:
        self.fault()
        self.store.save(put, gone, known)

    @staticmethod
    def now_us() -> int:
        return START_US + int(trio.current_time() * 1_000_000)

    async def ask(self, query: Query) -> Sequence[Mapping[str, int]]:
        await trio.sleep(0.01)
        self.asked += 1
        if self.away:
            raise Unavailable("the warehouse is away")
        return self.pages

    @asynccontextmanager
    async def running(self) -> AsyncIterator[DoctorActor]:
        async with trio.open_nursery() as nursery:
            await nursery.start(lambda *, task_status: self.actor.run(task_status=task_status))
            yield self.actor
            nursery.cancel_scope.cancel()

    def killed(self) -> None:
        """kill -9: what was not stored is gone."""
        self.store.close()
        self.store = SqliteDoctor(self.path)
        self.hire()


@pytest.fixture
def practice(tmp_path: Path) -> Iterator[Practice]:
    made = Practice(tmp_path)
    yield made
    made.store.close()


def word(each: str) -> Observed:
    event = PostbackLogEvent(
        1, "p", START_US, "processed", "conversion", UNKNOWN + each, 7, "GET", {}, "", "r"
    )  # fmt: skip
    return Observed(processed=[event])


async def test_what_is_observed_is_found_and_outlives_a_stop(
    practice: Practice, autojump_clock: MockClock
) -> None:
    async with practice.running() as actor:
        actor.observed(word("Odd"))
        await trio.sleep(0.1)
        before = actor.findings()
        assert [it.about for it in before] == ["Odd"]
    practice.killed()
    async with practice.running() as actor:
        assert actor.findings() == before


async def test_a_kill_loses_no_more_than_what_is_younger_than_a_save(
    practice: Practice, autojump_clock: MockClock
) -> None:
    async with practice.running() as actor:
        actor.observed(word("Odd"))
        await trio.sleep(PAUSES.save + 1)
        actor.observed(word("Younger"))
        await trio.sleep(1)
        practice.fault = _refuse  # the last words of a life that is killed are not heard
    practice.killed()
    practice.fault = lambda: None
    async with practice.running() as actor:
        assert [it.about for it in actor.findings()] == ["Odd"]


def _refuse() -> None:
    raise Unavailable("the disk is full")


async def test_a_store_that_is_away_is_tried_again_and_said(
    practice: Practice, autojump_clock: MockClock
) -> None:
    practice.fault = _refuse
    async with practice.running() as actor:
        actor.observed(word("Odd"))
        await trio.sleep(PAUSES.save + 1)
        assert actor.last_error == "the disk is full"
        assert [it.about for it in actor.findings()] == ["Odd"]
        practice.fault = lambda: None
        await trio.sleep(PAUSES.save + 1)
        assert actor.last_error == ""
        assert [it.about for it in practice.store.load()[0]] == ["Odd"]


async def test_a_full_line_passes_over_and_counts(practice: Practice, autojump_clock: MockClock) -> None:
    for number in range(MOST_WAITING + 3):
        practice.actor.observed(word(f"w{'x' * number}"))
    assert practice.actor.passed_over == 3
    async with practice.running() as actor:
        await trio.sleep(0.1)
        actor.observed(word("Now"))
        await trio.sleep(0.1)
        assert actor.passed_over == 3
        assert "Now" in {it.about for it in actor.findings()}


async def test_dismissed_is_gone_after_a_restart_too(practice: Practice, autojump_clock: MockClock) -> None:
    async with practice.running() as actor:
        actor.observed(word("Odd"))
        actor.observed(word("Muted"))
        await trio.sleep(0.1)
        of = {it.about: it.id for it in actor.findings()}
        await actor.dismiss(of["Odd"], False)
        await actor.dismiss(of["Muted"], True)
        with pytest.raises(Missing):
            await actor.dismiss(of["Odd"], False)
    practice.killed()
    async with practice.running() as actor:
        assert [(it.about, it.muted) for it in actor.findings()] == [("Muted", True)]


async def test_a_rhythm_is_learned_over_kills_and_its_silence_told(
    practice: Practice, autojump_clock: MockClock
) -> None:
    """Twenty days of postbacks with a kill in each, then none."""
    practice.pauses = MONTHS
    practice.hire()
    for _ in range(20):
        async with practice.running() as actor:
            for _ in range(24):
                now = practice.now_us()
                event = PostbackLogEvent(1, "p", now, "received", "", "", 7, "GET", {}, "", "r")
                actor.observed(Observed(received=[event] * 5))
                await trio.sleep(3600)
            assert actor.findings() == ()
            practice.fault = _refuse
        practice.killed()
        practice.fault = lambda: None
    async with practice.running() as actor:
        await trio.sleep(6 * 3600)
        [found] = actor.findings()
        assert found.code == "network_silent"


async def test_nothing_is_silent_while_nobody_listens(practice: Practice, autojump_clock: MockClock) -> None:
    practice.pauses = MONTHS
    practice.hire()
    async with practice.running() as actor:
        for _ in range(20 * 24):
            event = PostbackLogEvent(1, "p", practice.now_us(), "received", "", "", 7, "GET", {}, "", "r")
            actor.observed(Observed(received=[event] * 5))
            await trio.sleep(3600)
        practice.attentive = False
        await trio.sleep(100 * 3600)
        assert actor.findings() == ()
        practice.attentive = True
        await trio.sleep(6 * 3600)
        assert [it.code for it in actor.findings()] == ["network_silent"]


async def test_landing_pages_are_looked_at_now_and_then(
    practice: Practice, autojump_clock: MockClock
) -> None:
    practice.away = True
    practice.pages = [{"campaign_id": 3, "landing_id": 5, "views": FEWEST_VIEWS, "exits": 0}]
    async with practice.running() as actor:
        await trio.sleep(PAUSES.landings / 2)
        assert practice.asked == 1
        assert actor.findings() == ()
        practice.away = False
        await trio.sleep(PAUSES.landings)
        assert practice.asked == 2
        assert [it.code for it in actor.findings()] == ["landing_unclicked"]


async def test_the_conversions_tell_what_they_settled(
    tmp_path: Path, practice: Practice, autojump_clock: MockClock
) -> None:
    """From the journal: a fault that needs the postback as it arrived, one of the door, one that waited."""
    rig = Rig(tmp_path)
    rig.actor._observed = practice.actor.observed  # the rig's own has nobody who listens
    rig.click(1)
    rig.postback(1, payout="{payout}")
    misplaced = rig.received(1)
    reason = "The secret is in pw; it is looked for in key."
    rig.send(msgspec.structs.replace(misplaced, id="q", stage="refused", reason=reason))
    rig.postback(2, tx="late", currency="{currency}")
    async with practice.running() as doctor:
        async with rig.running():
            await trio.sleep(0.3)
            rig.click(2)
            await trio.sleep(1)
        found = {(it.code, it.about, it.example) for it in doctor.findings()}
        assert found == {
            ("macro_unexpanded", "payout", "{payout}"),
            ("macro_unexpanded", "currency", "{currency}"),
            ("secret_misplaced", "pw", ""),
        }
    rig.close()
