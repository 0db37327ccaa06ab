"""doctor.list and doctor.dismiss: who sees what, which page, and what of it makes the appliance degraded."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from appliance.degraded import BEHIND, NAMED, RECENT_US, attentive, diagnosed
from appliance.errors import Missing, Unavailable
from appliance.model.doctor import Finding
from appliance.model.status import ConsumerReport, EdgeStatus
from appliance.operations import registry
from appliance.operations.context import Caller, Context, Forbidden, local_administrator

OPERATIONS = registry.load_all()
NOW = 1_790_000_000_000_000


class Desk:
    """Three findings, and who was put away."""

    def __init__(self) -> None:
        self.found = [
            finding("a", code="status_unknown", network_id=7, about="Odd"),
            finding("b", code="cost_missing", campaign_id=3, source_id=1),
            finding("c", code="cost_missing", campaign_id=4, source_id=1, muted=True),
            finding("d", code="of a newer Weir", campaign_id=3),
        ]
        self.dismissed: list[tuple[str, bool]] = []

    def findings(self) -> tuple[Finding, ...]:
        return tuple(self.found)

    async def dismiss(self, id: str, mute: bool) -> None:
        self.dismissed.append((id, mute))


def finding(id: str, **fields: Any) -> Finding:
    return Finding(**{"id": id, "first_us": NOW - 9, "last_us": NOW, "count": 2, **fields})


def context(desk: Desk | None, caller: Caller) -> Context:
    empty: dict[str, Any] = {field.name: None for field in dataclasses.fields(Context)}
    return Context(**{**empty, "caller": caller, "doctor": desk})


BUYER = Caller("b", "rest", frozenset({"doctor.read", "doctor.write"}), 5, campaigns=frozenset({3}))
VIEWER = Caller("v", "rest", frozenset({"doctor.read"}), 6)


async def ids(desk: Desk, caller: Caller, **payload: Any) -> list[str]:
    answer: Any = await registry.call(OPERATIONS, "doctor.list", payload, context(desk, caller))
    return [it.id for it in answer.items]


async def test_each_sees_what_is_his() -> None:
    desk, owner = Desk(), local_administrator("rest")
    assert await ids(desk, owner) == ["a", "b"]
    assert await ids(desk, VIEWER) == ["a", "b"]
    assert await ids(desk, BUYER) == ["b"]
    assert await ids(desk, owner, muted=True) == ["c"]
    assert await ids(desk, BUYER, muted=True) == []
    assert await ids(desk, owner, network_id=7) == ["a"]
    assert await ids(desk, owner, campaign_id=3, code="cost_missing") == ["b"]


async def test_a_page_knows_how_many_there_are() -> None:
    answer: Any = await registry.call(
        OPERATIONS, "doctor.list", {"limit": 1, "offset": 1}, context(Desk(), local_administrator("rest"))
    )
    assert ([it.id for it in answer.items], answer.total) == (["b"], 2)


async def test_a_finding_is_said_in_sentences() -> None:
    answer: Any = await registry.call(
        OPERATIONS, "doctor.list", {"network_id": 7}, context(Desk(), local_administrator("rest"))
    )
    [shown] = answer.items
    assert "status word Odd" in shown.fault
    assert "status_words" in shown.fix
    assert not shown.grave


async def test_only_his_own_are_put_away() -> None:
    desk = Desk()
    await registry.call(OPERATIONS, "doctor.dismiss", {"id": "b", "mute": True}, context(desk, BUYER))
    for id_ in ("a", "c", "nothing"):
        with pytest.raises(Missing):
            await registry.call(OPERATIONS, "doctor.dismiss", {"id": id_}, context(desk, BUYER))
    with pytest.raises(Forbidden):
        await registry.call(OPERATIONS, "doctor.dismiss", {"id": "b"}, context(desk, VIEWER))
    assert desk.dismissed == [("b", True)]


async def test_without_a_doctor_it_is_said() -> None:
    with pytest.raises(Unavailable):
        await registry.call(OPERATIONS, "doctor.list", {}, context(None, local_administrator("rest")))


def test_what_is_grave_and_of_today_makes_degraded() -> None:
    grave = {"code": "network_silent", "network_id": 7, "example": "nothing for 5 hours"}
    assert diagnosed([finding("x", **grave)], NOW) == [
        "network 7: This network has fallen silent: nothing for 5 hours."
    ]
    assert diagnosed([finding("x", **grave, muted=True)], NOW) == []
    assert diagnosed([finding("x", **grave)], NOW + RECENT_US + 1) == []
    assert diagnosed([finding("x", code="status_unknown", network_id=7)], NOW) == []
    assert len(diagnosed([finding("x", **grave)] * 50, NOW)) == NAMED + 1


class Journal:
    def __init__(self, mode: str) -> None:
        self.mode = mode


class Said:
    def __init__(self, mode: str) -> None:
        self.journal = Journal(mode)


def edge(connected: bool = True, mode: str | None = "recording") -> EdgeStatus:
    report: Any = None if mode is None else Said(mode)
    return EdgeStatus(
        edge=0, connected=connected, connections=0, taken_revision=1, behind_revisions=0,
        report_age_seconds=0, report=report,
    )  # fmt: skip


def reader(**fields: Any) -> ConsumerReport:
    return ConsumerReport(consumer="conversions", edge=0, epoch=1, seq=1, **fields)


def test_silence_counts_only_while_everything_is_heard() -> None:
    assert attentive([edge(), edge()], [reader(), reader(behind_seconds=BEHIND)])
    assert not attentive([], [reader()])
    assert not attentive([edge(), edge(connected=False)], [])
    assert not attentive([edge(mode="spilling")], [])
    assert not attentive([edge(mode=None)], [])
    assert not attentive([edge()], [reader(behind_seconds=BEHIND + 1)])
    assert not attentive([edge()], [reader(held=True)])
    assert not attentive([edge()], [reader(last_error="broken")])
