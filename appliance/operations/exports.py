"""Reports and logs as files: CSV or JSON of any size, made while they are sent."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from typing import Annotated, Any, Literal

from msgspec import Meta

from appliance.errors import FieldProblem
from appliance.model.catalog import Kind
from appliance.operations.asking import ReportRequest, all_names, ask_of, figures, group, groups, sort
from appliance.operations.context import Context
from appliance.operations.downloads import Download
from appliance.operations.inquiries import Form, Inquiry
from appliance.operations.period import refuse
from appliance.operations.records import (
    ClicksSelection,
    ConversionsSelection,
    ErrorsSelection,
    PostbacksSelection,
    SelectionRequest,
    TrafficbacksSelection,
    selection_of,
)
from appliance.operations.registry import Door, operation
from appliance.reporting import lists, periods
from appliance.reporting.catalogue import DIMENSIONS
from appliance.reporting.lists import Table
from appliance.reporting.sql import Query, every_group
from appliance.reporting.writing import CsvRows, JsonRows, Lines, Writer

_MEDIA = {"csv": "text/csv; charset=utf-8", "json": "application/json"}
_WHY = "a file of any size does not fit into one message: fetch it over REST"
CLOSED: Mapping[Door, str] = {"rpc": _WHY, "call": _WHY, "mcp": _WHY}


FileForm = Literal["csv", "json"]
"""CSV, its texts harmless in a spreadsheet, or one JSON array of objects."""


class ReportExport(ReportRequest, frozen=True, kw_only=True):
    """As reports.query, all lines; there is no comparison in a file."""

    group_by: Annotated[tuple[str, ...], Meta(min_length=1, max_length=5)]
    sort: str = "clicks"
    descending: bool = True
    format: FileForm = "csv"


class ClicksExport(ClicksSelection, frozen=True, kw_only=True):
    """As clicks.list."""

    format: FileForm = "csv"


class ConversionsExport(ConversionsSelection, frozen=True, kw_only=True):
    """As conversions.list."""

    format: FileForm = "csv"


class PostbacksExport(PostbacksSelection, frozen=True, kw_only=True):
    """As postbacks.list."""

    format: FileForm = "csv"


class TrafficbacksExport(TrafficbacksSelection, frozen=True, kw_only=True):
    """As trafficbacks.list."""

    format: FileForm = "csv"


class ErrorsExport(ErrorsSelection, frozen=True, kw_only=True):
    """As ingestion_errors.list."""

    format: FileForm = "csv"


@operation(
    "exports.report",
    permission="reports.read",
    example={"group_by": ["campaign", "day"], "from": "2026-11-01", "to": "2026-11-30", "format": "csv"},
    closed_at=CLOSED,
)
async def report(request: ReportExport, context: Context) -> Download:
    """All lines of reports.query as a file."""
    problems: list[FieldProblem] = []
    question = group(ask_of(request, context, problems), request.group_by, problems)
    question = sort(question, request.sort, descending=request.descending, context=context, problems=problems)
    if request.compare or request.compare_from or request.compare_to:
        problems.append(FieldProblem("compare", "a file has one period"))
    refuse(problems, "this export cannot be made")
    names: dict[str, Mapping[int, str]] = {}
    for name in question.group_by:
        kind: Kind | None = DIMENSIONS[name].kind
        if kind is not None:
            names[name] = await all_names(kind, context)
    columns = [
        column
        for name in question.group_by
        for column in (name, *([f"{name}_name"] if name in names else []))
    ]
    caller = context.caller

    def make(row: Mapping[str, Any]) -> dict[str, Any]:
        found = groups(row, question)
        for name, known in names.items():
            found[f"{name}_name"] = known.get(found[name], "")
        return found | figures(row, question, caller.sees_money)

    writer = Lines(make, [*columns, *question.metrics, "unconverted"], as_csv=request.format == "csv")
    return await _download(
        "report", request, every_group(question), "JSONEachRow", writer, context, "exports.report",
        question.from_us, question.to_us,
    )  # fmt: skip


@operation(
    "exports.clicks",
    permission="records.read",
    example={"campaign_id": 1, "from": "2026-11-17", "to": "2026-11-17", "format": "csv"},
    closed_at=CLOSED,
)
async def clicks(request: ClicksExport, context: Context) -> Download:
    """The click log as a file."""
    return await _log(lists.CLICKS, "clicks", request, request.format, context)


@operation("exports.conversions", permission="records.read", example={"format": "json"}, closed_at=CLOSED)
async def conversions(request: ConversionsExport, context: Context) -> Download:
    """The revisions of conversions as a file."""
    return await _log(lists.CONVERSIONS, "conversions", request, request.format, context)


@operation("exports.postbacks", permission="records.read", example={"format": "csv"}, closed_at=CLOSED)
async def postbacks(request: PostbacksExport, context: Context) -> Download:
    """The postback log as a file."""
    return await _log(lists.POSTBACKS, "postbacks", request, request.format, context)


@operation("exports.trafficbacks", permission="records.read", example={"format": "csv"}, closed_at=CLOSED)
async def trafficbacks(request: TrafficbacksExport, context: Context) -> Download:
    """The trafficbacks as a file."""
    return await _log(lists.TRAFFICBACKS, "trafficbacks", request, request.format, context)


@operation(
    "exports.ingestion_errors", permission="records.read", example={"format": "json"}, closed_at=CLOSED
)
async def errors(request: ErrorsExport, context: Context) -> Download:
    """The events that no table took as a file."""
    return await _log(lists.ERRORS, "ingestion-errors", request, request.format, context)


async def _log(
    table: Table, word: str, request: SelectionRequest, form: FileForm, context: Context
) -> Download:
    problems: list[FieldProblem] = []
    selection = selection_of(table, request, context, problems)
    refuse(problems, "this export cannot be made")
    query = lists.export(table, selection, csv=form == "csv")
    writer: Writer = CsvRows(tuple(table.columns)) if form == "csv" else JsonRows()
    return await _download(
        word, request, query, "CSV" if form == "csv" else "JSONEachRow", writer, context,
        f"exports.{word.replace('-', '_')}", selection.from_us, selection.to_us,
    )  # fmt: skip


async def _download(
    word: str,
    request: Any,
    query: Query,
    form: Form,
    writer: Writer,
    context: Context,
    operation_: str,
    from_us: int,
    to_us: int,
) -> Download:
    """The file; its first block is made here, so that what is wrong is told before anything is sent."""
    caller = context.caller
    inquiry = Inquiry(caller.user_id, caller.name, operation_, request.tag)
    blocks = context.reports.stream(query.sql, query.parameters, form, writer, inquiry)
    first = await anext(blocks)
    where = periods.zone(request.timezone)
    days = "-".join(periods.day(us, where) for us in (from_us, to_us - 1))
    return Download(_MEDIA[request.format], f"weir-{word}-{days}.{request.format}", _Begun(first, blocks))


class _Begun:
    """A stream whose first block is there already. No generator: one that was never begun closes nothing."""

    def __init__(self, first: bytes, rest: AsyncGenerator[bytes, None]) -> None:
        self._first: bytes | None = first
        self._rest = rest

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        first, self._first = self._first, None
        return await anext(self._rest) if first is None else first

    async def aclose(self) -> None:
        await self._rest.aclose()
