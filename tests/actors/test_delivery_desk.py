"""deliveries.* over a real store: who sees what, replay of one, a filter or a range, and cancelling."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import pytest
import trio

from appliance.access.roles import ROLES
from appliance.actors.kernel import inline_runner
from appliance.actors.retry import Retry
from appliance.errors import Missing, Refused
from appliance.lanes import DeliveryLane
from appliance.model.conversions import Settlement
from appliance.model.deliveries import Attempt, Delivery, Result, Standing, Stored, delivery_id
from appliance.operations import registry
from appliance.operations.context import Caller, Context, Forbidden, local_administrator
from appliance.partners.patience import Outcome
from appliance.partners.postback import encode_values
from appliance.stores.sqlite.deliveries import SqliteDeliveries
from appliance.stores.sqlite.ledger import SqliteLedger

NOW = 1_790_000_000_000_000
OPERATIONS = registry.load_all()
ADMINISTRATOR = local_administrator("call")


def buyer(*campaigns: int, sees_money: bool = True, role: Any = "buyer") -> Caller:
    return Caller("b", "rest", ROLES[role], 5, frozenset(campaigns), sees_money)


async def nobody(stored: Stored, sent: Callable[[], None]) -> tuple[Attempt, Outcome]:
    raise AssertionError("this retry is never run")


class Desk:
    def __init__(self, path: Path) -> None:
        self.ledger = SqliteLedger(path, lambda: NOW // 1000)
        self.store = SqliteDeliveries(path)
        self.retry = Retry(
            store=self.store,
            carry=nobody,
            gate=lambda target: "held",
            run_blocking=inline_runner,
            now_us=lambda: NOW,
            draw=lambda: 0.0,
        )
        self.lane = DeliveryLane(self.store, self.retry)

    async def call(self, name: str, caller: Caller = ADMINISTRATOR, /, **payload: Any) -> Any:
        nothing = cast("Any", None)
        context = Context(caller, nothing, nothing, nothing, nothing, deliveries=self.lane)
        return await registry.call(OPERATIONS, name, payload, context)

    def close(self) -> None:
        self.ledger.close()
        self.store.close()


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """Six deliveries: keys 0 to 5, campaign key % 3, target 1 (even) or 2; the first three are dead."""
    made = Desk(tmp_path / "ledger.db")
    made.ledger.commit(
        Settlement(
            deliveries=[
                Delivery(
                    id=name(key), target=f"postback:{key % 2 + 1}", conversion_id=f"c{key}", revision=1,
                    campaign_id=key % 3, created_us=NOW + key, not_before_us=NOW + key, deadline_us=NOW,
                    body=encode_values({"payout": "2.5", "click_id": "x"}),
                )
                for key in range(6)
            ]
        )
    )  # fmt: skip
    taken = made.store.take({"postback:1": 9, "postback:2": 9}, NOW + 2, NOW + 9)
    attempt = Attempt(at_us=NOW, latency_us=1, request="GET /?p=2.5", status=410, answer="2.5")
    ill = Standing(target="postback:1", failures=10, paused_us=NOW, probe_us=NOW)
    made.store.finish([Result(it.number, it.lease_us, attempt, "dead", 0, "no") for it in taken], [ill], NOW)
    yield made
    made.close()


def name(key: int) -> str:
    return delivery_id(f"postback:{key % 2 + 1}", str(key))


async def those(desk: Desk, caller: Caller = ADMINISTRATOR, **payload: Any) -> list[str]:
    found = await desk.call("deliveries.list", caller, **payload)
    return [item.conversion_id for item in found.items]


async def test_lists_are_newest_first_filtered_and_paged(desk: Desk) -> None:
    assert await those(desk) == ["c5", "c4", "c3", "c2", "c1", "c0"]
    assert await those(desk, states=["dead"]) == ["c2", "c1", "c0"]
    assert await those(desk, targets=["postback:2"], from_us=NOW + 2) == ["c5", "c3"]
    assert await those(desk, to_us=NOW + 1) == ["c0"]
    page = (await desk.call("deliveries.list", limit=2)).items
    assert await those(desk, limit=2, before=page[-1].number) == ["c3", "c2"]


async def test_a_buyer_sees_and_repeats_those_of_his_campaigns_alone(desk: Desk) -> None:
    assert await those(desk, buyer(0)) == ["c3", "c0"]
    assert await those(desk, buyer()) == []
    with pytest.raises(Missing):
        await desk.call("deliveries.get", buyer(0), id=name(1))
    assert (await desk.call("deliveries.get", buyer(1), id=name(1))).delivery.conversion_id == "c1"
    with pytest.raises(Forbidden):
        await desk.call("deliveries.retry", buyer(0), ids=[name(0)])
    with pytest.raises(Forbidden):
        await desk.call("targets.list", buyer(0))


async def test_who_sees_no_targets_does_not_learn_which_are_paused(desk: Desk) -> None:
    async with trio.open_nursery() as nursery:
        await nursery.start(desk.retry.run)
        found = (await desk.call("deliveries.list")).paused
        assert [(it.target, it.failures) for it in found] == [("postback:1", 10)]
        assert (await desk.call("deliveries.list", buyer(0))).paused == ()
        nursery.cancel_scope.cancel()


async def test_for_whom_money_is_hidden_requests_and_answers_are_too(desk: Desk) -> None:
    whole = await desk.call("deliveries.get", id=name(0))
    assert whole.values == {"payout": "2.5", "click_id": "x"}
    assert [(it.request, it.answer, it.status) for it in whole.attempts] == [("GET /?p=2.5", "2.5", 410)]
    poor = await desk.call("deliveries.get", buyer(0, sees_money=False), id=name(0))
    assert poor.values == {"click_id": "x"}
    assert [(it.request, it.answer, it.status) for it in poor.attempts] == [("", "", 410)]


async def test_a_replay_of_one_of_a_filter_or_of_a_range(desk: Desk) -> None:
    assert (await desk.call("deliveries.retry", ids=[name(0), "nobody"])).targets == {"postback:1": 1}
    found = await desk.call("deliveries.retry", targets=["postback:2"])
    assert (found.count, found.targets) == (1, {"postback:2": 1}), "the dead one; those pending are not meant"
    found = await desk.call("deliveries.retry", from_us=NOW + 1, to_us=NOW + 6, states=["dead", "pending"])
    assert found.count == 5
    assert await those(desk, states=["dead"]) == []


async def test_a_replay_is_done_in_pieces_of_any_number(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(DeliveryLane, "CHUNK", 2)
    assert (await desk.call("deliveries.retry", states=["pending", "dead"])).count == 6
    assert (await desk.call("deliveries.cancel", states=["pending"], reason="enough")).count == 6
    (first, *_) = (await desk.call("deliveries.list")).items
    assert (first.state, first.reason) == ("cancelled", "cancelled by local administrator: enough")


@pytest.mark.parametrize("operation", ["deliveries.retry", "deliveries.cancel"])
async def test_nothing_is_meant_by_oversight(desk: Desk, operation: str) -> None:
    with pytest.raises(Refused):
        await desk.call(operation)


async def test_what_ended_long_ago_is_swept(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(DeliveryLane, "CHUNK", 1)
    await desk.lane.sweep(NOW + 1)
    assert await those(desk) == ["c5", "c4", "c3"]
