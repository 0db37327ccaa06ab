"""The router takes tables: what it cannot use costs nobody the table that serves now."""

from __future__ import annotations

import msgspec
import pytest
import trio

from appliance.actors.kernel import Mailbox, Tree, supervise
from appliance.actors.router import UNUSABLE, Router
from appliance.model import catalog
from appliance.model.rules import Rule, Target
from appliance.model.table import (
    CampaignEntry,
    DestinationEntry,
    Part,
    SourceEntry,
    StreamEntry,
    TableUpdate,
)
from appliance.routing import verdicts
from appliance.routing.parts import make_part
from appliance.routing.state import Nothing
from appliance.routing.visit import Visit


def stream(rule: Rule) -> bytes:
    return msgspec.msgpack.encode(StreamEntry(catalog.Stream(id=9, campaign_id=1, rules=(rule,))))


BROKEN = [
    pytest.param(b"\xc1", id="no-msgpack"),
    pytest.param(msgspec.msgpack.encode(["nothing", 1]), id="unknown-entry"),
    pytest.param(stream(Rule(param="a", operator="regex", value="(")), id="regex"),
    pytest.param(stream(Rule(param="a", operator="gt", value="x")), id="number"),
    pytest.param(stream(Rule(param="a", operator="eq", value=("x",))), id="list"),
]


def campaign(*extra: bytes) -> Part:
    stream = catalog.Stream(id=1, campaign_id=1, targets=(Target(destination_id=1),))
    own = (CampaignEntry(catalog.Campaign(id=1, slug="shoes")), StreamEntry(stream))
    return make_part("campaign/1", (*map(msgspec.msgpack.encode, own), *extra))


def destination(url: str) -> Part:
    entry = DestinationEntry(catalog.Destination(id=1, url=url))
    return make_part("destination/01", (msgspec.msgpack.encode(entry),))


def update(revision: int, *parts: Part) -> TableUpdate:
    return TableUpdate(revision, revision, parts, (), 2)


def goes_to(router: Router) -> str:
    decision = router.click(Visit("c", "shoes", "", {}))
    return "" if decision is None else decision.url


def make(mailbox: Mailbox[TableUpdate], *held: Part) -> Router:
    return Router(mailbox, lambda unit, refusable=False: None, (1, 1, held))


@pytest.mark.parametrize("frame", BROKEN)
async def test_a_held_table_that_cannot_be_used_is_forgotten(frame: bytes) -> None:
    """Another version wrote it, say. An edge that died of it would never start again."""
    mailbox: Mailbox[TableUpdate] = Mailbox("router", 1)
    router = make(mailbox, campaign(frame), destination("https://one.example/"))
    async with trio.open_nursery() as nursery:
        await nursery.start(supervise, Tree(), "router", router.run, mailbox)
        assert router.table.compiled_us == 0 and router.digests() == {}
        await mailbox.ask(update(2, campaign(), destination("https://two.example/")))
        assert goes_to(router) == "https://two.example/"
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize("frame", BROKEN)
async def test_a_refused_update_leaves_everything_as_it_was(frame: bytes) -> None:
    mailbox: Mailbox[TableUpdate] = Mailbox("router", 1)
    router = make(mailbox, campaign(), destination("https://one.example/"))
    tree = Tree()
    async with trio.open_nursery() as nursery:
        await nursery.start(supervise, tree, "router", router.run, mailbox)
        before = router.digests()
        with pytest.raises(UNUSABLE):
            await mailbox.ask(update(2, destination("https://two.example/"), campaign(frame)))
        assert tree.nodes["router"].restarts == 0
        assert router.digests() == before and goes_to(router) == "https://one.example/"
        # The operator takes the change back: the core sends what differs from what was held before.
        await mailbox.ask(update(3))
        assert goes_to(router) == "https://one.example/"
        await mailbox.ask(update(4, destination("https://two.example/")))
        assert goes_to(router) == "https://two.example/"
        nursery.cancel_scope.cancel()


async def test_macros_left_by_sources_are_counted_by_source_and_parameter_and_never_without_end() -> None:
    """Visitors choose the names of parameters; what would grow with them has a bound."""
    mailbox: Mailbox[TableUpdate] = Mailbox("router", 1)
    router = make(mailbox)
    own = (
        CampaignEntry(catalog.Campaign(id=1, slug="shoes", source_id=4)),
        SourceEntry(catalog.Source(id=4)),
    )
    part = make_part("campaign/1", tuple(map(msgspec.msgpack.encode, own)))
    await router.take(TableUpdate(1, 1, (part,), (), 1))
    for _ in range(2):
        router.click(Visit("c", "shoes", "", {"sub1": "{zoneid}", "cost": "1", "name": "__init__"}))
    assert router.unexpanded == {4: {"sub1": 2}}
    for number in range(300):
        router.click(Visit("c", "shoes", "", {f"p{number}": "{x}"}))
    assert len(router.unexpanded[4]) <= 51
    assert router.unexpanded[4]["(others)"] == 300 - 49
    assert sum(router.unexpanded[4].values()) == 302


class Broken(Nothing):
    """A memory with a fault of ours in it."""

    def seen(self, kind: int, scope: int, key: str, since_us: int) -> bool:
        raise RuntimeError("a fault of ours")


async def test_a_memory_with_a_fault_costs_no_visitor_his_way() -> None:
    asks = msgspec.msgpack.encode(
        StreamEntry(
            catalog.Stream(
                id=9, campaign_id=1, rules=(Rule(fact="unique_campaign", operator="eq", value="yes"),)
            )
        )
    )
    mailbox: Mailbox[TableUpdate] = Mailbox("router", 1)
    router = Router(
        mailbox,
        lambda unit, refusable=False: None,
        (1, 1, (campaign(asks), destination("https://one.example/"))),
        memory=Broken(),
    )
    async with trio.open_nursery() as nursery:
        await nursery.start(supervise, Tree(), "router", router.run, mailbox)
        visit = Visit("c", "shoes", "", {})
        visit.address = "203.0.113.9"
        decision = router.click(visit)
        assert decision is not None and decision.reason == verdicts.ERROR
        assert router.failures == 1
        nursery.cancel_scope.cancel()
