"""A click that was shipped comes back from the warehouse as the event that it was."""

from __future__ import annotations

import msgspec

from appliance.model.events import ClickEvent, DecisionInputs
from appliance.reporting import recorded
from appliance.reporting.rows import build
from tests.records import click, entries

INPUTS = DecisionInputs(
    kernel=1,
    draw=2**53 - 1,
    streams=((1, "rule", 0), (2, "matched", -1)),
    destinations=((3, "open", -1), (4, "chosen", -1)),
    facts={"country": "US", "unique_stream.2": "1"},
    turn=3,
    weights=(1, 0),
    cookie="2.4",
    tests={"ab12": True, "cd34?": False},
)


def test_every_field_comes_back(warehouse):
    for fields, event in ((DecisionInputs, INPUTS), (ClickEvent, whole())):
        for field in msgspec.structs.fields(
            fields
        ):  # a new field must be stored, and tried here; `taught` is for the edges only
            if field.name not in ("v", "taught") and field.default is not msgspec.NODEFAULT:
                assert getattr(event, field.name) != field.default, field.name
    store(warehouse, whole())
    query = recorded.one(whole().id)
    assert [recorded.click_of(row) for row in warehouse.query(query.sql, query.parameters)] == [whole()]


def whole(n=1, **more):
    values = {
        "url_hash": 2**64 - 1, "parent_id": click(9).id, "landing_id": 5, "exit_number": 2, "hops": 1,
        "signals": {"fbp": "fb.1"}, "inputs": INPUTS,
    }  # fmt: skip
    return click(n, **{**values, **more})


def store(warehouse, *events):
    for seq, event in enumerate(events, 1):
        [entry] = entries(seq, event)
        warehouse.insert([build(0, 1, *entry)])


def test_the_newest_are_read_page_by_page_and_only_those_that_came_by_a_link(warehouse):
    mine = [whole(n, campaign_id=1 + n % 2, parent_id="") for n in range(6)]
    store(warehouse, *mine, whole(7, campaign_id=1))

    def ids(*question):
        query = recorded.newest(*question)
        rows = warehouse.query(query.sql, query.parameters)
        return [recorded.click_of(row).id for row in rows]

    newest_first = [click.id for click in reversed(mine)]
    assert ids(10) == newest_first
    assert ids(2) == newest_first[:2] and ids(2, newest_first[1]) == newest_first[2:4]
    assert ids(10, "", 2) == newest_first[::2]
    assert ids(10, "", 0, (1,)) == newest_first[1::2] and ids(10, "", 0, ()) == []
