"""What every warehouse promises, held by chDB always and by a ClickHouse server when there is one."""

from __future__ import annotations

import json
import threading
import time

import pytest
from msgspec.structs import replace

from appliance.errors import RowRefused, Unavailable
from appliance.model.conversions import ClickFacts
from appliance.model.shipping import Bound
from appliance.reporting.rows import COLUMNS, bounds, build, set_aside
from appliance.stores.warehouse_schema import migrations
from tests.engine import SERVER
from tests.records import NOON, click, conversion, entries, identity, postback, trafficback

EPOCH = 1 << 60


@pytest.fixture(params=["chdb", "http", "server"])
def warehouse(request, engines):
    """chDB itself, our HTTP side over chDB, and a real server when one is named."""
    if request.param == "server" and not SERVER:
        pytest.skip("set WEIR_TEST_CLICKHOUSE=http://user:password@host:port to run this on a server")
    return engines.empty(request.param)


def rows(first, *events, edge=0):
    return [build(edge, EPOCH, seq, body) for seq, body in entries(first, *events)]


def one(warehouse, sql):
    [row] = warehouse.query(sql, {})
    return row


def test_every_field_of_a_click_comes_back(warehouse):
    event = click(7)
    warehouse.insert(rows(EPOCH + 7, event))
    row = one(
        warehouse,
        "select *, sub1, sub2, sub30, utm_source, country, toUnixTimestamp64Micro(at) as at_us "
        "from click_events",
    )
    # `taught` is for the edge's memory alone, which reads it in the journal.
    for field in event.__struct_fields__:
        if field not in ("subs", "utm", "inputs", "flags", "counted", "at_us", "taught"):
            assert row[field] == getattr(event, field), field
    assert (row["edge"], row["epoch"], row["seq"]) == (0, EPOCH, EPOCH + 7)
    assert (row["at_us"], row["counted"], row["flags"]) == (event.at_us, 1, ["bot"])
    assert (row["sub1"], row["sub2"], row["sub30"], row["utm_source"]) == ("a7", "", "z", "fb")
    inputs = json.loads(row["inputs"])
    assert (inputs["draw"], inputs["streams"]) == (7, [[10, "ok", -1]])
    assert (row["facts"], row["country"]) == ({"country": "US"}, "US")


def test_every_topic_has_its_table(warehouse):
    for event in (click(1), identity(1), conversion(1), postback(1), trafficback(1)):
        [row] = rows(1, event)
        warehouse.insert([row])
        assert one(warehouse, f"select count() as n from {row.table}")["n"] == 1
    warehouse.insert([set_aside(0, EPOCH, 9, "click_events", "because", b"\xff\x00", NOON)])
    assert one(warehouse, "select hex(base64Decode(raw)) as raw from ingestion_errors")["raw"] == "FF00"
    tables = {row["name"] for row in warehouse.query("show tables", {})}
    assert tables == {*COLUMNS, "migrations"}


def test_it_says_which_numbers_of_a_log_it_has(warehouse):
    some = rows(100, *[click(n) for n in range(50)])
    warehouse.insert(some[:20])
    warehouse.insert([build(1, EPOCH, 130, entries(1, click(60))[0].body)])  # another edge's
    bound = bounds(some)["click_events"]
    assert warehouse.present("click_events", 0, EPOCH, 100, 149, bound) == set(range(100, 120))
    assert warehouse.present("click_events", 0, EPOCH, 110, 112, bound) == {110, 111, 112}
    assert warehouse.present("click_events", 0, EPOCH, 100, 149, None) == set(range(100, 120))
    assert warehouse.present("click_events", 0, EPOCH + 1, 0, 1 << 62, bound) == set()
    late = Bound(1, NOON + 3_600_000_000, NOON + 7_200_000_000, "z", "zz")
    assert warehouse.present("click_events", 0, EPOCH, 100, 149, late) == set()


