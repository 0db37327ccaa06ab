"""What reprocessing reads of a real warehouse: which postbacks, where each stands, and its last fate."""

from __future__ import annotations

from appliance.model.conversions import CORE_EDGE, entered_position
from appliance.model.ids import click_id, name_of
from appliance.model.inbox import Fate, Raw
from appliance.reporting import inbox
from appliance.reporting.inbox import NO_CLICK_ID, Wanted, raw_of
from appliance.reporting.rows import build
from tests.records import NOON, conversion, entries, postback

ALL = Wanted(from_us=NOON - 1, to_us=NOON + 10**9)


def put(warehouse, edge, epoch, seq, event):
    [entry] = entries(seq, event)
    warehouse.insert([build(edge, epoch, *entry)])


def ask(warehouse, query, later=None) -> list[Raw]:
    return [raw_of(row, later or {}) for row in warehouse.query(query.sql, query.parameters)]


def done(n: int, outcome: str, **more: object):
    fields = {"stage": "processed", "params": {}, "address": "", "reason": "r'\\", "known_us": NOON + 10**6}
    return postback(n, outcome=outcome, **{**fields, **more})


def filled(warehouse) -> None:
    """Postbacks 1 to 4 of two edges, one refused at the door for each reason, one that was entered."""
    for n in (1, 2, 3, 4):
        put(
            warehouse,
            n % 2,
            70 + n,
            n,
            postback(n, params={"cid": f"Ä{n}", "n": str(n)}, sealed=bytes([n, 255])),
        )
    put(warehouse, CORE_EDGE, 10, 1, done(1, "waiting", click_id="c"))
    put(warehouse, CORE_EDGE, 11, 1, done(1, "conversion", conversion_id="conv", click_id="c"))
    put(warehouse, CORE_EDGE, 9, 99, done(1, "refused"))  # an earlier life
    put(warehouse, CORE_EDGE, 11, 2, done(2, "refused", transaction_id="T"))
    put(warehouse, CORE_EDGE, 11, 3, done(3, "waiting"))
    for n, reason in ((5, f"{NO_CLICK_ID}: expected one of cid."), (6, "The secret is wrong.")):
        put(warehouse, 0, 80, n, postback(n, stage="refused", outcome="refused", reason=reason))
    entered = name_of("entered")
    put(warehouse, CORE_EDGE, 12, 1, postback(7, id=entered, network_id=41))
    put(warehouse, CORE_EDGE, 12, 2, done(7, "conversion", id=entered, network_id=41, conversion_id="e"))


def test_all_that_arrived_with_where_it_stands_and_what_became_of_it_last(warehouse):
    filled(warehouse)
    found = ask(warehouse, inbox.wanted(ALL, 100))
    assert [(raw.position, raw.fate.outcome) for raw in found] == [
        ((1, 71, 1), "conversion"),
        ((0, 72, 2), "refused"),
        ((1, 73, 3), "waiting"),
        ((0, 74, 4), ""),
        ((0, 80, 5), "refused"),
        (entered_position(name_of("entered")), "conversion"),
    ]
    assert found[0].fate == Fate("conversion", "r'\\", "conv", "c", "")
    assert found[1].fate.transaction_id == "T"
    assert found[4].fate.reason.startswith(NO_CLICK_ID)
    event = found[0].event
    assert (event.stage, event.params, event.at_us) == ("received", {"cid": "Ä1", "n": "1"}, NOON + 1000)
    assert (event.id, event.network_id, event.method, event.request_id) == ("pb-1", 40, "GET", "r")
    assert [raw.event.sealed for raw in found[:4]] == [bytes([n, 255]) for n in (1, 2, 3, 4)]
    assert len(ask(warehouse, inbox.wanted(ALL, 2))) == 2


def test_those_that_were_chosen(warehouse):
    filled(warehouse)

    def ids(**which: object) -> list[str]:
        query = inbox.wanted(Wanted(from_us=NOON - 1, to_us=NOON + 10**9, **which), 100)
        return [raw.event.id for raw in ask(warehouse, query)]

    assert ids(outcomes=["refused"]) == ["pb-2", "pb-5"]
    assert ids(outcomes=["waiting", "conversion"], network_id=40) == ["pb-1", "pb-3"]
    assert ids(network_id=41) == [name_of("entered")]
    assert ids(text="ä3") == ["pb-3"]
    assert ids(ids=["pb-4", "pb-6"]) == ["pb-4"]
    assert ids(ids=["pb-1"], outcomes=["refused"]) == []


def test_what_is_not_shipped_yet_counts_more(warehouse):
    filled(warehouse)
    found = ask(warehouse, inbox.wanted(ALL, 1), {"pb-1": Fate("refused", "later")})
    assert found[0].fate == Fate("refused", "later")


def test_those_of_a_conversion_are_found_by_their_stamps(warehouse):
    filled(warehouse)
    entered = entered_position(name_of("entered"))
    stamps = [(NOON + 1000, 1, 71, 1), (NOON + 7000, *entered), (NOON + 2000, 1, 72, 2)]
    found = ask(warehouse, inbox.at(stamps))
    assert [raw.position for raw in found] == [(1, 71, 1), entered]
    assert [raw.fate.conversion_id for raw in found] == ["conv", "e"]


def test_as_many_as_are_asked_for_at_once(warehouse):
    filled(warehouse)
    stamps = [(NOON + 1000 * n, 0, 2**60 + n, 2**60) for n in range(inbox.AT_ONCE - 1)]
    found = ask(warehouse, inbox.at([*stamps, (NOON + 4000, 0, 74, 4)]))
    assert [raw.event.id for raw in found] == ["pb-4"]


def test_conversions_that_share_a_claim(warehouse):
    put(warehouse, CORE_EDGE, 1, 1, conversion(1, transaction_id="A"))
    put(warehouse, CORE_EDGE, 1, 2, conversion(2, transaction_id="", click_id="c"))
    put(warehouse, CORE_EDGE, 1, 3, conversion(3, transaction_id="B", click_id="c"))
    put(warehouse, CORE_EDGE, 1, 4, conversion(4, transaction_id="A", network_id=41))
    query = inbox.claimed([(40, "A", ""), (40, "", "c")])
    assert {row["id"] for row in warehouse.query(query.sql, query.parameters)} == {"conv-1", "conv-2"}


def test_the_life_of_one_in_order(warehouse):
    filled(warehouse)
    arrived = click_id(NOON // 1000 + 1, 5)
    put(warehouse, 0, 90, 1, postback(1, id=arrived))
    put(warehouse, 0, 90, 2, postback(2, id=arrived))  # no edge gives an id to another moment
    query = inbox.life(arrived)
    assert [row["at_us"] for row in warehouse.query(query.sql, query.parameters)] == [NOON + 1000]
    query = inbox.life("pb-1")
    rows = warehouse.query(query.sql, query.parameters)
    assert [(row["stage"], row["outcome"]) for row in rows] == [
        ("received", ""), ("processed", "refused"), ("processed", "waiting"), ("processed", "conversion"),
    ]  # fmt: skip
