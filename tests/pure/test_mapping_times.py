"""When it was what a pixel is told of a conversion: its own time, or that of a postback that made it so."""

from __future__ import annotations

from typing import Any

import pytest

from appliance.attribution.history import base_of
from appliance.model.catalog import AdAccount, EventRow
from appliance.model.conversions import Said, Told
from appliance.partners.platform import DAY
from tests.pure.test_mapping import CLICK, HOUR, NOW, announcements, conversion, pixel, told


def said(status: str, at_us: int, **fields: Any) -> Said:
    return Said(stamp=(at_us, 0, 1, at_us % 1_000), status=status, word=status, **fields)


def test_a_sale_that_is_confirmed_late_happened_when_it_was() -> None:
    """Eight days after its lead: it would be older than most platforms take."""
    lead = conversion(status="lead", history=(said("lead", NOW),))
    later = said("sale", NOW + 8 * DAY, happened_us=NOW)
    sale = conversion(revision=2, history=(said("lead", NOW), later), known_us=NOW + 8 * DAY + 1)
    first = told(announcements().post(None, lead, NOW))
    then = told(announcements().post(lead, sale, NOW + 8 * DAY + 1))
    assert [(it.event_name, it.at_us) for it in first + then] == [("Lead", NOW), ("Purchase", NOW + 8 * DAY)]
    assert then[0].click_at_us == CLICK
    # What is said of it after that changes nothing: the same event has the same time.
    more = said("sale", NOW + 9 * DAY)
    raised = conversion(revision=3, history=(*sale.history, more), known_us=NOW + 9 * DAY)
    _, _, (again,) = announcements().preview(AdAccount(id=1, platform="meta"), pixel(), None, raised)
    assert (again.event_id, again.at_us) == (then[0].event_id, NOW + 8 * DAY)


def based(status: str, last_us: int) -> Told:
    return Told((1, 0, 0, 1), (last_us, 0, 0, 1), status, "", None, "", None, "", "", "", "edit")


BY_HAND = {"rejected": ("hold",), "hold": ("sale",)}
LEGACY = conversion(at_us=NOW - 9, status_stamp=(NOW - 5, 0, 1, 3))


@pytest.mark.parametrize(
    ("fields", "then"),
    [
        # The first postback says itself when it happened.
        ({"history": (said("sale", NOW - 5),), "at_us": NOW - HOUR}, NOW - HOUR),
        # Its click was found later: it is still what it was.
        ({"history": (said("lead", NOW - 9), said("sale", NOW - 5)), "at_us": NOW - 9}, NOW - 5),
        ({"base": based("sale", NOW - 7)}, NOW - 7),
        ({"base": based("sale", 1)}, NOW),
        ({"base": based("lead", 1),
          "history": (said("sale", NOW - 4),)}, NOW - 4),
        ({}, NOW),
        # It was one when nothing was kept of its postbacks.
        ({"base": base_of(LEGACY), "history": (said("sale", NOW - 1),), "at_us": NOW - 9}, NOW - 9),
        # What its network does not allow did not happen.
        ({"history": (said("rejected", NOW - 9), said("sale", NOW - 7), said("hold", NOW - 5),
                      said("sale", NOW - 3), said("sale", NOW - 1)),
          "at_us": NOW - 9, "transitions": BY_HAND}, NOW - 3),
        ({"base": based("rejected", NOW - 8), "history": (said("sale", NOW - 7), said("hold", NOW - 5),
          said("sale", NOW - 3)), "at_us": NOW - 9, "transitions": BY_HAND}, NOW - 3),
        # Clocks of networks differ.
        ({"at_us": CLICK - HOUR}, CLICK),
        ({"at_us": NOW + HOUR}, NOW),
    ],
)  # fmt: skip
def test_when_it_became_what_is_told(fields: dict[str, Any], then: int) -> None:
    (report,) = told(announcements().post(None, conversion(**fields), NOW))
    assert report.at_us == then


@pytest.mark.parametrize(
    ("statuses", "then"), [((), NOW - 9), (("lead", "sale"), NOW - 7), (("sale",), NOW - 5)]
)
def test_a_row_happens_when_it_applies_first(statuses: tuple[str, ...], then: int) -> None:
    history = (said("hold", NOW - 9), said("lead", NOW - 7), said("sale", NOW - 5))
    made = announcements(pixel(mapping=(EventRow(event_name="Own"),), statuses=statuses))
    (report,) = told(made.post(None, conversion(history=history, at_us=NOW - 9), NOW))
    assert report.at_us == then
