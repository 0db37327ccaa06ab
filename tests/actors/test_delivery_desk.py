"""deliveries.* over a real store: who sees what, replay of one, a filter or a range, and cancelling."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, cast

import pytest
import trio

from appliance.access.roles import ROLES
from appliance.actors.kernel import inline_runner
from appliance.actors.retry import Retry
from appliance.errors import FieldProblem, Missing, Refused
from appliance.lanes import DeliveryLane
from appliance.model.catalog import PostbackTarget
from appliance.model.conversions import Settlement
from appliance.model.deliveries import Attempt, Delivery, Result, Standing, State, Stored, delivery_id
from appliance.model.postbacks import MACROS
from appliance.operations import registry
from appliance.operations.context import Caller, Context, Forbidden, local_administrator
from appliance.partners.patience import Outcome, of_status
from appliance.partners.postback import encode_values, masked, message
from appliance.routing.reported import check_target
from appliance.stores.sqlite.deliveries import SqliteDeliveries
from appliance.stores.sqlite.ledger import SqliteLedger

NOW = 1_790_000_000_000_000
OPERATIONS = registry.load_all()
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
ADMINISTRATOR = local_administrator("call")


def buyer(*campaigns: int, sees_money: bool = True, role: Any = "buyer") -> Caller:
    return Caller("b", "rest", ROLES[role], 5, frozenset(campaigns), sees_money)


async def nobody(stored: Stored, sent: Callable[[], None]) -> tuple[Attempt, Outcome]:
    raise AssertionError("this retry is never run")


class Targets:
    """As much of the catalog as a test asks for: one target with a secret."""

    async def get(self, kind: str, number: int) -> PostbackTarget:
        if number != 7:
            raise Missing(f"there is no {kind} {number}")
        return PostbackTarget(id=7, name="seven", url="https://r.example/?c={click_id}", secret=SECRET)

    async def faults(self, kind: str, number: int | None, values: Mapping[str, Any]) -> list[FieldProblem]:
        return check_target(PostbackTarget(**{"name": "t", "url": "https://r.example/", **values}))


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
        self.targets: Any = Targets()
        self.sent: list[tuple[str, str, dict[str, str]]] = []
        self.lane = DeliveryLane(self.store, self.retry, self.send)

    async def send(
        self, target: PostbackTarget, id: str, values: Mapping[str, str]
    ) -> tuple[Attempt, Outcome]:
        self.sent.append((target.url, target.secret, dict(values)))
        made = masked(message(target, id, values, NOW))
        attempt = Attempt(at_us=NOW, latency_us=42, request=made, status=404, answer="no such click")
        return attempt, of_status(404, "", NOW)

    async def call(self, name: str, caller: Caller = ADMINISTRATOR, /, **payload: Any) -> Any:
        nothing = cast("Any", None)
        context = Context(caller, self.targets, nothing, nothing, nothing, deliveries=self.lane)
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


async def test_a_reason_alone_means_what_died_or_ended_of_it(desk: Desk) -> None:
    attempt = Attempt(at_us=NOW, latency_us=1, request="GET /", status=200)
    ends: list[State] = ["delivered", "cancelled", "pending"]
    taken = desk.store.take({"postback:1": 9, "postback:2": 9}, NOW + 9, NOW + 99)
    ended = zip(sorted(taken, key=lambda it: it.number), ends, strict=True)
    desk.store.finish(
        [Result(it.number, it.lease_us, attempt, state, 0, "no") for it, state in ended], [], NOW
    )
    assert await those(desk, reasons=["no", "yes"]) == ["c4", "c2", "c1", "c0"]
    assert await those(desk, reasons=["no"], targets=["postback:1"]) == ["c4", "c2", "c0"]
    assert await those(desk, reasons=["no"], campaign_ids=[1]) == ["c4", "c1"]
    assert await those(desk, buyer(2), reasons=["no"]) == ["c2"]
    assert await those(desk, reasons=["no"], states=["delivered", "pending"]) == ["c5", "c3"]
    assert await those(desk, reasons=["yes"]) == []


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


async def test_those_of_a_campaign_are_listed_and_repeated(desk: Desk) -> None:
    assert await those(desk, campaign_ids=[1, 2]) == ["c5", "c4", "c2", "c1"]
    assert await those(desk, buyer(1), campaign_ids=[1, 2]) == ["c4", "c1"]
    assert await those(desk, buyer(1), campaign_ids=[2]) == []
    assert (await desk.call("deliveries.retry", campaign_ids=[1])).targets == {"postback:2": 1}


async def test_those_of_one_reason_are_listed_and_repeated(desk: Desk) -> None:
    (taken,) = desk.store.take({"postback:1": 1}, NOW + 5, NOW + 99)
    attempt = Attempt(at_us=NOW, latency_us=1, request="GET /", status=404)
    desk.store.finish([Result(taken.number, taken.lease_us, attempt, "dead", 0, "gone")], [], NOW)
    assert await those(desk, reasons=["gone"]) == ["c4"]
    assert await those(desk, reasons=["no"], targets=["postback:1", "postback:2"]) == ["c2", "c1", "c0"]
    assert (
        await desk.call("deliveries.cancel", reasons=["gone", "never"], states=["dead"], reason="enough")
    ).count == 1
    assert (await desk.call("deliveries.retry", reasons=["no"])).targets == {"postback:1": 2, "postback:2": 1}


async def test_of_one_conversion_a_list_says_how_many_there_are(desk: Desk) -> None:
    one = {"payout": "1", "currency": "USD"}
    desk.ledger.commit(Settlement(deliveries=[further("x", target, one) for target in range(1, 6)]))
    found = await desk.call("deliveries.list", conversion_id="x", limit=2)
    assert (len(found.items), found.total) == (2, 5)
    assert (await desk.call("deliveries.list", buyer(1), conversion_id="x")).total == 0
    assert (await desk.call("deliveries.list", limit=2)).total is None


async def test_a_list_says_what_each_is_worth_unless_money_is_hidden(desk: Desk) -> None:
    item = (await desk.call("deliveries.list", limit=1)).items[0]
    assert (item.payout, item.currency) == ("2.5", "")
    poor = (await desk.call("deliveries.list", buyer(2, sees_money=False), limit=1)).items[0]
    assert (poor.conversion_id, poor.payout) == ("c5", "")


async def test_queues_count_what_waits_and_the_money_nobody_heard_of(desk: Desk) -> None:
    one = {"payout": "10", "currency": "USD"}
    desk.ledger.commit(Settlement(deliveries=[further("x", 1, one), further("x", 2, one)]))
    async with trio.open_nursery() as nursery:
        await nursery.start(desk.retry.run)
        found = await desk.call("deliveries.queues")
        nursery.cancel_scope.cancel()
    first, second = found.items
    assert (first.target, first.states) == ("postback:1", {"dead": 2, "pending": 2})
    assert (first.oldest_us, first.deadline_us, first.failures) == (NOW + 4, NOW, 10)
    assert (second.target, second.states, second.failures) == ("postback:2", {"dead": 1, "pending": 3}, 0)
    assert [(it.currency, str(it.amount), it.conversions) for it in found.unheard] == [
        ("", "15", 6), ("USD", "10", 1),
    ]  # fmt: skip
    assert [(it.currency, str(it.amount)) for it in first.unheard] == [("", "7.5"), ("USD", "10")]
    assert found.whole


async def test_queues_of_a_buyer_are_those_of_his_campaigns(desk: Desk) -> None:
    found = await desk.call("deliveries.queues", buyer(0, sees_money=False))
    assert [(it.target, it.states, it.unheard) for it in found.items] == [
        ("postback:1", {"dead": 1}, ()), ("postback:2", {"pending": 1}, ()),
    ]  # fmt: skip
    assert found.unheard == ()


def further(key: str, target: int, values: dict[str, str]) -> Delivery:
    return Delivery(
        id=delivery_id(f"postback:{target}", key), target=f"postback:{target}", conversion_id=key,
        revision=1, campaign_id=9, created_us=NOW + 9, not_before_us=NOW + 9, deadline_us=NOW + 10**9,
        body=encode_values(values),
    )  # fmt: skip


async def test_a_target_is_tested_with_a_sample_of_everything(desk: Desk) -> None:
    found = await desk.call("targets.test", id=7)
    assert found.request.startswith("GET https://r.example/?c=00000000-0000-7000-8000-000000000000\n")
    assert (found.status, found.latency_us, found.answer) == (404, 42, "no such click")
    assert (found.sent, found.accepted, found.verdict) == (True, False, "answered 404")
    ((_, secret, told),) = desk.sent
    assert (secret, set(told) | {"delivery_id"}) == (SECRET, set(MACROS))
    assert SECRET not in found.request


async def test_a_draft_is_tested_with_values_of_ones_own_and_its_stored_secret(desk: Desk) -> None:
    draft = {"url": "https://other.example/?c={source_click_id}", "secret": "********"}
    await desk.call("targets.test", id=7, values=draft, conversion={"source_click_id": "real-1"})
    await desk.call("targets.test", values={"url": "https://new.example/"})
    assert [(url, secret) for url, secret, _ in desk.sent] == [
        ("https://other.example/?c={source_click_id}", SECRET), ("https://new.example/", ""),
    ]  # fmt: skip
    assert desk.sent[0][2]["source_click_id"] == "real-1"


async def test_a_request_is_shown_without_being_sent(desk: Desk) -> None:
    draft = {
        "url": "https://r.example/?s={status}&token=abc",
        "method": "POST",
        "body": '{"p": "{payout:number}"}',
    }
    found = await desk.call("targets.test", values=draft, send=False)
    assert found.request.startswith("POST https://r.example/?s=sale&token=***\n")
    assert found.request.endswith('{"p": 1.23}')
    assert (found.sent, desk.sent) == (False, [])


@pytest.mark.parametrize(
    ("payload", "field"),
    [
        ({}, "id"),
        ({"values": {"url": "https://r.example/?a={nonsense}"}}, "url"),
        ({"values": {"url": "https://r.example/", "share": 0}}, "share"),
        ({"values": {"method": "POST"}}, "url"),
        ({"id": 7, "conversion": {"nonsense": "1"}}, "conversion.nonsense"),
    ],
)
async def test_what_is_no_target_is_not_tested(desk: Desk, payload: dict[str, Any], field: str) -> None:
    with pytest.raises(Refused) as refused:
        await desk.call("targets.test", **payload)
    assert [problem.path for problem in refused.value.fields] == [field]
    with pytest.raises(Forbidden):
        await desk.call("targets.test", buyer(0), id=7)
    assert desk.sent == []


async def test_a_request_that_cannot_be_made_is_refused(desk: Desk) -> None:
    draft = {"url": "https://r.example/", "method": "POST", "body": '{"s": "{status}"}'}
    with pytest.raises(Refused, match="cannot be made"):
        await desk.call("targets.test", values=draft, conversion={"status": "\ud800"}, send=False)