def test_a_wrong_row_is_refused_and_nothing_of_its_insert_is_stored(warehouse):
    wrong = click(3, at_us=946_684_799_000_000)  # 1999: `sane_time` says no
    some = rows(1, *[click(n, at_us=946_684_799_000_000 + n) for n in range(4)])
    with pytest.raises(RowRefused):
        warehouse.insert(some)
    with pytest.raises(RowRefused):
        warehouse.insert(
            [build(0, EPOCH, 1, entries(1, wrong)[0].body)._replace(values=(0, EPOCH, 1, "never", 1))]
        )
    assert one(warehouse, "select count() as n from click_events")["n"] == 0


def test_an_insert_is_one_table_and_one_partition_and_bounded(warehouse):
    with pytest.raises(ValueError, match="one table and partition"):
        warehouse.insert(rows(1, click(1), identity(1)))
    with pytest.raises(ValueError, match="one table and partition"):
        warehouse.insert(rows(1, click(1), click(2, at_us=NOON + 40 * 86_400_000_000)))
    with pytest.raises(ValueError, match="10000"):
        warehouse.insert(rows(1, click(1)) * 10_001)


def test_clicks_are_looked_up_in_batches(warehouse):
    events = [click(n) for n in range(1200)]
    warehouse.insert(rows(1, *events))
    found = warehouse.lookup_clicks(
        [event.id for event in events] + ["nothing", "'; drop table click_events"]
    )
    assert len(found) == 1200
    facts = found[events[5].id]
    assert (facts.at_us, facts.campaign_id, facts.subs, facts.utm) == (
        events[5].at_us, events[5].campaign_id, {1: "a5", 30: "z"}, {"utm_source": "fb"},
    )  # fmt: skip
    assert warehouse.lookup_clicks([]) == {}


@pytest.mark.parametrize("before", [0, 9, 10])
def test_a_click_is_found_as_it_was_whatever_its_texts_are(warehouse, before):
    odd = 'a"b\\c/d\n\t\x01 é 正 \U0001f600 {x}'
    event = replace(
        click(1), subs={1: odd, 30: ""}, utm={odd: odd}, source_click_id=odd, cost=-(2**53) - 1,
        click_ids={"fbclid": odd, "consent": ""},
    )  # fmt: skip
    statements = {each.number: each.statements for each in migrations()}
    if before:  # stored before the column was there, or when it knew less: it is read from the others
        warehouse.execute("alter table click_events drop column packed")
    if before == 10:
        warehouse.execute(statements[9][0])
    warehouse.insert(rows(1, event))
    if before == 9:
        warehouse.execute(statements[9][0])
    if before:
        warehouse.execute(statements[10][-1])
    (facts,) = warehouse.lookup_clicks([event.id]).values()
    assert facts == ClickFacts(
        id=event.id, at_us=event.at_us, campaign_id=event.campaign_id, stream_id=event.stream_id,
        destination_id=event.destination_id, source_id=event.source_id, network_id=event.network_id,
        link_id=event.link_id, subs=event.subs, utm=event.utm, source_click_id=odd, cost=event.cost,
        currency=event.currency, click_ids={} if before == 10 else {"fbclid": odd, "consent": ""},
    )  # fmt: skip


def test_identities_are_found_by_click_within_the_days_of_their_ids(warehouse):
    sealed = bytes(range(256))
    events = [replace(identity(n), address="", sealed=sealed[: n % 256]) for n in range(1, 400)]
    late = replace(identity(7, at_us=NOON + 3 * 86_400_000_000), address="", sealed=b"late")
    warehouse.insert(rows(1, *events))
    warehouse.insert(rows(2, late))
    old = identity(3, at_us=NOON + 86_400_000_000)
    warehouse.insert(rows(3, old))
    wanted = [event.click_id for event in events] + [late.click_id, old.click_id, click(999).id, "nothing"]
    found = warehouse.lookup_identities(wanted)
    assert found == {event.click_id: event.sealed for event in events} | {
        late.click_id: b"late", old.click_id: b"",
    }  # fmt: skip
    assert warehouse.lookup_identities(["nothing"]) == {}


