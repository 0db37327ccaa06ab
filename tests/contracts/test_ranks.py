"""What the warehouse tells the ranks: figures of each stream's destinations since a moment."""

from __future__ import annotations

from appliance.reporting.ranks import Figures, clicks_query, conversions_query, figures
from appliance.reporting.rows import build
from appliance.stores.warehouse import Warehouse
from tests.records import NOON, click, conversion, entries

HOUR = 3_600_000_000


def store(warehouse: Warehouse, *events: object) -> None:
    for seq, event in enumerate(events, 1):
        [entry] = entries(seq, event)
        warehouse.insert([build(0, 1, *entry)])


def known(warehouse: Warehouse, *streams: int) -> dict[int, dict[int, Figures]]:
    answers = [
        warehouse.rank(query.sql, query.parameters)
        for query in (clicks_query(streams, NOON, "USD"), conversions_query(streams, NOON, "USD"))
    ]
    return figures(*answers)


def test_figures_are_those_of_clicks_since_then(warehouse: Warehouse) -> None:
    old = NOON - HOUR
    store(
        warehouse,
        click(2, destination_id=7), click(4, destination_id=7, currency="EUR"), click(6, destination_id=8),
        click(8, destination_id=7, counted=False), click(10, destination_id=7, at_us=old),
        click(1, destination_id=7),  # stream 11
        conversion(2, destination_id=7), conversion(4, destination_id=7, currency="EUR"),
        conversion(10, destination_id=7, click_at_us=old),
    )  # fmt: skip
    assert known(warehouse, 10) == {10: {7: Figures(2, 10_000, 2, 2_500_000), 8: Figures(1, 10_000, 0, 0)}}
    assert known(warehouse, 11, 99) == {11: {7: Figures(1, 10_000, 0, 0)}}


def test_what_comes_through_a_landing_page_counts_for_the_page(warehouse: Warehouse) -> None:
    out = click(4, destination_id=20, landing_id=9, exit_number=1, parent_id=click(2).id)
    store(warehouse, click(2, destination_id=9, landing_id=9), out, conversion(4, destination_id=20))
    assert known(warehouse, 10) == {10: {9: Figures(1, 10_000, 1, 2_500_000)}}


def test_what_comes_through_pages_behind_pages_counts_for_the_first(warehouse: Warehouse) -> None:
    on = {"reason": "next_landing", "exit_number": 1, "stream_id": 10}
    second = click(4, destination_id=8, landing_id=9, parent_id=click(2).id, **on)
    third = click(6, destination_id=7, landing_id=8, parent_id=click(4).id, **on)
    out = click(8, destination_id=20, landing_id=7, exit_number=2, parent_id=click(6).id)
    early = click(12, destination_id=20, landing_id=8, exit_number=2, parent_id=click(4).id)
    first = click(2, destination_id=9, landing_id=9)
    sold = conversion(8, destination_id=20), conversion(12, destination_id=20)
    store(warehouse, first, second, third, out, early, *sold)
    assert known(warehouse, 10) == {10: {9: Figures(1, 10_000, 2, 5_000_000)}}
