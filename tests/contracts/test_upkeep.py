"""OPTIMIZE: only where merging changes rows, only what was written since; and how long statements take."""

from __future__ import annotations

import threading
from collections import Counter

import pytest

from appliance.actors.kernel import inline_runner
from appliance.actors.optimizer import Optimizer
from appliance.errors import Refused, Unavailable
from appliance.model.shipping import Mergeable
from appliance.model.status import QUERY_BOUNDS
from appliance.reporting.rows import build
from appliance.stores.timings import Timings
from tests.engine import SERVER
from tests.records import NOON, click, entries

ALONE = "max_bytes_to_merge_at_max_space_in_pool = 1"
"""No merge in the background comes between."""


@pytest.fixture(params=["chdb", "http", "server"])
def warehouse(request, engines):
    """chDB itself, our HTTP side over chDB, and a real server when one is named."""
    if request.param == "server" and not SERVER:
        pytest.skip("set WEIR_TEST_CLICKHOUSE=http://user:password@host:port to run this on a server")
    return engines.empty(request.param)


@pytest.fixture
def replaced(warehouse):
    """A table in which merging makes one row of those with one key; two partitions of two parts each."""
    warehouse.execute(
        "create table replaced (p UInt8, k Int64, v Int64) engine = ReplacingMergeTree(v)"
        f" partition by p order by k settings {ALONE}"
    )
    for version in (1, 2):
        warehouse.execute(f"insert into replaced select number % 2, number, {version} from numbers(100)")
    yield "replaced"
    warehouse.execute("drop table replaced")


def counted(warehouse):
    return Counter({it.kind: it.count for it in warehouse.queries()})


def found(warehouse):
    return [it[:2] for it in warehouse.mergeable()]


def test_what_has_one_row_per_key_is_merged_where_it_was_written_since(warehouse, replaced):
    assert found(warehouse) == [("replaced", "0"), ("replaced", "1")]
    for it in warehouse.mergeable():
        assert it.rows == 100
        assert warehouse.optimize(it) == 50
    assert found(warehouse) == []
    warehouse.execute("insert into replaced values (1, 7, 3)")
    [it] = warehouse.mergeable()
    assert (it.table, it.partition, it.parts, it.rows) == ("replaced", "1", 2, 51)
    assert warehouse.optimize(it) == 50
    assert warehouse.query("select v from replaced where k = 7", {}) == [{"v": 3}]


def test_what_merging_does_not_change_is_left_alone_until_rows_of_it_are_deleted(warehouse):
    warehouse.execute(f"alter table click_events modify setting {ALONE}")
    for seq in (1, 2, 3):
        [entry] = entries(seq, click(seq, at_us=NOON + seq))
        warehouse.insert([build(0, 1, *entry)])
    assert found(warehouse) == []
    warehouse.delete_before("click_events", NOON + 2)
    [it] = warehouse.mergeable()
    assert (it.table, it.rows) == ("click_events", 3), "the deleted row is still on the disk"
    assert warehouse.optimize(it) == 2
    assert found(warehouse) == []
    assert warehouse.query("select count() as n from click_events", {}) == [{"n": 2}]
    warehouse.execute(f"alter table click_events reset setting {ALONE.partition(' ')[0]}")


def test_nothing_but_a_partition_of_ours_gets_into_a_statement(warehouse):
    for table, partition in (("a; drop table b", "1"), ("click_events", "1' final; --")):
        with pytest.raises(ValueError, match="no partition of ours"):
            warehouse.optimize(Mergeable(table, partition, 2, 2, 0))


async def test_a_round_says_what_it_came_to(warehouse, replaced, caplog):
    caplog.set_level("INFO", "weir.optimization")
    optimizer = Optimizer(warehouse, inline_runner, 3.0, lambda: NOON)
    before = counted(warehouse)
    await optimizer.optimize()
    report = optimizer.report()
    assert (report.runs, report.partitions, report.rows_before, report.rows_after) == (1, 2, 200, 100)
    assert report.last_us == NOON
    said = [(it.table, it.partition, it.rows_before, it.rows_after) for it in caplog.records]
    assert said == [("replaced", "0", 100, 50), ("replaced", "1", 100, 50)]
    assert all(it.seconds >= 0 and it.parts == 2 for it in caplog.records)
    await optimizer.optimize()
    assert (optimizer.runs, optimizer.partitions) == (2, 2), "nothing was written since"
    assert counted(warehouse) - before == {"optimize": 2, "upkeep": 2}


def test_one_that_is_under_way_holds_up_nobody_who_closes(engines):
    warehouse = engines.empty("chdb")
    warehouse.execute(
        "create table large (k Int64, v Int64, s String) engine = ReplacingMergeTree(v) order by k"
    )
    for version in range(8):
        warehouse.execute(
            f"insert into large select number, {version}, repeat(toString(rand()), 10) from numbers(200000)"
        )
    ended = []

    def merge():
        try:
            ended.append(warehouse.optimize(warehouse.mergeable()[0]))
        except Unavailable as fault:
            ended.append(fault.message)

    merging = threading.Thread(target=merge)
    merging.start()
    while not warehouse._merging.busy and merging.is_alive():
        pass
    warehouse.close()
    merging.join()
    assert len(ended) == 1  # it was cut, or had been done just before
    [it] = warehouse.mergeable() or [None]
    if it is not None:
        assert warehouse.optimize(it) == 200_000, "a merge that was cut is done the next time"
    warehouse.execute("drop table large")


def test_statements_are_counted_by_kind_and_the_time_they_take():
    timings = Timings()
    for seconds in (0.001, 0.02, 0.02, 3.0, 100.0):
        timings.record("report", seconds)
    with pytest.raises(Refused), timings.timed("insert"):
        raise Refused("no")
    insert, report = timings.report()
    assert (insert.kind, insert.count, insert.failed) == ("insert", 1, 1)
    assert (report.count, report.failed, round(report.seconds, 3)) == (5, 0, 103.041)
    assert dict(zip(QUERY_BOUNDS, report.buckets, strict=True)) == {
        0.005: 1, 0.025: 3, 0.1: 3, 0.5: 3, 2.5: 3, 10.0: 4, 60.0: 4,
    }  # fmt: skip
