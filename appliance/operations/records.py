"""What a report was made of: single clicks, postbacks, conversions, and what could not be stored."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from appliance.errors import FieldProblem, Missing
from appliance.model.ids import click_time_ms
from appliance.model.money import amount
from appliance.operations.asking import Tag, ask
from appliance.operations.context import Context, Forbidden
from appliance.operations.nouns import Id, Page, Request
from appliance.operations.period import Filters, Span, filters_of, reach_of, refuse, span_of
from appliance.operations.registry import operation
from appliance.reporting import lists
from appliance.reporting.lists import Selection, Table

Word = Annotated[str, Meta(max_length=600)]
Outcome = Literal["conversion", "duplicate", "waiting", "attributed", "click_unknown", "refused"]
Status = Literal["sale", "lead", "hold", "rejected", "trash", "refund", "chargeback"]


class SelectionRequest(Span, frozen=True, kw_only=True):
    """A period; the fields that subclasses add must be equal. Newest first, or `oldest_first`."""

    oldest_first: bool = False
    tag: Tag = ""


class ErrorsSelection(SelectionRequest, frozen=True, kw_only=True):
    topic: Word | UnsetType = UNSET
    edge: Annotated[int, Meta(ge=-1, le=1023)] | UnsetType = UNSET


class PostbacksSelection(SelectionRequest, frozen=True, kw_only=True):
    """`reason` and `text`: what the reason, or the value of a parameter, has in it."""

    click_id: Word | UnsetType = UNSET
    transaction_id: Word | UnsetType = UNSET
    conversion_id: Word | UnsetType = UNSET
    id: Word | UnsetType = UNSET
    network_id: Id | UnsetType = UNSET
    stage: Literal["received", "refused", "processed"] | UnsetType = UNSET
    outcome: Outcome | UnsetType = UNSET
    reason: Word = ""
    text: Word = ""


class ConversionsSelection(SelectionRequest, frozen=True, kw_only=True):
    """`filters` as in reports.query."""

    id: Word | UnsetType = UNSET
    click_id: Word | UnsetType = UNSET
    transaction_id: Word | UnsetType = UNSET
    campaign_id: Id | UnsetType = UNSET
    network_id: Id | UnsetType = UNSET
    status: Status | UnsetType = UNSET
    filters: Filters = {}  # noqa: RUF012  msgspec copies it


class ClicksSelection(SelectionRequest, frozen=True, kw_only=True):
    """`counted`: only clicks that count in reports, or only the others. `filters` as in reports.query."""

    campaign_id: Id | UnsetType = UNSET
    stream_id: Id | UnsetType = UNSET
    destination_id: Id | UnsetType = UNSET
    source_id: Id | UnsetType = UNSET
    source_click_id: Word | UnsetType = UNSET
    address: Word | UnsetType = UNSET
    request_id: Word | UnsetType = UNSET
    counted: bool | UnsetType = UNSET
    filters: Filters = {}  # noqa: RUF012  msgspec copies it


class TrafficbacksSelection(SelectionRequest, frozen=True, kw_only=True):
    """`filters` as in reports.query, by campaign, stream, source and reason."""

    click_id: Word | UnsetType = UNSET
    campaign_id: Id | UnsetType = UNSET
    reason: Word | UnsetType = UNSET
    filters: Filters = {}  # noqa: RUF012  msgspec copies it


# A postback may hold half a megabyte of parameters.
Limit = Annotated[int, Meta(ge=1, le=200)]
Offset = Annotated[int, Meta(ge=0, le=2**40)]


class ErrorsRequest(ErrorsSelection, frozen=True, kw_only=True):
    limit: Limit = 50
    offset: Offset = 0


class PostbacksRequest(PostbacksSelection, frozen=True, kw_only=True):
    limit: Limit = 50
    offset: Offset = 0


class ConversionsRequest(ConversionsSelection, frozen=True, kw_only=True):
    limit: Limit = 50
    offset: Offset = 0


class ClicksRequest(ClicksSelection, frozen=True, kw_only=True):
    limit: Limit = 50
    offset: Offset = 0


class TrafficbacksRequest(TrafficbacksSelection, frozen=True, kw_only=True):
    limit: Limit = 50
    offset: Offset = 0


class HealthHistoryRequest(SelectionRequest, frozen=True, kw_only=True):
    destination_id: Id | UnsetType = UNSET
    limit: Limit = 50
    offset: Offset = 0


Listed = (
    ErrorsRequest
    | PostbacksRequest
    | ConversionsRequest
    | ClicksRequest
    | TrafficbacksRequest
    | HealthHistoryRequest
)


@operation("ingestion_errors.list", permission="records.read", example={"limit": 10})
async def errors(request: ErrorsRequest, context: Context) -> Page:
    """Events that no table took and why, newest first; `raw` is base64 of the first 16 KiB of the record."""
    return await _page(lists.ERRORS, request, context)


@operation("postbacks.list", permission="records.read", example={"outcome": "refused", "limit": 10})
async def postbacks(request: PostbacksRequest, context: Context) -> Page:
    """The postback log, newest first: each as `received` with its parameters, and what became of it."""
    return await _page(lists.POSTBACKS, request, context)


@operation("conversions.list", permission="records.read", example={"campaign_id": 1, "limit": 10})
async def conversions(request: ConversionsRequest, context: Context) -> Page:
    """Revisions of conversions, newest first: count, revenue, hold, entered are changes, to be added up."""
    return await _page(lists.CONVERSIONS, request, context)


@operation(
    "clicks.list",
    permission="records.read",
    example={"campaign_id": 1, "filters": {"sub1": {"contains": ["push"]}}, "limit": 10},
)
async def clicks(request: ClicksRequest, context: Context) -> Page:
    """The click log, newest first: what was asked and what was decided; addresses are cut to /24 or /48."""
    return await _page(lists.CLICKS, request, context)


@operation("trafficbacks.list", permission="records.read", example={"reason": "no_matching_stream"})
async def trafficbacks(request: TrafficbacksRequest, context: Context) -> Page:
    """Clicks that no destination took, newest first: why, and where they went instead."""
    return await _page(lists.TRAFFICBACKS, request, context)


@operation("destinations.health_history", permission="records.read", example={"destination_id": 3})
async def health(request: HealthHistoryRequest, context: Context) -> Page:
    """Changes of destinations' health, newest first: from what to what, and what the probe had found."""
    return await _page(lists.HEALTH, request, context)


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
    query = lists.one_click(wanted, sees_money=context.caller.sees_money)
    rows = await ask(query, context, "clicks.get")
    if not rows or not context.caller.reaches(rows[0]["campaign_id"]):
        raise Missing("there is no such click (yet: it takes a second or two to arrive here)")
    return ClickRecord(click=readable(lists.CLICKS, rows[0]))


