"""Corrections of cost: what traffic really cost, when the links did not know it.

A click is never changed: a correction is written beside the clicks (cost_adjustments) and added up with them.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from appliance.errors import Conflict, FieldProblem, Unavailable
from appliance.model import money
from appliance.model.costs import CostKind, CostOrder
from appliance.operations.context import Context, Forbidden
from appliance.operations.nouns import Id, Request
from appliance.operations.period import Filters, Period, filters_of, question_of, refuse
from appliance.operations.registry import operation
from appliance.operations.workbench import apart
from appliance.reporting import costs
from appliance.reporting.costs import COST_FILTERS, MOST_PARTS, Amounts, Clicks
from appliance.reporting.sql import Filter, Question

_NOTE = 500
_LARGEST = 10**15
"""Micro-units: what a click and all of them may cost."""
_RECENT_US = 86_400_000_000
_MOST_RECENT = 50

Amount = str | int | float


class Which(Period, frozen=True, kw_only=True):
    """Which clicks: in `from`, `to` as in reports, of a campaign, and those that `filters` let through, as in
    reports.query; at least one of both.

    With an `id` of your own the same request may be sent again and counts once. `preview`: nothing is stored.
    """

    from_: str
    to: str
    campaign_id: Id | UnsetType = UNSET
    filters: Filters = {}  # noqa: RUF012  msgspec copies it
    note: Annotated[str, Meta(max_length=_NOTE)] = ""
    id: Annotated[str, Meta(max_length=64, pattern="^[A-Za-z0-9_.:-]*$")] = ""
    preview: bool = False


class AdjustRequest(Which, frozen=True, kw_only=True):
    """`amount` is added to what the clicks say, and taken away when negative; a text is the exact number."""

    amount: Amount


class SetRequest(Which, frozen=True, kw_only=True):
    """What the clicks cost in all (`amount`), or each of them (`per_click`): one of both."""

    amount: Amount | UnsetType = UNSET
    per_click: Amount | UnsetType = UNSET


class Adjustment(Struct, frozen=True, kw_only=True):
    """A correction of so many `clicks`, in so many `parts`; `added` is by how much it changed what they cost.

    `kind`: `amount` was added, or was what they cost in all, or each.
    """

    id: str
    campaign_id: int
    from_us: int
    to_us: int
    amount: Decimal
    currency: str
    note: str
    author: str
    at_us: int
    parts: int
    clicks: int
    kind: CostKind
    filters: dict[str, Any]
    added: Decimal


class Adjustments(Struct, frozen=True, kw_only=True):
    items: tuple[Adjustment, ...]
    limit: int
    offset: int
    total: int


@operation(
    "costs.adjust",
    permission="costs.write",
    changes=True,
    example={"campaign_id": 1, "from": "2026-11-17", "to": "2026-11-17", "timezone": "Europe/Berlin",
             "amount": "12.50", "currency": "USD", "note": "invoice 4711", "id": "invoice-4711"},
)  # fmt: skip
async def adjust(request: AdjustRequest, context: Context) -> Adjustment:
    """Add to what clicks cost, or take away: spread evenly over those of a period, a campaign, a filter."""
    problems: list[FieldProblem] = []
    amount = _micro(request.amount)
    if not amount:
        problems.append(FieldProblem("amount", "a plain decimal number other than 0, such as 12.50 or -3"))
    order, question = await _order(request, "add", amount or 0, context, problems)
    stored, bench = await _stored(order, context), context.workbench
    if stored is None:
        clicks = await _clicks(question, context)
        amounts = await apart(bench, lambda: costs.added(order.amount, order.currency, clicks))
        stored = await _store(request, order, clicks, amounts, None, context)
    return _shown(stored)


@operation(
    "costs.set",
    permission="costs.write",
    changes=True,
    example={"campaign_id": 1, "from": "2026-11-17", "to": "2026-11-17", "amount": "250", "currency": "USD",
             "filters": {"sub1": ["push"]}, "id": "invoice-4712"},
)  # fmt: skip
async def put(request: SetRequest, context: Context) -> Adjustment:
    """Say what clicks cost in all, or each: in place of what links, corrections and conversions said."""
    problems: list[FieldProblem] = []
    price = request.per_click is not UNSET
    given = request.per_click if price else request.amount
    amount = None if given is UNSET else _micro(given)
    if price == (request.amount is not UNSET):
        problems.append(FieldProblem("amount", "either amount or per_click"))
    elif amount is None or amount < 0:
        name = "per_click" if price else "amount"
        problems.append(FieldProblem(name, "a plain decimal number, such as 12.50 or 0"))
    order, question = await _order(request, "per_click" if price else "total", amount or 0, context, problems)
    stored, bench = await _stored(order, context), context.workbench
    if stored is None:
        count = await _arrived(context)
        clicks = await _clicks(question, context)
        whole = order.amount * sum(each.clicks for each in clicks) if price else order.amount
        if whole > _LARGEST:
            refuse([FieldProblem("per_click", "too much for so many clicks")], _REFUSED)
        answer = await context.reports.rows(*costs.corrections(question))
        if len(answer) > 3 * MOST_PARTS:
            refuse([_too_many()], _REFUSED)
        amounts = await apart(
            bench, lambda: costs.replaced(whole, order.currency, clicks, costs.corrected(answer))
        )
        stored = await _store(request, order, clicks, amounts, count, context)
    return _shown(stored)


_REFUSED = "this correction cannot be made"


async def _order(
    request: Which, kind: CostKind, amount: int, context: Context, problems: list[FieldProblem]
) -> tuple[CostOrder, Question]:
    """What is asked, checked. Raises Refused with every fault."""
    if not context.caller.sees_money:
        raise Forbidden("amounts of money are hidden from you")
    question = question_of(request, context, problems)
    filters = filters_of(request.filters, problems, COST_FILTERS)
    if request.campaign_id is UNSET and not request.filters:
        problems.append(FieldProblem("campaign_id", "a campaign, or filters, or both"))
    refuse(problems, _REFUSED)
    number = 0
    if request.campaign_id is not UNSET:
        number = (await context.catalog.get("campaign", request.campaign_id)).id
        filters = (*filters, Filter("campaign", "in", (number,)))
    order = CostOrder(
        id=request.id or secrets.token_hex(16),
        campaign_id=number,
        from_us=question.from_us,
        to_us=question.to_us,
        amount=amount,
        currency=question.currency,
        note=request.note,
        author=context.caller.name,
        known_us=time.time_ns() // 1_000,
        kind=kind,
        filters=_plain(request.filters),
    )
    return order, msgspec.structs.replace(question, filters=filters)


def _plain(filters: Mapping[str, Any]) -> dict[str, Any]:
    """As they were sent, so that two requests can be compared."""
    built: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(filters))
    return {
        name: {key: values for key, values in given.items() if values} if isinstance(given, dict) else given
        for name, given in built.items()
    }


async def _stored(order: CostOrder, context: Context) -> CostOrder | None:
    """The one that was stored under this id. Raises Conflict when it is another."""
    found = await context.costs.get(order.id)
    if found is not None and not order.same(found):
        raise Conflict(f"there is another correction with the id {order.id}")
    return found


async def _clicks(question: Question, context: Context) -> list[Clicks]:
    """The clicks it is for, as finely as they can be told apart. Raises Refused for none and too many."""
    for query in (
        costs.by_click(question),
        costs.by_hour(question, fine=True),
        costs.by_hour(question, fine=False),
    ):
        answer = await context.reports.rows(query.sql, query.parameters)
        if not answer:
            nothing = "there is no counted click in this period to spread it over"
            refuse([FieldProblem("from", nothing)], _REFUSED)
        if len(answer) <= MOST_PARTS:
            return await _clicks_of(answer, context)
    refuse([_too_many()], _REFUSED)
    return []


async def _clicks_of(answer: Sequence[Mapping[str, Any]], context: Context) -> list[Clicks]:
    return await apart(context.workbench, lambda: costs.clicks_in(answer))


def _too_many() -> FieldProblem:
    return FieldProblem("to", f"more than {MOST_PARTS:,} groups of clicks; correct a shorter period")


async def _arrived(context: Context) -> int:
    """How many corrections there are, all of which reports know. Raises Unavailable while they do not."""
    newest, count = await context.costs.list(_MOST_RECENT, 0)
    since = time.time_ns() // 1_000 - _RECENT_US
    recent = {each.id: each for each in newest if each.known_us > since and each.parts}
    if recent:
        query = costs.arrived(recent.values())
        found = {row["id"]: int(row["parts"]) for row in await context.reports.rows(*query)}
        if any(found.get(each.id, 0) < each.parts for each in recent.values()):
            raise Unavailable("an earlier correction is on its way to the reports; try again in a moment")
    return count


async def _store(
    request: Which,
    order: CostOrder,
    clicks: list[Clicks],
    amounts: Amounts,
    count: int | None,
    context: Context,
) -> CostOrder:
    """The order with what it comes to. `count`: how many there were when the cost was asked for."""
    parts = await apart(context.workbench, lambda: costs.parts(order, amounts))
    order = msgspec.structs.replace(
        order,
        parts=len(parts),
        clicks=sum(each.clicks for each in clicks),
        campaigns=tuple(sorted({place.ids[0] for place, _ in amounts})),
        added=sum(part.cost for part in parts if part.currency == order.currency),
    )
    if request.preview:
        return msgspec.structs.replace(order, id="")
    stored = await context.costs.adjust(order, parts, count)
    if not order.same(stored):
        raise Conflict(f"there is another correction with the id {order.id}")
    return stored


class ListRequest(Request, frozen=True, kw_only=True):
    limit: Annotated[int, Meta(ge=1, le=1000)] = 100
    offset: Annotated[int, Meta(ge=0, le=2**53)] = 0


@operation("costs.list", permission="costs.read", example={"limit": 10})
async def listed(request: ListRequest, context: Context) -> Adjustments:
    """Corrections of cost, newest first, with who made them. To undo one, add what it `added`, negated."""
    if not context.caller.sees_money:
        raise Forbidden("amounts of money are hidden from you")
    found, total = await context.costs.list(request.limit, request.offset, campaigns=context.caller.campaigns)
    return Adjustments(
        items=tuple(map(_shown, found)), limit=request.limit, offset=request.offset, total=total
    )


def _micro(amount: Amount) -> int | None:
    """Micro-units; None for what is no plain amount. A JSON number is taken as it was written."""
    return money.micro(amount if isinstance(amount, str) else f"{Decimal(str(amount)):f}")


def _shown(order: CostOrder) -> Adjustment:
    return Adjustment(
        id=order.id,
        campaign_id=order.campaign_id,
        from_us=order.from_us,
        to_us=order.to_us,
        amount=money.amount(order.amount),
        currency=order.currency,
        note=order.note,
        author=order.author,
        at_us=order.known_us,
        parts=order.parts,
        clicks=order.clicks,
        kind=order.kind,
        filters=order.filters,
        added=money.amount(order.amount if order.added is None else order.added),
    )
