"""The judge of `make faults` judged: it must see one lost and one doubled among many."""

from __future__ import annotations

from tests.faults.networks import Postback
from tests.faults.tally import Held, tally
from tests.visitors import Visit

VISITS = [Visit(0, 1, f"t{n}", 302, f"id{n}") for n in range(10)]
SALES = [Postback("tx0", "id0", 1, ["pb0"]), Postback("tx1", "id1", 2, ["pb1", "pb2"])]


def whole() -> Held:
    return {
        "clicks": {f"id{n}": [f"t{n}", 1] for n in range(10)},
        "identities": {f"id{n}": ["", 1] for n in range(10)},
        "conversions": {"tx0": [1, 1], "tx1": [1, 1]},
        "postbacks": {f"pb{n}": ["", 1] for n in range(3)},
        "aside": {},
    }


def test_all_is_well() -> None:
    found = tally(VISITS, SALES, whole(), 0)
    assert found.closing_line() == "answered=10 reported=10 unrecorded=0 lost=0 doubled=0"
    assert found.faults == [] and (found.sales, found.converted, found.postbacks) == (2, 2, 3)


def test_a_lost_click() -> None:
    held = whole()
    del held["clicks"]["id4"], held["identities"]["id4"]
    found = tally(VISITS, SALES, held, 0)
    assert found.lost == 1 and "id4" in found.faults[0]
    declared = tally(VISITS, SALES, held, 1)
    assert declared.lost == 0 and declared.faults == []
    too_much = tally(VISITS, SALES, held, 2)
    assert too_much.lost == -1 and too_much.faults


def test_a_doubled_click_and_a_request_that_became_two() -> None:
    held = whole()
    held["clicks"]["id4"] = ["t4", 2]
    held["clicks"]["id99"] = ["t5", 1]
    held["identities"]["id99"] = ["", 1]
    found = tally(VISITS, SALES, held, 0)
    assert found.doubled == 2 and len(found.faults) == 2


def test_what_nobody_was_answered_is_listed_and_may_not_double() -> None:
    held = whole()
    held["clicks"]["id50"] = ["cut", 1]
    held["identities"]["id50"] = ["", 1]
    cut = Visit(0, 1, "cut", error="Ended")
    found = tally([*VISITS, cut], SALES, held, 0)
    assert (found.unanswered, found.unanswered_recorded, found.faults) == (1, 1, [])
    held["clicks"]["id50"] = ["cut", 2]
    assert tally([*VISITS, cut], SALES, held, 0).doubled == 1


def test_clicks_that_nobody_sent() -> None:
    held = whole()
    held["clicks"]["id50"] = ["stranger", 1]
    held["identities"]["id50"] = ["", 1]
    assert "nobody sent" in tally(VISITS, SALES, held, 0).faults[0]


def test_a_lost_and_a_doubled_sale() -> None:
    held = whole()
    del held["conversions"]["tx0"]
    held["conversions"]["tx1"] = [2, 2]
    found = tally(VISITS, SALES, held, 0)
    assert (found.lost, found.doubled, found.converted) == (1, 1, 0)


def test_an_answered_postback_that_is_not_in_the_log() -> None:
    held = whole()
    held["postbacks"]["pb1"] = ["", 2]
    assert "pb1" in tally(VISITS, SALES, held, 0).faults[0]
