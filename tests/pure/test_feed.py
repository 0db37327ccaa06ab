"""What the live feed counts of what the core settled."""

from __future__ import annotations

from typing import Any

from msgspec import json

from appliance.model.events import encode
from appliance.reporting.feed import Groups, take, take_settled
from tests.records import click, identity, interpreted, postback


def test_a_conversion_that_was_entered_is_an_arrival_and_an_outcome() -> None:
    received = postback(1, method="entered", address="")
    processed = postback(1, method="entered", stage="processed", outcome="conversion", params={}, address="")
    groups: Groups = {}
    take_settled([received, processed], 10, groups)
    [group] = groups.values()
    assert (group.events, group.counts) == (2, {"postbacks": 1})
    words = [json.decode(item.words(True), type=dict[str, Any]) for item in group.items]
    assert [it["stage"] for it in words] == ["received", "processed"]
    assert received.params and all("params" not in it for it in words)


def test_of_a_journal_clicks_and_postbacks_are_shown_and_nobody_s_identity() -> None:
    groups: Groups = {}
    entries = [click(1), identity(1), interpreted(1), postback(1, sealed=b"who bought")]
    assert take(map(encode, entries), 10, groups) == 0
    assert sorted(key.topic for key in groups) == ["clicks", "postbacks"]
    words = [bytes(item.words(True)) for group in groups.values() for item in group.items]
    assert not any(b"who" in each or b"sealed" in each for each in words)
