"""What was detected of a visit: reports group and filter by it, the click log filters by it."""

from __future__ import annotations

from decimal import Decimal

import pytest

from appliance.model.events import DecisionInputs
from tests.contracts.test_reports import PERIOD, call, store  # noqa: F401  a fixture
from tests.records import click, conversion

GERMAN = {
    "country": "DE", "region": "Bavaria", "city": "Munich", "isp": "Telekom", "asn": "3320",
    "connection_type": "cable", "device_type": "mobile", "device_brand": "Apple", "device_model": "iPhone",
    "os": "iOS", "os_version": "17.5", "browser": "Safari", "browser_version": "17.5", "language": "de",
    "search_engine": "google", "ip_version": "4", "bot": "0", "datacenter": "0", "prefetch": "0",
}  # fmt: skip
ROBOT = {"country": "US", "bot": "1", "datacenter": "1", "ip_version": "6", "prefetch": "0"}


def seen(n, facts, **changes):
    inputs = DecisionInputs(kernel=1, draw=n, facts=facts)
    return click(n, inputs=inputs, campaign_id=1, language="de-DE,de;q=0.9", **changes)


@pytest.fixture
def filled(warehouse):
    store(
        warehouse,
        *[seen(n, GERMAN) for n in range(3)],
        seen(3, ROBOT),
        seen(4, {}),
        conversion(0, campaign_id=1),
        conversion(3, campaign_id=1, revenue=7_000_000),
    )


@pytest.mark.parametrize("fact", GERMAN)
async def test_every_fact_is_a_dimension_of_clicks_and_of_their_conversions(call, filled, fact):  # noqa: F811
    table = await call("reports.query", group_by=[fact], filters={"country": ["DE", "US"]}, **PERIOD)
    lines = {line[fact]: (line["clicks"], line["conversions"]) for line in table["items"]}
    german, robot = GERMAN[fact], ROBOT.get(fact, "de" if fact == "language" else "")
    assert lines == ({german: (4, 2)} if german == robot else {german: (3, 1), robot: (1, 1)})


async def test_what_could_not_be_known_is_empty(call, filled):  # noqa: F811
    table = await call("reports.query", group_by=["country"], sort="clicks", **PERIOD)
    found = {(line["country"], line["clicks"], line["revenue"]) for line in table["items"]}
    assert found == {("DE", 3, Decimal("2.5")), ("US", 1, 7), ("", 1, 0)}


async def test_the_language_of_older_clicks_is_read_from_their_header(call, filled):  # noqa: F811
    table = await call("reports.query", group_by=["language"], **PERIOD)
    assert [(line["language"], line["clicks"]) for line in table["items"]] == [("de", 5)]


async def test_reports_are_divided_into_new_visitors_and_those_who_return(call, warehouse):  # noqa: F811
    facts = {
        n: {"unique_campaign": new, "unique_stream.4": asked}
        for n, new, asked in ((0, "1", "0"), (1, "0", "1"), (2, "0", "1"))
    }
    store(
        warehouse,
        *[seen(n, facts[n], stream_id=4 if n < 2 else 5) for n in facts],
        seen(3, {}),
        conversion(0, campaign_id=1, stream_id=4),
    )
    for name, expected in (
        ("unique_campaign", {"1": (1, 1), "0": (2, 0), "": (1, 0)}),
        ("unique_stream", {"0": (1, 1), "1": (1, 0), "": (2, 0)}),
    ):
        table = await call("reports.query", group_by=[name], **PERIOD)
        assert {line[name]: (line["clicks"], line["conversions"]) for line in table["items"]} == expected
    table = await call(
        "reports.query",
        group_by=["stream"],
        filters={"unique_stream": ["1"], "unique_campaign": ["0"]},
        **PERIOD,
    )
    assert [line["clicks"] for line in table["items"]] == [1]


@pytest.mark.parametrize(
    ("filters", "count"),
    [
        ({"country": ["DE"]}, 3), ({"os": ["iOS"], "city": ["Munich"]}, 3), ({"bot": ["1"]}, 1),
        ({"datacenter": ["1"], "ip_version": ["6"]}, 1), ({"device_type": ["tablet"]}, 0), ({"isp": [""]}, 2),
        ({"browser": {"contains": ["safa"]}}, 3), ({"language": ["de"]}, 5),
    ],
)  # fmt: skip
async def test_the_click_log_is_filtered_by_facts(call, filled, filters, count):  # noqa: F811
    page = await call("clicks.list", filters=filters, **PERIOD)
    assert (page["total"], len(page["items"])) == (count, count)
    if "country" in filters:
        assert page["items"][0]["facts"] == GERMAN
