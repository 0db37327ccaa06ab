"""What a report was made of: single postbacks, conversions, clicks, and what could not be stored."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from appliance.errors import FieldProblem, Missing
from appliance.model.ids import click_time_ms
from appliance.model.money import amount
from appliance.operations.context import Context
from appliance.operations.nouns import Id, Page, Request
from appliance.operations.period import Span, refuse, span_of
from appliance.operations.registry import operation
from appliance.reporting import lists

Word = Annotated[str, Meta(max_length=600)]


class RecordsRequest(Span, frozen=True, kw_only=True):
    """A period and a page; the fields that subclasses add must be equal."""

    # A postback may hold half a megabyte of parameters.
    limit: Annotated[int, Meta(ge=1, le=200)] = 50
    offset: Annotated[int, Meta(ge=0, le=2**40)] = 0


class ErrorsRequest(RecordsRequest, frozen=True, kw_only=True):
    topic: Word | UnsetType = UNSET
    edge: Annotated[int, Meta(ge=-1, le=1023)] | UnsetType = UNSET


@operation("ingestion_errors.list", permission="records.read", example={"limit": 10})
async def errors(request: ErrorsRequest, context: Context) -> Page:
    """Events that no table took and why, newest first; `raw` is base64 of the first 16 KiB of the record."""
    return await _page(lists.ERRORS, request, context)


class PostbacksRequest(RecordsRequest, frozen=True, kw_only=True):
    click_id: Word | UnsetType = UNSET
    transaction_id: Word | UnsetType = UNSET
    conversion_id: Word | UnsetType = UNSET
    id: Word | UnsetType = UNSET
    network_id: Id | UnsetType = UNSET
    stage: Literal["received", "refused", "processed"] | UnsetType = UNSET
    outcome: (
        Literal["conversion", "duplicate", "waiting", "click_unknown", "refused"] | UnsetType
    ) = UNSET  # fmt: skip


@operation("postbacks.list", permission="records.read", example={"outcome": "refused", "limit": 10})
async def postbacks(request: PostbacksRequest, context: Context) -> Page:
    """The postback log, newest first: each as `received` with its parameters, and what became of it."""
    return await _page(lists.POSTBACKS, request, context)


class ConversionsRequest(RecordsRequest, frozen=True, kw_only=True):
    id: Word | UnsetType = UNSET
    click_id: Word | UnsetType = UNSET
    transaction_id: Word | UnsetType = UNSET
    campaign_id: Id | UnsetType = UNSET
    network_id: Id | UnsetType = UNSET
    status: Literal["sale", "lead", "hold", "rejected", "trash"] | UnsetType = UNSET


@operation("conversions.list", permission="records.read", example={"campaign_id": 1, "limit": 10})
async def conversions(request: ConversionsRequest, context: Context) -> Page:
    """Revisions of conversions, newest first: count, revenue and hold are the changes a report adds up."""
    page = await _page(lists.CONVERSIONS, request, context)
    for item in page.items:
        item.update(revenue=amount(item["revenue"]), hold=amount(item["hold"]))
    return page


class ClickRequest(Request, frozen=True, kw_only=True):
    id: Word


class ClickRecord(Struct, frozen=True, kw_only=True):
    click: dict[str, Any]


@operation("clicks.get", permission="records.read", example={"id": "01a201dc-0c92-7bd0-8060-0e54d6026f6b"})
async def click(request: ClickRequest, context: Context) -> ClickRecord:
    """One click by its id: what was asked, what was decided and why. Its full address is not part of it."""
    wanted = request.id.strip().lower()
    if click_time_ms(wanted) is None:
        refuse([FieldProblem("id", "a click id, such as 01a201dc-0c92-7bd0-8060-0e54d6026f6b")], "no such id")
    query = lists.one_click(wanted)
    rows = await context.reports.rows(query.sql, query.parameters)
    if not rows:
        raise Missing("there is no such click (yet: it takes a second or two to arrive here)")
    [found] = rows
    made = {**found, "cost": amount(int(str(found["cost"])))}
    made["inputs"] = msgspec.json.decode(str(found["inputs"]))
    return ClickRecord(click=made)


async def _page(table: lists.Table, request: RecordsRequest, context: Context) -> Page:
    problems: list[FieldProblem] = []
    from_us, to_us, _ = span_of(request, problems)
    refuse(problems, "this list cannot be made")
    equal = {
        name: value
        for name in request.__struct_fields__
        if name in table.columns and (value := getattr(request, name)) is not UNSET
    }
    rows, counted = lists.page(table, from_us, to_us, equal, request.limit, request.offset)
    items = await context.reports.rows(rows.sql, rows.parameters)
    [total] = await context.reports.rows(counted.sql, counted.parameters)
    return Page(
        items=tuple(items), limit=request.limit, offset=request.offset, total=int(str(total["total"]))
    )
