"""Named lists at the edge: opened before a table is used; one that is lost costs nobody the table."""

from __future__ import annotations

import functools
from pathlib import Path

import msgspec
import trio

from appliance.actors.kernel import Mailbox, Tree, inline_runner, supervise
from appliance.actors.router import Router
from appliance.model import catalog
from appliance.model.rules import Rule, Target
from appliance.model.table import CampaignEntry, DestinationEntry, ListEntry, Part, StreamEntry, TableUpdate
from appliance.routing.parts import make_part
from appliance.routing.visit import Visit
from appliance.stores import lists
from appliance.stores.lists import FOLDER, ListFiles

encode = msgspec.msgpack.encode
IN_LIST = Rule(fact="ip", operator="in_list", list_id=1)


def catalog_parts(digest: str) -> tuple[Part, ...]:
    streams = (
        catalog.Stream(id=1, campaign_id=1, rules=(IN_LIST,), targets=(Target(destination_id=1),)),
        catalog.Stream(id=2, campaign_id=1, targets=(Target(destination_id=2),), kind="default"),
    )
    places = [catalog.Destination(id=n, url=f"https://d{n}.example/") for n in (1, 2)]
    return (
        make_part("campaign/1", (encode(CampaignEntry(catalog.Campaign(id=1, slug="shoes"))),
                                 *(encode(StreamEntry(stream)) for stream in streams))),
        make_part("destination/01", tuple(encode(DestinationEntry(place)) for place in places)),
        list_part(digest),
    )  # fmt: skip


def list_part(digest: str) -> Part:
    return make_part("list/01", (encode(ListEntry(1, "address", digest)),))


def goes_to(router: Router, address: str) -> tuple[int, str]:
    visit = Visit("c", "shoes", "", {})
    visit.address = address
    decision = router.click(visit)
    assert decision is not None
    return decision.stream_id, decision.inputs.streams[0][1]


def make(mailbox: Mailbox[TableUpdate], data: Path, *held: Part) -> Router:
    return Router(
        mailbox,
        lambda unit, refusable=False: None,
        (1, 1, held) if held else (0, 0, ()),
        open_lists=functools.partial(lists.open_all, inline_runner, data),
    )


async def test_a_table_decides_with_its_lists_and_a_new_state_of_one_at_once(tmp_path: Path) -> None:
    files = ListFiles(tmp_path)
    one, two = files.write("address", "10.0.0.0/24").digest, files.write("address", "10.0.1.0/24").digest
    mailbox: Mailbox[TableUpdate] = Mailbox("router", 1)
    router = make(mailbox, tmp_path)
    async with trio.open_nursery() as nursery:
        await nursery.start(supervise, Tree(), "router", router.run, mailbox)
        await mailbox.ask(TableUpdate(2, 2, catalog_parts(one), (), 3))
        assert [goes_to(router, a)[0] for a in ("10.0.0.9", "10.0.1.9")] == [1, 2]
        # The old file may go as soon as nothing names it: what is open stays open.
        (tmp_path / FOLDER / one).unlink()
        assert goes_to(router, "10.0.0.9")[0] == 1
        await mailbox.ask(TableUpdate(3, 3, (list_part(two),), (), 3))
        assert [goes_to(router, a)[0] for a in ("10.0.0.9", "10.0.1.9")] == [2, 1]
        await mailbox.ask(TableUpdate(4, 4, (list_part(""),), (), 3))
        assert goes_to(router, "10.0.1.9") == (2, "rule")
        nursery.cancel_scope.cancel()


async def test_a_lost_file_makes_its_tests_unknown_and_is_looked_for_again(tmp_path: Path) -> None:
    files = ListFiles(tmp_path)
    digest = files.write("address", "10.0.0.0/24").digest
    lost = tmp_path / FOLDER / digest
    content = lost.read_bytes()
    lost.unlink()
    mailbox: Mailbox[TableUpdate] = Mailbox("router", 1)
    router = make(mailbox, tmp_path, *catalog_parts(digest))
    async with trio.open_nursery() as nursery:
        await nursery.start(supervise, Tree(), "router", router.run, mailbox)
        assert router.table.revision == 1
        assert goes_to(router, "10.0.0.9") == (2, "unknown")
        lost.write_bytes(content[:-1])
        await mailbox.ask(TableUpdate(2, 2, (), (), 3))
        assert goes_to(router, "10.0.0.9") == (2, "unknown")
        lost.write_bytes(content)
        await mailbox.ask(TableUpdate(3, 3, (), (), 3))
        assert goes_to(router, "10.0.0.9") == (1, "matched")
        nursery.cancel_scope.cancel()
