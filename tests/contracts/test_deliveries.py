"""What every store of deliveries promises: stored with the revision behind them, leased, finished once."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from appliance.actors.retry import Deliveries
from appliance.errors import Unavailable
from appliance.model.conversions import Settlement
from appliance.model.deliveries import (
    Attempt,
    Delivery,
    Result,
    Selection,
    Standing,
    State,
    Stored,
    delivery_id,
)
from appliance.stores.sqlite import deliveries
from appliance.stores.sqlite.deliveries import FULL, SqliteDeliveries
from appliance.stores.sqlite.ledger import SqliteLedger

NOW = 1_790_000_000_000_000
LEASE = NOW + 40_000_000
ABOVE_ALL = 2**62


class Killed(BaseException):
    """The process ends here, as far as the store can tell."""


class Place:
    """The file of a ledger, and stores opened over it."""

    def __init__(self, directory: Path) -> None:
        self.path = directory / "ledger.db"
        self.ledger = SqliteLedger(self.path, lambda: NOW // 1000)
        self._opened: list[SqliteDeliveries] = []

    def open(self, step: Callable[[str], None] = lambda name: None) -> Deliveries:
        self._opened.append(SqliteDeliveries(self.path, step))
        return self._opened[-1]

    def put(self, *wanted: Delivery) -> None:
        self.ledger.commit(Settlement(deliveries=wanted))

    def close(self) -> None:
        for each in self._opened:
            each.close()
        self.ledger.close()


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    made = Place(tmp_path)
    yield made
    made.close()


@pytest.fixture
def store(place: Place) -> Deliveries:
    return place.open()


def delivery(key: int, target: str = "postback:1", **changes: Any) -> Delivery:
    fields: dict[str, Any] = {
        "id": delivery_id(target, str(key)), "target": target, "conversion_id": f"c{key}", "revision": 1,
        "campaign_id": key % 3, "created_us": NOW + key, "not_before_us": NOW + key,
        "deadline_us": NOW + 3_600_000_000, "body": b"\x80",
    }  # fmt: skip
    return Delivery(**{**fields, **changes})


def result(taken: Stored, state: State, *, again_us: int = 0, reason: str = "", status: int = 200) -> Result:
    attempt = Attempt(at_us=NOW, latency_us=5, request="GET /", status=status, answer="ok", error="")
    return Result(taken.number, taken.lease_us, attempt, state, again_us, reason)


def keys(found: Sequence[Stored]) -> list[str]:
    return [each.delivery.conversion_id for each in found]


def states(store: Deliveries) -> dict[str, str]:
    return {it.delivery.conversion_id: it.state for it in store.select(Selection(), ABOVE_ALL, 1000)}


def test_nothing_waits_at_first(store: Deliveries) -> None:
    assert store.waiting() == []
    assert store.counts() == {}
    assert store.standings() == []
    assert store.take({"postback:1": 9}, NOW, LEASE) == []
    assert store.get("nobody") is None


def test_what_a_ledger_commits_waits_for_its_target(place: Place, store: Deliveries) -> None:
    place.put(delivery(2), delivery(1), delivery(3, "meta:1"))
    first, second = store.waiting()
    assert (first.target, first.pending, first.due_us) == ("meta:1", 1, NOW + 3)
    assert (second.target, second.pending, second.due_us) == ("postback:1", 2, NOW + 1)
    assert second.oldest_us == NOW + 2, "the one that was inserted first"
    assert store.counts() == {"meta:1": {"pending": 1}, "postback:1": {"pending": 2}}


def test_a_delivery_is_stored_once_whatever_became_of_it(place: Place, store: Deliveries) -> None:
    place.put(delivery(1))
    place.put(delivery(1), delivery(1, revision=2))
    (taken,) = store.take({"postback:1": 9}, NOW + 9, LEASE)
    store.finish([result(taken, "delivered")], [], NOW)
    place.put(delivery(1))
    assert store.counts() == {"postback:1": {"delivered": 1}}
    assert taken.delivery.revision == 1


def test_what_is_due_is_leased_in_order_to_one_taker(place: Place, store: Deliveries) -> None:
    place.put(*(delivery(key) for key in (3, 1, 2, 50)), delivery(4, "postback:2"))
    taken = store.take({"postback:1": 2, "postback:2": 5}, NOW + 10, LEASE)
    assert keys(taken) == ["c1", "c2", "c4"]
    assert {it.lease_us for it in taken} == {LEASE}
    assert keys(store.take({"postback:1": 5, "postback:2": 5}, NOW + 10, LEASE)) == ["c3"]
    assert [it.due_us for it in store.waiting()] == [NOW + 50, LEASE]


def test_a_lease_that_ran_out_is_taken_by_another_life(place: Place, store: Deliveries) -> None:
    place.put(delivery(1))
    store.take({"postback:1": 1}, NOW + 9, LEASE)
    other = place.open()
    assert other.take({"postback:1": 1}, LEASE - 1, LEASE + 9) == []
    assert keys(other.take({"postback:1": 1}, LEASE, LEASE + 9)) == ["c1"]


def test_a_failure_is_due_again_and_an_end_is_an_end(place: Place, store: Deliveries) -> None:
    place.put(delivery(1), delivery(2), delivery(3))
    one, two, three = store.take({"postback:1": 9}, NOW + 9, LEASE)
    store.finish(
        [
            result(one, "pending", again_us=NOW + 77, reason="answered 500", status=500),
            result(two, "dead", reason="answered 410", status=410),
            result(three, "delivered"),
        ],
        [],
        NOW + 8,
    )
    assert states(store) == {"c1": "pending", "c2": "dead", "c3": "delivered"}
    assert [(it.pending, it.due_us) for it in store.waiting()] == [(1, NOW + 77)]
    found = store.get(two.delivery.id)
    assert found is not None
    stored, (attempt,) = found
    assert (stored.attempts, stored.finished_us, stored.reason) == (1, NOW + 8, "answered 410")
    assert (attempt.request, attempt.status, attempt.answer) == ("GET /", 410, "ok")
    assert keys(store.take({"postback:1": 9}, LEASE + 1, LEASE + 9)) == ["c1"]


def test_two_lives_one_late_failure_changes_nothing_one_late_acknowledgement_does(
    place: Place, store: Deliveries
) -> None:
    """Its lease ran out while it was under way: another life holds the delivery by now."""
    place.put(delivery(1), delivery(2))
    late = store.take({"postback:1": 9}, NOW + 9, LEASE)
    other = place.open()
    now_theirs = other.take({"postback:1": 9}, LEASE, LEASE + 40)
    store.finish([result(late[0], "dead", reason="x"), result(late[1], "delivered")], [], LEASE + 1)
    assert states(store) == {"c1": "pending", "c2": "delivered"}
    other.finish([result(it, "pending", again_us=LEASE + 70, reason="y") for it in now_theirs], [], LEASE + 2)
    assert states(store) == {"c1": "pending", "c2": "delivered"}
    assert [it.due_us for it in store.waiting()] == [LEASE + 70]
    assert {it.attempts for it in store.select(Selection(), ABOVE_ALL, 9)} == {2}


def test_what_was_cancelled_stays_so_unless_it_arrived(place: Place, store: Deliveries) -> None:
    place.put(delivery(1), delivery(2), delivery(3))
    one, two, _ = store.take({"postback:1": 9}, NOW + 9, LEASE)
    assert len(store.cancel(Selection(states=("pending",)), 0, 9, NOW, "by hand")) == 3
    store.finish([result(one, "pending", again_us=NOW), result(two, "delivered")], [], NOW)
    assert states(store) == {"c1": "cancelled", "c2": "delivered", "c3": "cancelled"}
    assert store.waiting() == []
    assert store.cancel(Selection(), 0, 9, NOW, "again") == []


def test_a_replay_makes_them_due_now_with_a_new_deadline(place: Place, store: Deliveries) -> None:
    place.put(*(delivery(key) for key in range(1, 7)))
    taken = store.take({"postback:1": 4}, NOW + 9, LEASE)
    store.finish([result(it, "dead", reason="no") for it in taken[:3]], [], NOW)
    some = store.replay(Selection(states=("dead",)), 0, 2, NOW + 99, NOW + 500)
    assert [target for _, target in some] == ["postback:1"] * 2
    rest = store.replay(Selection(states=("dead",)), some[-1][0], 2, NOW + 99, NOW + 500)
    assert len(rest) == 1
    again = [it for it in store.take({"postback:1": 9}, NOW + 99, LEASE) if it.attempts]
    assert [(it.deadline_us, it.attempts, it.reason) for it in again] == [(NOW + 500, 1, "")] * 3
    assert store.replay(Selection(ids=(taken[3].delivery.id,)), 0, 9, NOW + 99, NOW) == [], "it is leased"


@pytest.mark.parametrize(
    ("selection", "found"),
    [
        (Selection(), ["c5", "c4", "c3", "c2", "c1"]),
        (Selection(targets=("postback:2",)), ["c5"]),
        (Selection(campaigns=(1, 2)), ["c5", "c4", "c2", "c1"]),
        (Selection(campaigns=()), []),
        (Selection(conversion_id="c3"), ["c3"]),
        (Selection(since_us=NOW + 2, until_us=NOW + 4), ["c3", "c2"]),
        (Selection(states=("dead", "delivered")), ["c1"]),
        (Selection(states=("dead",), targets=("postback:1",), reasons=("x", "no such click")), ["c1"]),
        (Selection(reasons=("no such",)), []),
        (Selection(ids=(delivery_id("postback:1", "2"), "none")), ["c2"]),
    ],
)
def test_selections(place: Place, store: Deliveries, selection: Selection, found: list[str]) -> None:
    place.put(*(delivery(key) for key in (1, 2, 3, 4)), delivery(5, "postback:2"))
    (taken,) = store.take({"postback:1": 1}, NOW + 1, LEASE)
    store.finish([result(taken, "dead", reason="no such click")], [], NOW)
    assert keys(store.select(selection, ABOVE_ALL, 9)) == found
    if len(found) > 1:
        first = store.select(selection, ABOVE_ALL, 1)
        assert keys(store.select(selection, first[0].number, 9)) == found[1:]


def test_those_of_a_conversion_are_counted(place: Place, store: Deliveries) -> None:
    place.put(*(delivery(key, conversion_id="many") for key in range(5)), delivery(9))
    assert store.count(Selection(conversion_id="many")) == 5
    assert store.count(Selection(conversion_id="many", campaigns=(1,))) == 2
    assert store.count(Selection(conversion_id="none")) == 0


def test_those_of_a_conversion_are_found_wherever_they_are(place: Place, store: Deliveries) -> None:
    """Its deliveries lie apart: the index has them by their thousands of numbers."""
    many = range(1, 10_001)
    place.put(*(delivery(key, conversion_id=f"c{key % 4_100}", created_us=NOW + key) for key in many))
    wanted = Selection(conversion_id="c7")
    assert [it.number for it in store.select(wanted, ABOVE_ALL, 9)] == [8_207, 4_107, 7]
    assert [it.number for it in store.select(wanted, 8_207, 1)] == [4_107]
    assert store.count(wanted) == 3
    assert [number for number, _ in store.cancel(wanted, 7, 9, NOW, "a")] == [4_107, 8_207]


@pytest.mark.parametrize("seed", range(8))
def test_whatever_way_a_selection_takes_it_finds_the_same(place: Place, store: Deliveries, seed: int) -> None:
    dice = random.Random(seed)
    hour = 3_600_000_000
    place.put(
        *(
            # The clock is set back a little now and then.
            delivery(-key, f"postback:{key % 3 + 1}", campaign_id=dice.randrange(4),
                     created_us=NOW + key * hour // 4 - dice.randrange(hour), not_before_us=NOW)
            for key in range(80)
        )
    )  # fmt: skip
    taken = store.take({f"postback:{n}": 20 for n in (1, 2, 3)}, NOW, LEASE)
    ends: list[State] = ["delivered", "dead", "pending"]
    store.finish([result(each, dice.choice(ends), reason=dice.choice("xyz")) for each in taken], [], NOW)
    gone = [it.delivery.id for it in taken if it.number % 3 == 0]
    store.cancel(Selection(ids=tuple(gone)), 0, 80, NOW, "y")
    every = store.select(Selection(), ABOVE_ALL, 1_000)
    assert len(every) == 80

    def some(of: Sequence[Any]) -> tuple[Any, ...] | None:
        return tuple(dice.sample(of, dice.randint(1, len(of)))) if dice.random() < 0.5 else None

    def moment() -> int | None:
        return NOW + dice.randrange(20) * hour if dice.random() < 0.4 else None

    for _ in range(60):
        wanted = Selection(
            states=some(("dead", "cancelled", *(("pending", "delivered") * dice.randrange(2)))),
            targets=some(("postback:1", "postback:2", "postback:9")),
            campaigns=some((0, 1, 2, 7)),
            conversion_id=dice.choice(("", "", f"c-{dice.randrange(80)}")),
            reasons=some(("x", "y", "w")),
            since_us=moment(),
            until_us=moment(),
        )
        below, limit = dice.choice((ABOVE_ALL, 40)), dice.choice((3, 100))
        fit = [each for each in every if _fits(each, wanted) and each.number < below][:limit]
        assert [each.number for each in store.select(wanted, below, limit)] == [it.number for it in fit]


@pytest.mark.parametrize("where", ({}, {"targets": ("pixel:1",)}, {"campaigns": (1,)}))
def test_what_ended_for_a_reason_is_found_without_looking_at_the_rest(
    tmp_path: Path, where: dict[str, Any]
) -> None:
    def steps(others: int) -> int:
        directory = tmp_path / str(others)
        directory.mkdir()
        with closing(Place(directory)) as place:
            store = SqliteDeliveries(place.path)
            place.put(*(delivery(key, "pixel:1", campaign_id=1, not_before_us=NOW) for key in range(others)))
            taken = store.take_batch("pixel:1", others, NOW, LEASE)
            ends: list[State] = ["delivered", "cancelled", "dead"]
            store.finish([result(it, ends[it.number % 3], reason="dry run") for it in taken[9:]], [], NOW)
            store.finish([result(it, "dead", reason="x") for it in taken[:9]], [], NOW)
            done = 0

            def step() -> int:
                nonlocal done
                done += 1
                return 0

            store._db.set_progress_handler(step, 1)
            wanted = Selection(states=("dead", "cancelled"), reasons=("x", "z"), **where)
            assert len(store.select(wanted, ABOVE_ALL, 100)) == 9
            store.close()
            return done

    assert steps(3_000) < 1.2 * steps(1_000)


def _fits(it: Stored, wanted: Selection) -> bool:
    return (
        (wanted.states is None or it.state in wanted.states)
        and (wanted.targets is None or it.delivery.target in wanted.targets)
        and (wanted.campaigns is None or it.delivery.campaign_id in wanted.campaigns)
        and wanted.conversion_id in ("", it.delivery.conversion_id)
        and (wanted.reasons is None or it.reason in wanted.reasons)
        and (wanted.since_us is None or it.delivery.created_us >= wanted.since_us)
        and (wanted.until_us is None or it.delivery.created_us < wanted.until_us)
    )


def test_a_lease_is_given_back_by_who_holds_it_only(place: Place, store: Deliveries) -> None:
    place.put(delivery(0), delivery(-1))
    first, second = (each.number for each in store.take({"postback:1": 2}, NOW, LEASE))
    store.release([(first, LEASE), (second, LEASE - 1)], NOW + 5)
    (given,) = store.take({"postback:1": 2}, NOW + 5, LEASE + 5)
    assert (given.number, given.not_before_us, given.attempts) == (first, LEASE + 5, 0)


def test_what_waits_for_its_next_try_is_hurried_a_few_at_a_time(place: Place, store: Deliveries) -> None:
    place.put(*(delivery(-key) for key in range(4)), delivery(-9, "postback:2"))
    for each in store.take({"postback:1": 3, "postback:2": 1}, NOW, LEASE):
        store.finish([result(each, "pending", again_us=NOW + 10**9, reason="answered 500")], [], NOW)
    store.take({"postback:1": 1}, NOW, LEASE)  # one of them is under way
    assert [store.hurry(["postback:1"], 2, NOW + 1) for _ in range(3)] == [2, 1, 0]
    assert [(it.target, it.due_us) for it in store.waiting()] == [
        ("postback:1", NOW + 1), ("postback:2", NOW + 10**9),
    ]  # fmt: skip


def test_standings_are_kept_until_there_are_no_failures(place: Place, store: Deliveries) -> None:
    ill = Standing(target="postback:1", failures=12, paused_us=5, probe_us=9, reason="answered 500")
    store.finish([], [ill, Standing(target="postback:2", failures=1)], NOW)
    assert sorted(place.open().standings(), key=lambda it: it.target)[0] == ill
    store.finish([], [Standing(target="postback:2")], NOW)
    assert list(store.standings()) == [ill]
    store.resume(["postback:1"])
    assert list(store.standings()) == []


def test_what_is_past_its_deadline_expires_but_for_what_is_leased(place: Place, store: Deliveries) -> None:
    place.put(delivery(1), *(delivery(key, deadline_us=NOW + 10) for key in (2, 3, 4)))
    place.put(delivery(5, "postback:2", deadline_us=NOW + 10))
    store.take({"postback:1": 2}, NOW + 2, LEASE)
    assert store.expire("postback:1", NOW + 10, "late", 9) == 0
    assert store.expire("postback:1", NOW + 11, "late", 1) == 1
    assert store.expire("postback:1", NOW + 11, "late", 9) == 1
    assert states(store) == {
        "c1": "pending", "c2": "pending", "c3": "dead", "c4": "dead", "c5": "pending",
    }  # fmt: skip
    assert store.expire("postback:1", LEASE + 1, "late", 9) == 1


def test_what_ended_goes_with_its_attempts_and_what_is_pending_stays(place: Place, store: Deliveries) -> None:
    place.put(delivery(1), delivery(2))
    (taken,) = store.take({"postback:1": 1}, NOW + 1, LEASE)
    store.finish([result(taken, "delivered")], [], NOW + 5)
    assert store.sweep(NOW + 5, 9) == 0
    assert store.sweep(NOW + 6, 9) == 1
    assert store.get(taken.delivery.id) is None
    store.finish([result(taken, "delivered")], [], NOW + 9)  # came too late to be kept
    assert states(store) == {"c2": "pending"}
    assert store.counts() == {"postback:1": {"pending": 1}}


def test_a_full_queue_lets_what_comes_be_dead_and_replayable(
    place: Place, store: Deliveries, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deliveries.put, "__defaults__", (2,))
    place.put(delivery(1))
    place.put(delivery(2), delivery(2), delivery(3), delivery(4, "postback:2"))
    assert states(store) == {"c1": "pending", "c2": "pending", "c3": "dead", "c4": "pending"}
    (found,) = store.select(Selection(conversion_id="c3"), ABOVE_ALL, 1)
    assert found.reason == FULL
    assert len(store.replay(Selection(conversion_id="c3"), 0, 9, NOW, NOW)) == 1


def test_killed_within_a_write_nothing_of_it_is_there(place: Place) -> None:
    """Every write that changes a delivery: the store afterwards is the one before, or the one after."""

    def kill_at(step: str) -> Callable[[str], None]:
        def at(name: str) -> None:
            if name == step:
                raise Killed

        return at

    place.put(delivery(1))
    with pytest.raises(Killed):
        place.open(kill_at("written")).take({"postback:1": 1}, NOW + 1, LEASE)
    (taken,) = place.open().take({"postback:1": 1}, NOW + 1, LEASE)
    for step in ("attempt", "written"):
        with pytest.raises(Killed):
            place.open(kill_at(step)).finish(
                [result(taken, "delivered")], [Standing(target="t", failures=1)], NOW
            )
        found = place.open().get(taken.delivery.id)
        assert found is not None
        assert (found[0].state, found[0].attempts, list(found[1])) == ("pending", 0, [])
        assert place.open().standings() == []
    with pytest.raises(Killed):
        place.open(kill_at("committed")).finish([result(taken, "delivered")], [], NOW)
    assert place.open().counts() == {"postback:1": {"delivered": 1}}


def test_a_ledger_killed_within_its_commit_has_told_nobody(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"

    def at(name: str) -> None:
        if name == "deliveries":
            raise Killed

    ledger = SqliteLedger(path, lambda: NOW // 1000, at)
    with pytest.raises(Killed):
        ledger.commit(Settlement(offsets={(0, 1): 5}, deliveries=[delivery(1)]))
    ledger.close()
    again, store = SqliteLedger(path, lambda: NOW // 1000), SqliteDeliveries(path)
    assert (again.offsets(), store.waiting()) == ({}, [])
    again.commit(Settlement(offsets={(0, 1): 5}, deliveries=[delivery(1)]))
    assert [it.pending for it in store.waiting()] == [1]
    again.close()
    store.close()


def test_a_closed_store_is_unavailable(place: Place) -> None:
    store = place.open()
    store.close()
    with pytest.raises(Unavailable):
        store.waiting()
    with pytest.raises(Unavailable):
        store.take({"postback:1": 1}, NOW, LEASE)
