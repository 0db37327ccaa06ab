"""live.watch: who may follow what, and what becomes of it on the socket."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from appliance.errors import Missing, Refused, Unavailable
from appliance.model.live import Wish
from appliance.operations import registry
from appliance.operations.context import Caller, Context, Forbidden, Frames


class Silent:
    """Frames that never come."""

    closed = False

    async def next(self) -> bytes:
        raise AssertionError

    def close(self) -> None:
        self.closed = True


class Hub:
    def __init__(self) -> None:
        self.asked: list[tuple[Wish, int | None]] = []
        self.frames = Silent()

    async def watch(self, wish: Wish, after: int | None, cut: Callable[[], None]) -> tuple[Frames, int]:
        assert hash(wish)
        self.asked.append((wish, after))
        return self.frames, 41


class Wire:
    def __init__(self, room: bool = True) -> None:
        self.room = room

    def subscribe(self, frames: Frames) -> int:
        if not self.room:
            raise Refused("too many")
        return 5

    def unsubscribe(self, number: int) -> bool:
        return number == 5

    def abort(self) -> None: ...


ADMINISTRATOR = Caller("a", "rpc", None, 1)
BUYER = Caller("b", "rpc", frozenset({"live.read"}), 2, frozenset({3, 4}))
VIEWER = Caller("v", "rpc", frozenset({"live.read", "system.read"}), 3, None, sees_money=False)


async def call(
    caller: Caller, hub: Hub, name: str = "live.watch", wire: Wire | None = None, **fields: Any
) -> Any:
    nothing: Any = None
    context = Context(caller, nothing, nothing, nothing, nothing, socket=wire or Wire(), live=hub)
    return await registry.call(registry.load_all(), name, fields, context)


async def test_an_administrator_gets_everything_unless_he_says_less() -> None:
    hub = Hub()
    answer = await call(ADMINISTRATOR, hub)
    assert (answer.subscription, answer.seq) == (5, 41)
    assert answer.topics == ("clicks", "conversions", "postbacks", "system")
    await call(ADMINISTRATOR, hub, topics=["clicks"], campaign_id=[7, 8], stream_id=[2], after=40)
    all_of_it, less = hub.asked
    assert all_of_it == (Wish(topics=frozenset(answer.topics)), None)
    conditions = Wish(topics=frozenset({"clicks"}), campaigns=frozenset({7, 8}), streams=frozenset({2}))
    assert less == (conditions, 40)


async def test_a_buyer_gets_his_own_campaigns_whatever_he_asks_for() -> None:
    hub = Hub()
    answer = await call(BUYER, hub)
    assert answer.topics == ("clicks", "conversions")
    await call(BUYER, hub, campaign_id=[4, 9])
    await call(BUYER, hub, campaign_id=[9])
    assert [wish.campaigns for wish, _ in hub.asked] == [{3, 4}, {4}, set()]


async def test_what_belongs_to_no_campaign_is_not_for_him() -> None:
    with pytest.raises(Refused) as refused:
        await call(BUYER, Hub(), topics=["clicks", "postbacks"])
    assert [problem.path for problem in refused.value.fields] == ["topics[1]"]
    with pytest.raises(Forbidden, match=r"system\.read"):
        await call(BUYER, Hub(), topics=["system"])


async def test_money_is_left_out_for_those_who_do_not_see_it() -> None:
    hub = Hub()
    await call(VIEWER, hub)
    assert [(wish.money, wish.campaigns) for wish, _ in hub.asked] == [(False, None)]


async def test_nobody_without_the_permission() -> None:
    with pytest.raises(Forbidden):
        await call(Caller("n", "rpc", frozenset({"reports.read"})), Hub())


@pytest.mark.parametrize("fields", [{"topics": ["x"]}, {"campaign_id": [0]}, {"after": -1}, {"also": 1}])
async def test_wrong_fields_are_named(fields: dict[str, Any]) -> None:
    with pytest.raises(Refused) as refused:
        await call(ADMINISTRATOR, Hub(), **fields)
    assert refused.value.fields[0].path.startswith(next(iter(fields)))


async def test_a_socket_without_room_leaves_no_watcher_behind() -> None:
    hub = Hub()
    with pytest.raises(Refused):
        await call(ADMINISTRATOR, hub, wire=Wire(room=False))
    assert hub.frames.closed


@pytest.mark.parametrize("door", ["rest", "call", "mcp"])
async def test_other_doors_say_where_it_is_offered(door: str) -> None:
    with pytest.raises(Missing, match="stays"):
        await call(Caller("a", door, None), Hub())


async def test_unwatch() -> None:
    answer = await call(ADMINISTRATOR, Hub(), "live.unwatch", subscription=5)
    assert answer.subscription == 5
    with pytest.raises(Missing):
        await call(ADMINISTRATOR, Hub(), "live.unwatch", subscription=6)


async def test_without_a_feed_it_is_unavailable() -> None:
    nothing: Any = None
    context = Context(ADMINISTRATOR, nothing, nothing, nothing, nothing, socket=Wire())
    with pytest.raises(Unavailable):
        await registry.call(registry.load_all(), "live.watch", {}, context)
