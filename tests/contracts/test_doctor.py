"""What the warehouse tells the doctor of landing pages; what is kept of findings in the ledger's file."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from appliance.attribution.doctor import LandingViews, Remembered, views_of
from appliance.model.doctor import Finding
from appliance.reporting.landings import views_query
from appliance.reporting.rows import build
from appliance.stores.sqlite.doctor import SqliteDoctor
from appliance.stores.warehouse import Warehouse
from tests.records import NOON, click, entries

HOUR = 3_600_000_000


def views(warehouse: Warehouse, *events: object) -> set[LandingViews]:
    for seq, event in enumerate(events, 1):
        [entry] = entries(seq, event)
        warehouse.insert([build(0, 1, *entry)])
    query = views_query(NOON)
    return set(views_of(warehouse.rank(query.sql, query.parameters)))


def test_views_and_ways_out_of_landing_pages(warehouse: Warehouse) -> None:
    seen = views(
        warehouse,
        click(2, campaign_id=3, destination_id=9, landing_id=9),
        click(4, campaign_id=3, destination_id=9, landing_id=9),
        click(6, campaign_id=3, destination_id=9, landing_id=9, counted=False),
        click(8, campaign_id=3, destination_id=9, landing_id=9, at_us=NOON - HOUR),
        click(10, campaign_id=3, destination_id=20, landing_id=9, exit_number=1),
        click(12, campaign_id=3, destination_id=20, landing_id=9, exit_number=2, counted=False),
        click(14, campaign_id=3, destination_id=7, landing_id=7), click(16, campaign_id=3, destination_id=20),
    )  # fmt: skip
    assert seen == {LandingViews(3, 9, 2, 2), LandingViews(3, 7, 1, 0)}


def test_a_way_out_that_leads_to_another_page_is_its_view(warehouse: Warehouse) -> None:
    onward = click(4, campaign_id=3, destination_id=8, landing_id=9, exit_number=1, reason="next_landing")
    assert views(warehouse, click(2, campaign_id=3, destination_id=9, landing_id=9), onward) == {
        LandingViews(3, 9, 1, 1),
        LandingViews(3, 8, 1, 0),
    }


def test_what_a_newer_weir_wrote_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    store = SqliteDoctor(path)
    finding = Finding(id="a", code="ids_swapped", first_us=1, last_us=2, count=3)
    store.save([finding], [], Remembered(quiet={"x": 1}))
    store.save([], ["nothing"], None)
    assert store.load() == ([finding], Remembered(quiet={"x": 1}))
    store.close()
    with sqlite3.connect(path) as other:
        other.execute("insert into finding values ('b', x'c1')")
        other.execute("update doctor set body=x'c1'")
    other.close()
    store = SqliteDoctor(path)
    assert store.load() == ([finding], Remembered())
    store.close()
