"""Frames as lines: what a terminal shows, and what it never gets to obey."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from appliance.feed_lines import Lines, clean
from appliance.model.events import ConversionEvent, PostbackLogEvent
from appliance.reporting.feed import shown
from tests.actors.conversions_rig import START_US, click_event


def frame(*events: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"seq": 1, "at": "", "seconds": 0.25, "counts": {}, "events": list(events), **fields}


def conversion(**changed: Any) -> dict[str, Any]:
    made = ConversionEvent(
        v=1, id="c", revision=1, at_us=START_US, known_us=START_US, status="sale", original_status="",
        event_type="", count=1, revenue=1_500_000, hold=0, currency="USD", transaction_id="t-1",
        network_id=7, click_id="abc", click_at_us=START_US, campaign_id=3, stream_id=2, destination_id=3,
        source_id=4, link_id=6, subs={}, utm={},
    )  # fmt: skip
    return shown(replace(made, **changed), True)


def postback(**changed: Any) -> dict[str, Any]:
    made = PostbackLogEvent(
        v=1, id="p1", at_us=START_US, stage="received", outcome="", reason="", network_id=7, method="GET",
        params={}, address="", request_id="r",
    )  # fmt: skip
    return shown(replace(made, **changed), True)


def said(lines: Lines, made: dict[str, Any]) -> list[str]:
    """Without the time of day, which is the reader's own."""
    return [line.partition(" ")[2] if line[:2].isdigit() else line for line in lines.frame(made)]


def test_each_topic_has_its_line() -> None:
    click = shown(click_event(1), True) | {"decision": "destination", "cost": "0.05"}
    lost = click | {"decision": "trafficback", "reason": "no_stream", "cost": 0, "counted": False}
    lines = said(Lines(False), frame(click, lost, conversion(), postback(click_id="abc")))
    number = click["id"]
    assert lines == [
        f"click      campaign 2 stream 2 → destination 3 0.05 USD {number}",
        f"click      campaign 2 stream 2 trafficback no_stream (not counted) {number}",
        "conversion campaign 3 sale 1.5 USD transaction t-1 click abc",
        "postback   network 7 received click abc p1",
    ]


def test_a_conversion_without_sight_of_money_and_a_later_revision() -> None:
    [line] = said(Lines(False), frame(conversion(revision=2, status="rejected") | {"revenue": None}))
    assert line == "conversion campaign 3 rejected revision 2 transaction t-1 click abc"


def test_samples_and_gaps_are_said() -> None:
    made = frame(sampled=True, resync=True, skipped=7, counts={"clicks": 900, "postbacks": 2})
    assert said(Lines(False), made) == [
        "-- some was missed --",
        "-- 7 journal entries were passed over: too many --",
        "-- 900 clicks, 2 postbacks in 0.2 s; 0 shown --",
    ]


@pytest.mark.parametrize(
    "hostile",
    [
        "\x1b[2J\x1b[H",
        "\r\n12:00:00 forged line",
        "\x9b31m",
        "\u202egnp.exe",
        "\u2028",
        "\x07",
        "\ud800",
        "\u200b",
    ],
)
def test_what_strangers_send_is_only_shown(hostile: str) -> None:
    made = frame(
        postback(reason=hostile, transaction_id=hostile, click_id=hostile),
        conversion(transaction_id=hostile, status=hostile),
        {"topic": hostile, "at": hostile, "x": hostile},
    )
    for line in Lines(False).frame(made):
        assert line.isprintable(), repr(line)


def test_a_long_text_is_cut() -> None:
    assert len(clean("x" * 10_000)) == 200


def test_colours_are_only_there_when_wanted() -> None:
    made = frame(conversion(), sampled=True)
    assert "\x1b[" in "".join(Lines(True).frame(made))
    assert "\x1b[" not in "".join(Lines(False).frame(made))


def status(**changed: Any) -> dict[str, Any]:
    actor = {"name": "catalog", "state": "running", "restarts": 0, "last_error": ""}
    edge = {"edge": 0, "connected": True, "report": {"journal": {"mode": "recording"}, "actors": [actor]}}
    return {
        "at_us": START_US, "ready": True, "problems": [], "degraded": [], "warehouse": {"state": "up"},
        "catalog": {"revision": 4}, "actors": [actor], "edges": [edge], "processes": [],
    } | changed  # fmt: skip


def test_of_the_system_only_what_changed_is_said() -> None:
    lines = Lines(False)
    assert said(lines, frame(system=status())) == ["system     ready"]
    assert said(lines, frame(system=status(at_us=START_US + 1))) == []
    again = {"name": "catalog", "state": "restarting", "restarts": 2, "last_error": "OSError: full"}
    changed = status(warehouse={"state": "down"}, actors=[again], edges=[])
    assert said(lines, frame(system=changed)) == [
        "system     core catalog: restarting, 2 restarts: OSError: full",
        "system     edge-0: gone (was connected)",
        "system     edge-0 catalog: gone (was running)",
        "system     edge-0 journal: gone (was recording)",
        "system     warehouse: down",
    ]