def selection_of(
    table: Table, request: SelectionRequest, context: Context, problems: list[FieldProblem]
) -> Selection:
    """Which rows of a table are meant. Raises Forbidden for a table that is not the caller's to see."""
    reach = None if table.shared else reach_of(context.caller)
    if reach is not None and not table.reachable:
        raise Forbidden("these records belong to no campaign: whoever sees some campaigns only sees none")
    from_us, to_us, _ = span_of(request, problems)
    equal = {
        name: value
        for name in request.__struct_fields__
        if name in table.columns and (value := getattr(request, name)) is not UNSET
    }
    contains: dict[str, str] = {}
    if isinstance(request, PostbacksSelection):
        equal.pop("reason", None)
        contains = {
            name: text for name, text in (("reason", request.reason), ("params", request.text)) if text
        }
    if "params" in contains and not context.caller.sees_money:
        problems.append(FieldProblem("text", "parameters are not shown to you"))
    filters: Filters = getattr(request, "filters", {})
    return Selection(
        from_us=from_us,
        to_us=to_us,
        campaigns=reach,
        sees_money=context.caller.sees_money,
        equal=equal,
        contains=contains,
        filters=filters_of(filters, problems, tuple(table.dimensions)),
        oldest_first=request.oldest_first,
    )


async def _page(table: Table, request: Listed, context: Context) -> Page:
    return await page_of(table, request, request.limit, request.offset, context)


async def page_of(table: Table, request: SelectionRequest, limit: int, offset: int, context: Context) -> Page:
    """A page of the rows that are meant. Raises Refused, Forbidden, Unavailable."""
    problems: list[FieldProblem] = []
    selection = selection_of(table, request, context, problems)
    refuse(problems, "this list cannot be made")
    rows, counted = lists.page(table, selection, limit, offset)
    operation_ = f"{table.name}.list"
    items = await ask(rows, context, operation_, request.tag)
    if 0 < len(items) < limit or (not items and not offset):
        total = offset + len(items)
    else:
        [found] = await ask(counted, context, operation_, request.tag)
        total = int(found["total"])
    return Page(
        items=tuple(readable(table, item) for item in items),
        limit=limit,
        offset=offset,
        total=total,
    )


def readable(table: Table, row: dict[str, Any]) -> dict[str, Any]:
    """The row with its money as decimals and its JSON decoded."""
    for name, what in table.columns.items():
        if what == "money" and row[name] is not None:
            row[name] = amount(int(row[name]))
    if row.get("inputs"):
        row["inputs"] = msgspec.json.decode(str(row["inputs"]))
    return row
