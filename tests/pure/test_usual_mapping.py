"""The default table, as rows that an operator can begin from."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from appliance.model.catalog import EventRow, Pixel
from appliance.partners.mapping import DEFAULT_CONVERSIONS, DEFAULT_INTERPRETED, Table, usual
from appliance.partners.platform import Platform
from appliance.partners.roster import PLATFORMS


def told(rows: Sequence[EventRow]) -> list[tuple[object, ...]]:
    """What rows come to, whatever network they name and in whatever order they stand."""
    return sorted((r.event_name, r.count, r.value, *sorted(r.custom.items())) for r in rows)


@pytest.mark.parametrize("platform", PLATFORMS.values(), ids=lambda it: it.name)
@pytest.mark.parametrize("network", [*DEFAULT_INTERPRETED, "airfind"])
def test_a_pixel_with_these_rows_reports_what_one_without_any_does(platform: Platform, network: str) -> None:
    written = Pixel(id=1, name="p", ad_account_id=1, code="1", mapping=usual(platform))
    empty = Pixel(id=1, name="p", ad_account_id=1, code="1")
    with_rows, without = Table(written, platform), Table(empty, platform)
    assert told(with_rows.of_interpreted(network)) == told(without.of_interpreted(network))
    assert told(with_rows.of_interpreted(network))


def test_they_begin_with_what_our_conversions_are() -> None:
    rows = usual(PLATFORMS["meta"])
    assert rows[:2] == DEFAULT_CONVERSIONS
    assert [row.event_name for row in rows if row.network == "crossroads"] == ["PageView", "ViewContent"]
    worth = [row for row in usual(PLATFORMS["taboola"]) if row.when == "interpreted"]
    assert PLATFORMS["taboola"].only_conversions
    assert [row.event_name for row in worth] == ["Purchase"]
