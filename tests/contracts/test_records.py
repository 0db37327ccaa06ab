"""The lists that explain a report, over a real warehouse."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest

from appliance.errors import Missing, Refused
from appliance.reporting.rows import set_aside
from tests.contracts.test_reports import PERIOD, call, store  # noqa: F401  a fixture
from tests.records import NOON, click, conversion, postback

NASTY = "a'b\\c\"d\te\nf\x00g{h:String}é💩"


async def test_what_could_not_be_stored_can_be_looked_at(call, warehouse):  # noqa: F811
    store(warehouse, click(1))
    warehouse.insert([set_aside(0, 7, 3, "click_events", NASTY, b"\xff", NOON)])
    warehouse.insert([set_aside(1, 7, 4, "", "other", b"", NOON + 1)])
    found = await call("ingestion_errors.list", **PERIOD)
    assert (found["total"], [item["seq"] for item in found["items"]]) == (2, [4, 3])
    [item] = (await call("ingestion_errors.list", topic="click_events", **PERIOD))["items"]
    assert item == {
        "at_us": NOON, "edge": 0, "epoch": 7, "seq": 3, "topic": "click_events", "reason": NASTY, "bytes": 1,
        "raw": "/w==",
    }  # fmt: skip
    assert (await call("ingestion_errors.list", edge=5, **PERIOD))["total"] == 0


async def test_the_postback_log_says_what_came_and_what_became_of_it(call, warehouse):  # noqa: F811
    for n, transaction in enumerate((NASTY, "plain")):
        received = postback(n, id=f"pb-{n}", params={"tid": transaction, NASTY: "x"})
        done = postback(
            n, id=f"pb-{n}", stage="processed", outcome="refused", reason="payout", params={}, address="",
            transaction_id=transaction, known_us=NOON + 5_000_000,
        )  # fmt: skip
        store(warehouse, received, done)
    found = await call("postbacks.list", limit=2, **PERIOD)
    assert (found["total"], [item["stage"] for item in found["items"]]) == (4, ["processed", "received"])
    assert found["items"][1]["params"] == {"tid": "plain", NASTY: "x"}
    [item] = (await call("postbacks.list", transaction_id=NASTY, **PERIOD))["items"]
    assert (item["id"], item["outcome"], item["known_at_us"]) == ("pb-0", "refused", NOON + 5_000_000)
    assert (await call("postbacks.list", outcome="refused", **PERIOD))["total"] == 2
    assert (await call("postbacks.list", stage="received", offset=1, **PERIOD))["items"][0]["id"] == "pb-0"


async def test_revisions_of_a_conversion_add_up_to_what_the_report_says(call, warehouse):  # noqa: F811
    store(
        warehouse, conversion(1), conversion(2),
        conversion(1, revision=2, count=-1, revenue=-2_500_000, status="rejected"),
    )  # fmt: skip
    found = (await call("conversions.list", id="conv-1", **PERIOD))["items"]
    assert [(item["revision"], item["count"], item["revenue"]) for item in found] == [
        (2, -1, Decimal("-2.5")), (1, 1, Decimal("2.5")),
    ]  # fmt: skip
    every = (await call("conversions.list", **PERIOD))["items"]
    report = await call("reports.overview", **PERIOD)
    assert sum(item["revenue"] for item in every) == report["revenue"]
    assert sum(item["count"] for item in every) == report["conversions"]
    assert (await call("conversions.list", campaign_id=2, status="sale", **PERIOD))["total"] == 0


async def test_a_click_says_what_was_decided(call, warehouse):  # noqa: F811
    store(warehouse, click(7))
    found = (await call("clicks.get", id=click(7).id.upper()))["click"]
    assert (found["id"], found["cost"], found["subs"]["1"]) == (click(7).id, Decimal("0.01"), "a7")
    assert (found["inputs"]["draw"], found["query"]) == (7, click(7).query)
    assert "203.0.113.7" not in json.dumps(found, default=str)
    with pytest.raises(Missing):
        await call("clicks.get", id=click(8).id)
    with pytest.raises(Refused):
        await call("clicks.get", id="nonsense")


async def test_clicks_that_count_and_those_that_do_not(call, warehouse):  # noqa: F811
    store(warehouse, click(7), click(8, counted=False))
    for counted, wanted in ((True, click(7)), (False, click(8))):
        found = await call("clicks.list", counted=counted, **PERIOD)
        assert [item["id"] for item in found["items"]] == [wanted.id]


async def test_a_wrong_filter_is_named(call):  # noqa: F811
    for field, value in (("stage", "done"), ("limit", 1000), ("from", "yesterday"), ("network_id", 0)):
        with pytest.raises(Refused) as caught:
            await call("postbacks.list", **{field: value})
        assert [problem.path for problem in caught.value.fields] == [field]
