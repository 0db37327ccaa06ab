"""Reports and exports that are being made right now, and an end to them."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from appliance.errors import Missing
from appliance.operations.context import Caller, Context
from appliance.operations.inquiries import Inquiry
from appliance.operations.nouns import Request
from appliance.operations.registry import operation

_ALL = "system.write"
"""Who may write the system is an administrator and sees everybody's reports."""


class RunningRequest(Request, frozen=True, kw_only=True):
    """Nothing to say."""


class RunningReport(Struct, frozen=True, kw_only=True):
    """`waiting`: for a free slot."""

    id: int
    operation: str
    caller: str
    tag: str
    seconds: float
    waiting: bool


class RunningReports(Struct, frozen=True, kw_only=True):
    items: tuple[RunningReport, ...]


@operation("reports.running", permission="reports.read")
async def running(request: RunningRequest, context: Context) -> RunningReports:
    """Your reports and exports that are being made; everybody's for an administrator."""
    items = [
        RunningReport(
            id=each.number,
            operation=each.inquiry.operation,
            caller=each.inquiry.caller,
            tag=each.inquiry.tag,
            seconds=round(each.seconds, 3),
            waiting=each.waiting,
        )
        for each in context.reports.running()
        if _his(each.inquiry, context.caller)
    ]
    return RunningReports(items=tuple(items))


class CancelRequest(Request, frozen=True, kw_only=True):
    """`id` as in reports.running, or the `tag` that the question was asked under."""

    id: Annotated[int, Meta(ge=0, le=2**53)] = 0
    tag: Annotated[str, Meta(max_length=64)] = ""


class Cancelled(Struct, frozen=True, kw_only=True):
    cancelled: int


@operation("reports.cancel", permission="reports.read", example={"tag": "my-report"})
async def cancel(request: CancelRequest, context: Context) -> Cancelled:
    """End reports and exports of yours, in the warehouse too; who asked for them gets `unavailable`."""
    found = [
        each.number
        for each in context.reports.running()
        if _his(each.inquiry, context.caller)
        and (each.number == request.id or (request.tag and each.inquiry.tag == request.tag))
    ]
    if not found:
        raise Missing("no such report is being made; reports.running lists those that are")
    for number in found:
        await context.reports.cancel(number)
    return Cancelled(cancelled=len(found))


def _his(inquiry: Inquiry, caller: Caller) -> bool:
    return caller.may(_ALL) or (inquiry.user_id == caller.user_id and inquiry.caller == caller.name)
