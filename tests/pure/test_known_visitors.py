"""Who a conversion's visitor is to a platform: its id of the click, and where he is."""

from __future__ import annotations

import msgspec
import pytest

from appliance.partners.making import known_as
from appliance.partners.mapping import click_ids_of
from appliance.partners.report import Identity
from appliance.partners.roster import PLATFORMS
from tests.pure.test_mapping import NOW, announcements, click, conversion, pixel, told


@pytest.mark.parametrize(
    ("own", "country"), [(Identity(), "US"), (Identity(phones=("1",)), "US"), (Identity(country="DE"), "DE")]
)
def test_a_visitor_is_where_the_click_came_from_unless_he_is_known_to_be_elsewhere(
    own: Identity, country: str
) -> None:
    (report,) = told(announcements().post(None, conversion(), NOW))
    assert known_as(report, own).identity == msgspec.structs.replace(own, country=country)
    nowhere = conversion(click=click(click_ids={"fbclid": "IwAR-Abc"}))
    (report,) = told(announcements().post(None, nowhere, NOW))
    assert known_as(report, own).identity == own


@pytest.mark.parametrize(
    ("ids", "source_ids", "told_"),
    [
        ({"ttclid": "E.C.P.url"}, (2,), {"ttclid": "E.C.P.url"}),
        ({"ttclid": "E.C.P.url"}, (), {"ttclid": "E.C.P.url"}),
        ({"fbclid": "IwAR-1"}, (2,), {"ttclid": "E.C.P.field"}),
        ({"fbclid": "IwAR-1"}, (), {}),
    ],
)
def test_the_id_in_the_url_wins_over_the_one_that_the_source_named(
    ids: dict[str, str], source_ids: tuple[int, ...], told_: dict[str, str]
) -> None:
    clicked = click(click_ids=ids, source_click_id="E.C.P.field")
    assert click_ids_of(clicked, pixel(source_ids=source_ids), PLATFORMS["tiktok"]) == told_


def test_a_source_of_the_pixels_brings_the_platforms_click_id_under_its_own_name() -> None:
    clicked = click(click_ids={}, source_click_id="tb-GiC123")
    made = announcements(pixel(source_ids=(2,)), platform="taboola").post(
        None, conversion(click=clicked), NOW
    )
    assert told(made)[0].click_ids == {"tblci": "tb-GiC123"}
    assert told(made)[0].consent == "limited"  # not even the country is known
