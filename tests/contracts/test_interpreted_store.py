"""What the store of interpreted events promises: all of a piece or nothing, and a bounded memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from appliance.errors import Conflict, Unavailable
from appliance.model.deliveries import Delivery
from appliance.model.events import ReportConversion, decode, encode
from appliance.model.interpreted import Switch
from appliance.partners.interpreted import Totals
from appliance.partners.reckoning import Known, Progress, Reckoned
from appliance.reporting.rows import COLUMNS, build
from appliance.stores.sqlite import deliveries
from appliance.stores.sqlite.interpreted import SqliteInterpreted
from appliance.stores.sqlite.ledger import SqliteLedger
from tests.guards.record_old import filled

NOW_US = 1_790_000_000_000_000
ONE = Known(Totals(1, 2, 3, 4, 5), (2, 3, 4, 5), "")
Opens = Callable[..., tuple[SqliteInterpreted, SqliteLedger]]


def name(number: int) -> str:
    return f"{number:032x}"


def record(number: int) -> ReportConversion:
    made = filled(ReportConversion)
    assert isinstance(made, ReportConversion)
    return replace(made, v=1, id=name(number), revision=1, at_us=NOW_US, known_us=NOW_US)


def delivery(number: int) -> Delivery:
    return Delivery(
        id=name(number), target="pixel:1", conversion_id=name(number), revision=1, campaign_id=0,
        created_us=NOW_US, not_before_us=NOW_US, deadline_us=NOW_US + 1, body=b"",
    )  # fmt: skip


def reckoned(*numbers: int, known: Known = ONE, fresh: int | None = None) -> Reckoned:
    return Reckoned(
        {name(each): known for each in numbers},
        [delivery(each) for each in numbers],
        [record(each) for each in numbers],
        0,
        {},
        len(numbers) if fresh is None else fresh,
    )


@pytest.fixture
def opens(tmp_path: Path) -> Iterator[Opens]:
    """Another life on the same file each time."""
    made: list[SqliteLedger | SqliteInterpreted] = []

    def open_(**settings: int) -> tuple[SqliteInterpreted, SqliteLedger]:
        for each in reversed(made):
            each.close()
        made.clear()
        ledger = SqliteLedger(tmp_path / "ledger.db", lambda: NOW_US // 1_000)
        store = SqliteInterpreted(tmp_path / "ledger.db", ledger, **settings)
        made.extend((ledger, store))
        return store, ledger

    yield open_
    for each in reversed(made):
        each.close()


def waiting(ledger: SqliteLedger) -> list[ReportConversion]:
    found = [decode(body) for box in ledger.outboxes() for _, body in box.read(0, 1_000)]
    return [each for each in found if isinstance(each, ReportConversion)]


def test_a_piece_is_there_in_the_next_life(opens: Opens) -> None:
    store, _ = opens()
    store.commit(Progress("b", 500), reckoned(1, 2), NOW_US)
    store, ledger = opens()
    assert store.known([name(1), name(2), name(3)]) == {name(1): ONE, name(2): ONE}
    assert (store.taken("b"), store.taken("c"), store.count()) == (500, 0, 2)
    assert [it.id for it in waiting(ledger)] == [name(1), name(2)]
    assert ledger.sizes().outbox == 2


def test_what_is_known_is_replaced(opens: Opens) -> None:
    store, _ = opens()
    store.commit(Progress("b", 1), reckoned(1), NOW_US)
    later = Known(Totals(2, 9, 9, 9, 9), (9, 9, 9, 9), "Invalid pixel")
    store.commit(Progress("b", 2), reckoned(1, known=later, fresh=0), NOW_US)
    assert store.known([name(1)]) == {name(1): later}
    assert (store.count(), store.taken("b")) == (1, 2)


def test_nothing_of_a_piece_stays_that_fails(opens: Opens, monkeypatch: pytest.MonkeyPatch) -> None:
    store, ledger = opens()

    def killed(*given: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(deliveries, "put", killed)
        with pytest.raises(KeyboardInterrupt):
            store.commit(Progress("b", 1, {(0, 5): 9}), reckoned(1), NOW_US)
    assert (store.taken("b"), store.offset(0, 5), store.known([name(1)])) == (0, 0, {})
    assert (waiting(ledger), ledger.sizes().outbox) == ([], 0)
    store.commit(Progress("b", 1, {(0, 5): 9}), reckoned(1), NOW_US)
    assert (store.taken("b"), store.offset(0, 5), len(waiting(ledger))) == (1, 9, 1)


def test_a_journal_is_not_taken_twice(opens: Opens) -> None:
    store, ledger = opens()
    store.commit(Progress(offsets={(0, 5): 9}), reckoned(1), NOW_US)
    with pytest.raises(Conflict):
        store.commit(Progress(offsets={(0, 5): 9}), reckoned(2), NOW_US)
    assert len(waiting(ledger)) == 1
    assert opens()[0].offsets() == {(0, 5): 9}


def test_a_pixel_is_crowded_by_what_waits_for_it(opens: Opens, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("appliance.stores.sqlite.interpreted.MOST_WAITING", 2)
    store, _ = opens()
    store.commit(Progress("a", 1), reckoned(1), NOW_US)
    assert store.crowded({"pixel:1", "pixel:2"}) == ""
    store.commit(Progress("a", 2), reckoned(2), NOW_US)
    assert store.crowded({"pixel:1", "pixel:2"}) == "pixel:1"
    assert store.crowded({"pixel:2"}) == ""


def test_it_remembers_so_many_and_forgets_the_oldest(opens: Opens) -> None:
    store, _ = opens(most=3)
    for number in range(3):
        store.commit(Progress(f"b{number}", 1), reckoned(number), NOW_US + number)
    with pytest.raises(Unavailable, match="too many"):
        store.commit(Progress("b3", 1), reckoned(3), NOW_US)
    assert store.sweep(NOW_US + 2, NOW_US + 1, 100) == 3
    assert (store.count(), store.known([name(0), name(1), name(2)])) == (1, {name(2): ONE})
    assert [store.taken(f"b{number}") for number in range(3)] == [0, 1, 1]
    store.commit(Progress("b3", 1), reckoned(3), NOW_US)
    assert opens()[0].count() == 2


def test_it_forgets_so_many_at_once(opens: Opens) -> None:
    store, _ = opens()
    store.commit(Progress("b", 5), reckoned(*range(5)), NOW_US)
    assert [store.sweep(NOW_US + 1, 0, 2) for _ in range(4)] == [2, 2, 1, 0]


def test_switches_are_kept(opens: Opens) -> None:
    store, _ = opens()
    store.put_switch(Switch(name="folder", by="anna", at_us=NOW_US))
    store.put_switch(Switch(name="trigger", by="otto", at_us=NOW_US))
    store.remove_switch("trigger")
    store.remove_switch("never")
    assert opens()[0].switches() == [Switch(name="folder", by="anna", at_us=NOW_US)]


def test_every_field_of_a_record_has_its_column(engines: Any) -> None:
    warehouse = engines.empty("chdb")
    it = record(7)
    row = build(-1, 1 << 60, (1 << 60) + 7, encode(it))
    assert len(row.values) == len(COLUMNS["report_conversions"])
    warehouse.insert([row])
    [found] = warehouse.query("select *, unique_identifier from report_conversions", {})
    for field in it.__struct_fields__:
        if field not in ("at_us", "known_us", "valid"):
            assert found[field] == getattr(it, field), field
    assert found["valid"] == 1
    assert found["unique_identifier"] == f"{it.session_id}-{it.keyword_clicked}"


def test_many_deliveries_at_once_are_as_many_one_by_one(opens: Opens) -> None:
    """They go a hundred to a statement; one that is there stays, and beyond the bound they are dead."""
    _, ledger = opens()
    with ledger.together() as db:
        deliveries.put(db, [delivery(number) for number in range(150)])
        deliveries.put(db, [delivery(number) for number in range(100, 350)])
        assert db.execute("select count(*), max(number) from delivery").fetchone()[0] == 350
        deliveries.put(db, [delivery(number) for number in range(350, 650)], most=500)
        states = dict(db.execute("select state, count(*) from delivery group by state").fetchall())
        counts = dict(db.execute("select state, rows from delivery_count").fetchall())
    assert states == counts == {"pending": 500, "dead": 150}
