"""Corrections of cost: what traffic really cost, when the links did not know it.

A click is never changed: a correction is written beside the clicks (cost_adjustments) and added up with them.
"""

from __future__ import annotations

import secrets
import time
from decimal import Decimal
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from appliance.errors import Conflict, FieldProblem, Refused
from appliance.model import money
from appliance.model.costs import CostOrder
from appliance.operations.context import Context, Forbidden
from appliance.operations.nouns import Id, Request
from appliance.operations.period import Period, question_of, refuse
from appliance.operations.registry import operation
from appliance.reporting.costs import MOST_PARTS, clicks_by_hour, spread

_NOTE = 500


class AdjustRequest(Period, frozen=True, kw_only=True):
    """`amount` is added to what the clicks say, and taken away when negative; a text is the exact number.

    `from`, `to` as in reports. With an `id` of your own the same request may be sent again and counts once.
    """

    campaign_id: Id
    from_: str
    to: str
    amount: str | int | float
    note: Annotated[str, Meta(max_length=_NOTE)] = ""
    id: Annotated[str, Meta(max_length=64, pattern="^[A-Za-z0-9_.:-]*$")] = ""


class Adjustment(Struct, frozen=True, kw_only=True):
    """A correction, spread over so many `clicks` in so many groups (`parts`) by hour and way."""

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
    """Add to a campaign's cost in a period, or take away; it is spread over the clicks, for every report."""
    _need_money(context)
    problems: list[FieldProblem] = []
    question = question_of(request, context, problems)
    amount = _micro(request.amount)
    if not amount:
        problems.append(FieldProblem("amount", "a plain decimal number other than 0, such as 12.50 or -3"))
    refuse(problems, "this correction cannot be made")
    assert amount is not None
    campaign = await context.catalog.get("campaign", request.campaign_id)
    order = CostOrder(
        id=request.id or secrets.token_hex(16),
        campaign_id=campaign.id,
        from_us=question.from_us,
        to_us=question.to_us,
        amount=amount,
        currency=question.currency,
        note=request.note,
        author=context.caller.name,
        known_us=time.time_ns() // 1_000,
    )
    stored = await context.costs.get(order.id)
    if stored is None:
        query = clicks_by_hour(order.campaign_id, order.from_us, order.to_us, question.timezone)
        groups = await context.reports.rows(query.sql, query.parameters)
        if not groups:
            nothing = "this campaign has no counted click in this period to spread it over"
            raise Refused("this correction cannot be made", [FieldProblem("from", nothing)])
        if len(groups) > MOST_PARTS:
            many = f"more than {MOST_PARTS:,} groups of clicks; correct a shorter period at a time"
            raise Refused("this correction cannot be made", [FieldProblem("to", many)])
        parts = spread(order, groups)
        order = msgspec.structs.replace(
            order, parts=len(parts), clicks=sum(int(str(group["clicks"])) for group in groups)
        )
        stored = await context.costs.adjust(order, parts)
    if not order.same(stored):
        raise Conflict(f"there is another correction with the id {order.id}")
    return _shown(stored)


class ListRequest(Request, frozen=True, kw_only=True):
    limit: Annotated[int, Meta(ge=1, le=1000)] = 100
    offset: Annotated[int, Meta(ge=0, le=2**53)] = 0


@operation("costs.list", permission="costs.read", example={"limit": 10})
async def listed(request: ListRequest, context: Context) -> Adjustments:
    """Corrections of cost, newest first, with who made them. To undo one, add its amount negated."""
    _need_money(context)
    found, total = await context.costs.list(request.limit, request.offset, campaigns=context.caller.campaigns)
    return Adjustments(
        items=tuple(map(_shown, found)), limit=request.limit, offset=request.offset, total=total
    )


def _need_money(context: Context) -> None:
    if not context.caller.sees_money:
        raise Forbidden("amounts of money are hidden from you")


def _micro(amount: str | float) -> int | None:
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
    )