def test_a_report_delays_neither_lookups_nor_shipping(warehouse):
    warehouse.insert(rows(1, click(1)))
    warehouse.lookup_clicks([click(1).id])
    started = threading.Event()

    def report():
        started.set()
        warehouse.query("select sum(cityHash64(number)) as x from numbers(400000000)", {})

    thread = threading.Thread(target=report)
    thread.start()
    started.wait()
    time.sleep(0.05)
    assert warehouse.lookup_clicks([click(1).id])
    warehouse.insert(rows(2, click(2)))
    assert thread.is_alive(), "they waited for the report, or it was too quick to prove anything"
    thread.join()


@pytest.mark.parametrize(
    ("seconds", "question", "said"),
    [
        (1, "sum(cityHash64(number, number)) from numbers(100000000000)", r"(?i)time"),
        (120, "length(groupArray(number)) from numbers(100000000)", r"(?i)memory"),
    ],
)
def test_a_report_that_takes_too_long_or_too_much_is_cut(engines, warehouse, seconds, question, said):
    small = engines.warehouse(query_seconds=seconds, query_memory_mb=64)
    small.open()
    with pytest.raises(Unavailable, match=said):
        small.query(f"select {question}", {})
    assert small.query("select 1 as one", {}) == [{"one": 1}]
    assert small.report().state == "up"
    small.close()


def test_a_detached_warehouse_refuses_everything_and_comes_back_by_itself(warehouse):
    warehouse.insert(rows(1, click(1)))
    warehouse.detach(60)
    assert warehouse.report().state == "down"
    for ask in (
        lambda: warehouse.insert(rows(2, click(2))),
        lambda: warehouse.lookup_clicks([click(1).id]),
        lambda: warehouse.query("select 1", {}),
    ):
        with pytest.raises(Unavailable, match="detached"):
            ask()
    warehouse.attach()
    warehouse.insert(rows(2, click(2)))
    warehouse.detach(0.1)
    time.sleep(0.15)
    assert one(warehouse, "select count() as n from click_events")["n"] == 2
    warehouse.detach(60)
    warehouse.attach()
    assert one(warehouse, "select count() as n from click_events")["n"] == 2


def test_opening_twice_applies_each_migration_once(engines, warehouse):
    name = f"weir_again_{time.time_ns()}"
    for _ in range(2):
        again = engines.warehouse(database=name)
        again.open()
        numbers = [row["number"] for row in again.query("select number from migrations order by 1", {})]
        assert numbers == [migration.number for migration in migrations()]
        again.close()


def test_old_partitions_go_whole_and_old_rows_singly(warehouse):
    day = 86_400_000_000
    for back in (0, 40, 80):
        warehouse.insert(rows(back + 1, click(1, at_us=NOON - back * day)))
        warehouse.insert(rows(back + 2, identity(1, at_us=NOON - back * day)))
    parts = warehouse.partitions("click_events")
    assert [newest for _, _, newest in parts] == [NOON - 80 * day, NOON - 40 * day, NOON]
    warehouse.drop_partition("click_events", parts[0][0])
    warehouse.delete_before("click_events", NOON - day)
    assert one(warehouse, "select groupArray(seq) as s from click_events")["s"] == [1]
    assert len(warehouse.partitions("click_identity")) == 3
    with pytest.raises(ValueError, match="no table"):
        warehouse.delete_before("click_events; drop table x", 1)


def test_a_dead_server_is_unavailable_and_nothing_worse(tmp_path):
    from appliance import config
    from appliance.stores.warehouse import Warehouse

    dead = Warehouse(config.Warehouse(url="http://user:secret@127.0.0.1:9/weir"), tmp_path)
    with pytest.raises(Unavailable) as caught:
        dead.open()
    assert "secret" not in str(caught.value)
    assert dead.report().state == "down"
    dead.close()
