"""conversions.enter and conversions.import: what they make of a request, and of what became of it."""

from __future__ import annotations

from typing import Any

import pytest

from appliance.attribution.entries import MOST_ROWS
from appliance.errors import Missing, Refused, Unavailable
from appliance.model.catalog import Network
from appliance.model.entries import Entered, EntryOrder, EntryRow, RowRefusal
from appliance.model.ids import click_id
from appliance.operations import registry
from appliance.operations.context import Caller, Context, Forbidden

A = click_id(1_794_916_800_000, 1)
ALL = Caller("Ann", "test", None, 1)
BUYER = Caller("Bob", "test", frozenset({"conversions.write"}), 2, frozenset({3}))
NETWORKS = {7: Network(id=7, slug="net"), 8: Network(id=8, slug="gone", archived=True)}


class Desk:
    """Answers that all is well, or refuses with what it was given."""

    def __init__(self, *refused: RowRefusal) -> None:
        self.orders: list[EntryOrder] = []
        self._refused = refused

    async def enter(self, order: EntryOrder) -> Entered:
        self.orders.append(order)
        refused = (*order.refused, *self._refused)
        stored = not order.preview and (order.partial or not refused)
        return Entered(id=order.id, stored=stored, rows=len(order.rows) + len(refused), refused=refused)


class Catalog:
    async def get(self, kind: str, key: int | str) -> Network:
        for network in NETWORKS.values():
            if key in (network.id, network.slug):
                return network
        raise Missing(f"there is no {kind} {key}")


async def call(desk: Desk | None, name: str, caller: Caller = ALL, **payload: Any) -> Any:
    nothing: Any = None
    catalog: Any = Catalog()
    context = Context(caller, catalog, nothing, nothing, nothing, entering=desk)
    return await registry.call(registry.load_all(), name, payload, context)


async def test_one_is_entered_by_our_names() -> None:
    desk = Desk()
    await call(
        desk, "conversions.enter", click_id=A, payout=12.5, time="2026-11-22", network_id=7, caller=BUYER
    )
    [order] = desk.orders
    params = {"click_id": A, "payout": "12.5", "conversion_time": "2026-11-22"}
    assert order.rows == (EntryRow(1, params, 7),)
    assert (order.author, order.campaigns, order.digest, order.partial) == (
        "Bob", frozenset({3}), "", False,
    )  # fmt: skip
    assert order.report and not order.preview


@pytest.mark.parametrize("payout", ["0.10", 0.1, "1.234,56", 12, -3])
async def test_an_amount_stays_as_it_was_written(payout: Any) -> None:
    desk = Desk()
    await call(desk, "conversions.enter", click_id=A, payout=payout)
    assert desk.orders[0].rows[0].params["payout"] == str(payout)


async def test_an_id_names_a_request_and_its_content() -> None:
    desk = Desk()
    for payload in ({"payout": 1}, {"payout": "1"}, {"payout": 2}, {"payout": 1, "report": False}):
        await call(desk, "conversions.enter", click_id=A, id="x", **payload)
    same, too, other, quiet = (order.digest for order in desk.orders)
    assert same == too != "" and len({same, other, quiet}) == 3


async def test_a_refused_one_names_its_field_as_it_was_asked_for() -> None:
    desk = Desk(RowRefusal(1, "conversion_time", "not understood"), RowRefusal(1, "", "no good"))
    with pytest.raises(Refused) as caught:
        await call(desk, "conversions.enter", click_id=A)
    assert [it.path for it in caught.value.fields] == ["time", "click_id"]
    seen = await call(desk, "conversions.enter", click_id=A, preview=True)
    assert [it.field for it in seen.refused] == ["time", ""]


async def test_a_list_names_its_networks_and_every_wrong_row() -> None:
    desk = Desk(RowRefusal(6, "payout", "not a number"))
    text = f"cid;network;sum\n{A};net;1\n{A};7;1\n{A};;1\n{A};gone;1\n{A};nobody;free\n;net;1"
    with pytest.raises(Refused) as caught:
        await call(desk, "conversions.import", text=text)
    assert [it.path for it in caught.value.fields] == [
        "text:6 network", "text:7 click_id", "text:6 payout",
    ]  # fmt: skip
    answer = await call(desk, "conversions.import", text=text, partial=True)
    assert [(it.row, it.field) for it in answer.refused][:2] == [(6, "network"), (7, "click_id")]
    assert [row.network_id for row in desk.orders[0].rows] == [7, 7, 0, 8]


@pytest.mark.parametrize(
    "text", ["", "click_id\n", f"click_id\n{f'{A}{chr(10)}' * (MOST_ROWS + 1)}",
             "click_id,network\n" + "".join(f"{A},n{n}\n" for n in range(101))],
    ids=["nothing", "no row", "too many", "too many networks"],
)  # fmt: skip
async def test_what_is_no_list_reaches_nobody(text: str) -> None:
    desk = Desk()
    with pytest.raises(Refused) as caught:
        await call(desk, "conversions.import", text=text)
    assert [it.path for it in caught.value.fields] == ["text"]
    assert desk.orders == []


async def test_who_may_not() -> None:
    for caller in (
        Caller("v", "test", frozenset({"records.read"}), 3),
        Caller("m", "test", frozenset({"conversions.write"}), 4, sees_money=False),
    ):
        with pytest.raises(Forbidden):
            await call(Desk(), "conversions.enter", caller, click_id=A)
    with pytest.raises(Unavailable):
        await call(None, "conversions.enter", click_id=A)
    with pytest.raises(Missing):
        await call(Desk(), "conversions.enter", click_id=A, network_id=9)
