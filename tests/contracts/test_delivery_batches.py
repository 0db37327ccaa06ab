"""Batches of deliveries as the reporter takes them: by deadline, by parts, sent or not, worth what."""

from __future__ import annotations

import random
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.model.conversions import Settlement
from appliance.model.deliveries import Attempt, Delivery, Result, Selection, State, Stored, delivery_id
from appliance.stores.sqlite.deliveries import _ALIKE, FULL, SqliteDeliveries, prepare, put
from appliance.stores.sqlite.ledger import SqliteLedger

NOW = 1_790_000_000_000_000
SECOND = 1_000_000
LEASE = NOW + 60 * SECOND
ABOVE_ALL = 2**62
HOUR = 3_600 * SECOND


class Place:
    def __init__(self, directory: Path) -> None:
        self.path = directory / "ledger.db"
        self.ledger = SqliteLedger(self.path, lambda: NOW // 1000)
        self.store = SqliteDeliveries(self.path)

    def put(self, *wanted: Delivery) -> None:
        self.ledger.commit(Settlement(deliveries=wanted))

    def one(self, key: int) -> Stored:
        found = self.store.get(delivery_id("pixel:1", str(key)))
        assert found is not None
        return found[0]

    def close(self) -> None:
        self.store.close()
        self.ledger.close()


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    made = Place(tmp_path)
    yield made
    made.close()


def delivery(key: int, target: str = "pixel:1", **changes: Any) -> Delivery:
    fields: dict[str, Any] = {
        "id": delivery_id(target, str(key)), "target": target, "conversion_id": f"c{key}", "revision": 1,
        "campaign_id": 0, "created_us": NOW, "not_before_us": NOW, "deadline_us": NOW + key * HOUR,
        "body": b"\x80", "value": 1_000_000, "currency": "USD",
    }  # fmt: skip
    return Delivery(**{**fields, **changes})


def result(
    taken: Stored,
    state: State,
    *,
    again_us: int = NOW,
    reason: str = "",
    part: int | None = None,
    sure: bool = False,
) -> Result:
    attempt = Attempt(at_us=NOW, latency_us=5, request="x", status=200, answer="ok", trace="T1")
    return Result(taken.number, taken.lease_us, attempt, state, again_us, reason, part, sure)


def keys(found: list[Stored] | Any) -> list[str]:
    return [each.delivery.conversion_id for each in found]


def test_the_nearest_deadline_is_taken_first_and_only_what_is_due(place: Place) -> None:
    place.put(delivery(3), delivery(1), delivery(2), delivery(4, not_before_us=NOW + 1))
    place.put(delivery(1, "pixel:2"))
    assert keys(place.store.take_batch("pixel:1", 2, NOW, LEASE)) == ["c1", "c2"]
    assert keys(place.store.take_batch("pixel:1", 9, NOW, LEASE)) == ["c3"]
    assert place.store.take_batch("pixel:1", 9, NOW, LEASE) == []
    assert place.store.take_batch("pixel:9", 9, NOW, LEASE) == []


def test_a_lease_that_ran_out_is_taken_again_and_it_is_known_since_when_it_may_have_arrived(
    place: Place,
) -> None:
    place.put(delivery(1))
    (first,) = place.store.take_batch("pixel:1", 9, NOW, LEASE)
    assert (first.lease_us, first.sent_us) == (LEASE, LEASE)
    (again,) = place.store.take_batch("pixel:1", 9, LEASE, LEASE + HOUR)
    assert (again.lease_us, again.sent_us) == (LEASE + HOUR, LEASE), "since the first time"


@pytest.mark.parametrize(("sure", "sent_us"), ((True, 0), (False, LEASE)))
def test_a_platforms_word_that_it_took_nothing_ends_the_doubt(place: Place, sure: bool, sent_us: int) -> None:
    place.put(delivery(1))
    (taken,) = place.store.take_batch("pixel:1", 9, NOW, LEASE)
    place.store.finish([result(taken, "pending", sure=sure, reason="later")], [], NOW)
    assert place.one(1).sent_us == sent_us
    (again,) = place.store.take_batch("pixel:1", 9, NOW, LEASE + 1)
    # Of an older attempt that nobody answered, a later answer says nothing.
    place.store.finish([result(again, "pending", sure=True)], [], NOW)
    assert place.one(1).sent_us == (0 if sure else LEASE)


@pytest.mark.parametrize("alike", (1, _ALIKE - 1, _ALIKE, 3 * _ALIKE + 1))
def test_many_that_were_acknowledged_together_end_as_each_would_alone(place: Place, alike: int) -> None:
    place.put(*(delivery(key) for key in range(1, alike + 5)))
    taken = place.store.take_batch("pixel:1", 1_000, NOW, LEASE)
    place.store.cancel(Selection(ids=(taken[0].delivery.id, taken[1].delivery.id)), 0, 9, NOW, "a")
    place.store.sweep(NOW + 1, 1)  # the first one has gone meanwhile
    results = [result(it, "delivered", reason="said", part=7, sure=True) for it in taken[:-3]]
    results += [
        result(taken[-3], "delivered", reason="said", part=7),  # it was not alone in doubt
        result(taken[-2], "dead", reason="bad"),
        result(taken[-1], "pending", again_us=NOW + 9),
    ]
    place.store.finish(results, [], NOW + 5)
    assert place.store.get(taken[0].delivery.id) is None
    for it in taken[1:-2]:
        found = place.store.get(it.delivery.id)
        assert found is not None
        stored, attempts = found
        assert (stored.state, stored.reason, stored.part, stored.finished_us) == (
            "delivered", "said", 7, NOW + 5,
        )  # fmt: skip
        assert (stored.attempts, len(attempts), stored.lease_us) == (1, 1, 0)
        assert stored.sent_us == (LEASE if it.number == taken[-3].number else 0)
    assert [place.one(key).state for key in (alike + 3, alike + 4)] == ["dead", "pending"]
    assert place.store.counts() == {"pixel:1": {"delivered": alike + 1, "dead": 1, "pending": 1}}


def test_who_is_under_way_holds_up_nobody_and_stays_due_since_when_it_was(place: Place) -> None:
    place.put(delivery(1), delivery(2), delivery(3))
    assert keys(place.store.take_batch("pixel:1", 2, NOW + 5, LEASE)) == ["c1", "c2"]
    assert place.one(1).not_before_us == NOW
    assert keys(place.store.take_batch("pixel:1", 9, NOW + 6, LEASE)) == ["c3"]
    assert place.store.take_batch("pixel:1", 9, LEASE - 1, LEASE + HOUR) == []
    assert keys(place.store.take_batch("pixel:1", 9, LEASE, LEASE + HOUR)) == ["c1", "c2", "c3"]


def test_nobody_who_writes_waits_for_a_look_that_finds_nothing_due(place: Place) -> None:
    place.put(delivery(1), delivery(2, not_before_us=NOW + 1))
    assert keys(place.store.take_batch("pixel:1", 9, NOW, LEASE)) == ["c1"]
    with closing(sqlite3.connect(place.path, isolation_level=None)) as other:
        other.execute("begin immediate")
        assert place.store.take_batch("pixel:1", 9, NOW, LEASE) == []


@pytest.mark.parametrize("part", (0, 7))
def test_what_is_not_due_is_not_passed_over_one_by_one(tmp_path: Path, part: int) -> None:
    """Whether nothing or little is due: what a look does depends on that and on what is leased."""

    def steps(later: int) -> int:
        directory = tmp_path / str(later)
        directory.mkdir()
        with closing(Place(directory)) as place:
            place.put(*(delivery(key, not_before_us=NOW + 2) for key in range(1_000, 1_000 + later)))
            place.put(*(delivery(key) for key in range(1, 101)))
            leased = place.store.take_batch("pixel:1", 1_000, NOW, LEASE)
            done = 0

            def step() -> int:
                nonlocal done
                done += 1
                return 0

            place.store._db.set_progress_handler(step, 1)
            assert place.store.take_batch("pixel:1", 1_000, NOW, LEASE) == []
            again = [result(each, "pending", again_us=NOW + 1, part=part) for each in leased[:3]]
            place.store.finish(again, [], NOW)
            assert len(place.store.take_batch("pixel:1", 1_000, NOW + 1, LEASE)) == 3
            return done

    assert steps(6_000) < 1.2 * steps(2_000)


def test_a_part_goes_with_nothing_but_itself(place: Place) -> None:
    place.put(*(delivery(key) for key in range(1, 7)))
    taken = place.store.take_batch("pixel:1", 4, NOW, LEASE)
    place.store.finish(
        [
            result(it, "pending", part=taken[0].number if at < 2 else taken[2].number, sure=True)
            for at, it in enumerate(taken)
        ],
        [],
        NOW,
    )
    batches = [keys(place.store.take_batch("pixel:1", 9, NOW, LEASE)) for _ in range(4)]
    assert batches == [["c1", "c2"], ["c3", "c4"], ["c5", "c6"], []]


def test_what_was_given_back_was_not_sent_and_is_due_when_it_is_said(place: Place) -> None:
    place.put(delivery(1), delivery(2))
    first, second = place.store.take_batch("pixel:1", 9, NOW, LEASE)
    place.store.release([(first.number, first.lease_us)], NOW + HOUR)
    place.store.release([(second.number, LEASE - 1)], NOW)  # another's lease
    assert (place.one(1).not_before_us, place.one(1).sent_us, place.one(1).lease_us) == (NOW + HOUR, 0, 0)
    assert place.one(2).lease_us == LEASE


def test_what_is_past_its_deadline_ends_unless_somebody_is_sending_it(place: Place) -> None:
    place.put(delivery(1), delivery(2), delivery(30))
    (taken,) = place.store.take_batch("pixel:1", 1, NOW, NOW + 20 * HOUR)
    assert taken.delivery.conversion_id == "c1"
    assert place.store.expire("pixel:1", NOW + 10 * HOUR, "too old", 100) == 1
    assert (place.one(1).state, place.one(2).state, place.one(2).reason) == ("pending", "dead", "too old")
    assert place.store.expire("pixel:1", NOW + 21 * HOUR, "too old", 100) == 1
    assert place.one(30).state == "pending"


def test_a_replay_extends_no_window_and_forgets_no_doubt(place: Place) -> None:
    place.put(*(delivery(key, deadline_us=NOW + HOUR) for key in range(1, 4)))
    place.put(delivery(1, "postback:1"))
    told, doubtful, refused = place.store.take_batch("pixel:1", 9, NOW, LEASE)
    results = [
        result(told, "delivered", sure=True),
        result(doubtful, "dead"),
        result(refused, "dead", sure=True),
    ]
    place.store.finish(results, [], NOW + 5)
    assert len(place.store.replay(Selection(), 0, 100, NOW + HOUR, NOW + 9 * HOUR)) == 4
    assert [place.one(key).sent_us for key in (1, 2, 3)] == [NOW + 5, LEASE, 0]
    assert {place.one(key).deadline_us for key in (1, 2, 3)} == {NOW + HOUR}
    (other,) = place.store.select(Selection(targets=("postback:1",)), ABOVE_ALL, 9)
    assert (other.deadline_us, other.sent_us) == (NOW + 9 * HOUR, 0)


def test_an_attempt_keeps_the_platforms_name_of_the_request(place: Place) -> None:
    place.put(delivery(1))
    (taken,) = place.store.take_batch("pixel:1", 9, NOW, LEASE)
    place.store.finish([result(taken, "delivered")], [], NOW)
    found = place.store.get(taken.delivery.id)
    assert found is not None
    assert [(each.trace, each.status) for each in found[1]] == [("T1", 200)]
    assert (found[0].state, found[0].delivery.value, found[0].delivery.currency) == (
        "delivered",
        1_000_000,
        "USD",
    )


@pytest.mark.parametrize("seed", range(4))
def test_figures_are_what_counting_would_say(place: Place, seed: int) -> None:
    """Whatever happens to deliveries, in whatever order: counts, worth and reasons agree with the rows."""
    dice = random.Random(seed)
    now, made = NOW, 0
    for _ in range(120):
        now += dice.randrange(HOUR)
        target = dice.choice(("pixel:1", "pixel:2", "postback:1"))
        match dice.randrange(8):
            case 0 | 1:
                value, currency = dice.choice(((0, ""), (5, "USD"), (7, "EUR"), (-3, "USD")))
                place.put(
                    *(
                        delivery(
                            made + at, target, value=value, currency=currency, created_us=now,
                            not_before_us=now, deadline_us=now + dice.randrange(1, 90) * HOUR,
                        )
                        for at in range(dice.randrange(1, 6))
                    )
                )  # fmt: skip
                made += 6
            case 2 | 3:
                taken = place.store.take_batch(target, dice.randrange(1, 9), now, now + HOUR)
                states: tuple[State, ...] = ("delivered", "dead", "pending", "cancelled")
                place.store.finish(
                    [
                        result(it, dice.choice(states), again_us=now, reason=dice.choice(("a", "b")))
                        for it in taken
                    ],
                    [],
                    now,
                )
            case 4:
                place.store.expire(target, now, "too old", dice.randrange(1, 9))
            case 5:
                some = Selection(states=(dice.choice(("dead", "delivered", "cancelled")),), targets=(target,))
                place.store.replay(some, 0, dice.randrange(1, 9), now, now + 50 * HOUR)
            case 6:
                place.store.cancel(Selection(targets=(target,)), 0, dice.randrange(1, 4), now, "a")
            case 7:
                place.store.sweep(now - 30 * HOUR, dice.randrange(1, 9))
        rows = place.store.select(Selection(), ABOVE_ALL, 10_000)
        states_of = Counter((it.delivery.target, it.state) for it in rows)
        counts = place.store.counts()
        assert Counter({(t, s): n for t, each in counts.items() for s, n in each.items()}) == states_of
        worth: Counter[tuple[str, str]] = Counter()
        for it in rows:
            if it.state == "pending":
                worth[it.delivery.target, it.delivery.currency] += it.delivery.value
        found = {(t, c): n for t, each in place.store.worth().items() for c, n in each.items()}
        assert found == {key: value for key, value in worth.items() if value}
        for name in ("pixel:1", "pixel:2"):
            died = Counter(it.reason for it in rows if (it.delivery.target, it.state) == (name, "dead"))
            assert place.store.refused(name, 50) == died
        assert place.store.refused("postback:1", 50) == {}


@given(
    batches=st.lists(
        st.lists(
            st.tuples(
                st.integers(0, 12),
                st.sampled_from(("pixel:1", "pixel:2", "postback:1")),
                st.sampled_from(((0, ""), (5, "USD"), (-5, "USD"), (7, "EUR"))),
            ),
            max_size=8,
        ),
        max_size=6,
    ),
    most=st.integers(0, 9),
)
def test_what_is_put_is_counted_once_whether_it_waits_or_finds_no_room(
    batches: list[list[tuple[int, str, tuple[int, str]]]], most: int
) -> None:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as db:
        prepare(db)
        for batch in batches:
            some = [delivery(key, target, value=it[0], currency=it[1]) for key, target, it in batch]
            put(db, some, most)
        every = db.execute("select target, state, reason, currency, value from delivery").fetchall()
        counted = {(a, b): n for a, b, n in db.execute("select * from delivery_count")}
        assert counted == Counter((target, state) for target, state, *_ in every)
        worth: Counter[tuple[str, str]] = Counter()
        for target, state, _, currency, value in every:
            worth[target, currency] += value * (state == "pending")
        found = {(a, b): n for a, b, n in db.execute("select * from delivery_worth where micros<>0")}
        assert found == {key: value for key, value in worth.items() if value}
        died = Counter((it[0], it[2]) for it in every if it[1] == "dead" and it[0].startswith("pixel:"))
        assert {(a, b): n for a, b, n in db.execute("select * from delivery_refused")} == died


def test_what_comes_when_a_queue_is_full_is_counted_as_refused(place: Place) -> None:
    with closing(sqlite3.connect(place.path)) as db:
        put(db, [delivery(1), delivery(2)], most=1)
        db.commit()
    assert place.store.refused("pixel:1", 50) == {FULL: 1}
    assert place.store.worth() == {"pixel:1": {"USD": 1_000_000}}


OLD = """
create table delivery (
    number integer primary key autoincrement, id text not null unique, target text not null,
    conversion_id text not null, revision integer not null, campaign_id integer not null, state text not null,
    created_us integer not null, not_before_us integer not null, deadline_us integer not null,
    lease_us integer not null default 0, attempts integer not null default 0,
    finished_us integer not null default 0, reason text not null default '', body blob not null
) strict;
create table attempt (
    number integer primary key, delivery integer not null, at_us integer not null,
    latency_us integer not null, request text not null, status integer not null, answer text not null,
    error text not null
) strict;
insert into delivery (id, target, conversion_id, revision, campaign_id, state, created_us, not_before_us,
    deadline_us, attempts, body) values ('old', 'postback:1', 'c', 1, 0, 'pending', 1, 1, 9, 1, x'80');
insert into attempt (delivery, at_us, latency_us, request, status, answer, error)
    values (1, 1, 1, 'r', 500, '', '');
"""


def test_a_file_from_before_ad_platforms_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    with closing(sqlite3.connect(path)) as db:
        db.executescript(OLD)
    made = Place(tmp_path)
    try:
        found = made.store.get("old")
        assert found is not None
        stored, (attempt,) = found
        assert (stored.part, stored.sent_us, stored.delivery.value, attempt.trace) == (0, 0, 0, "")
        made.put(delivery(1))
        assert len(made.store.take_batch("pixel:1", 9, NOW, LEASE)) == 1
    finally:
        made.close()


EARLIER = """
create index delivery_campaign on delivery (campaign_id, number);
create index delivery_conversion on delivery (conversion_id);
drop index delivery_bought;
drop index delivery_caused;
create trigger delivery_came after insert on delivery begin
    insert into delivery_count values (new.target, new.state, 1) on conflict do update set rows = rows + 1;
end;
create trigger delivery_worth_came after insert on delivery
when new.state = 'pending' and new.value <> 0 begin
    insert into delivery_worth values (new.target, new.currency, new.value)
        on conflict do update set micros = micros + new.value;
end;
"""


def test_a_file_whose_rows_were_counted_by_triggers_counts_nothing_twice(tmp_path: Path) -> None:
    made = Place(tmp_path)
    made.put(delivery(1, campaign_id=3))
    made.close()
    with closing(sqlite3.connect(tmp_path / "ledger.db")) as db:
        db.executescript(EARLIER)
    made = Place(tmp_path)
    try:
        made.put(delivery(2, campaign_id=3), delivery(3))
        assert made.store.counts() == {"pixel:1": {"pending": 3}}
        assert made.store.worth() == {"pixel:1": {"USD": 3_000_000}}
        assert keys(made.store.select(Selection(campaigns=(3,)), ABOVE_ALL, 9)) == ["c2", "c1"]
        assert keys(made.store.select(Selection(conversion_id="c1"), ABOVE_ALL, 9)) == ["c1"]
        with closing(sqlite3.connect(made.path)) as db:
            there = {name for (name,) in db.execute("select name from sqlite_schema")}
        assert not there & {
            "delivery_campaign",
            "delivery_conversion",
            "delivery_came",
            "delivery_worth_came",
        }
    finally:
        made.close()
