"""Interpreted events: what was heard of each, what was reported of it, and taking more of them by hand."""

from __future__ import annotations

import hashlib
from decimal import Decimal
from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from appliance.errors import FieldProblem, Missing, Refused, Unavailable
from appliance.model.deliveries import Attempt, State
from appliance.model.deliveries import Selection as Deliveries
from appliance.model.interpreted import Taken
from appliance.model.money import amount
from appliance.operations.asking import Tag, ask
from appliance.operations.context import Context, Forbidden
from appliance.operations.deliveries import without_content
from appliance.operations.nouns import Page, Request
from appliance.operations.period import Span, reach_of, refuse, span_of
from appliance.operations.records import SelectionRequest, page_of, readable
from appliance.operations.registry import operation
from appliance.partners.documents import events_of, unpacked
from appliance.reporting import interpreted

Word = Annotated[str, Meta(max_length=600)]
MOST_DELIVERIES = 50
"""Shown of one event, the newest first; deliveries.list pages through all of them."""
MOST_IMPORTED = 4_000_000
"""Characters of one import; a larger file goes to the watched folder, or through `weir events send`."""
_ABOVE_ALL = 2**63 - 1


class EventsRequest(SelectionRequest, frozen=True, kw_only=True):
    """`from`, `to` are the click's time. `invalid_reason` is a label, such as Invalid pixel."""

    id: Word | UnsetType = UNSET
    network: Word | UnsetType = UNSET
    nw_account_id: Word | UnsetType = UNSET
    traffic_source: Word | UnsetType = UNSET
    pixel_id: Word | UnsetType = UNSET
    campaign_id: Word | UnsetType = UNSET
    session_id: Word | UnsetType = UNSET
    keyword_clicked: Word | UnsetType = UNSET
    ts_click_id: Word | UnsetType = UNSET
    intake: Word | UnsetType = UNSET
    valid: bool | UnsetType = UNSET
    invalid_reason: Word | UnsetType = UNSET
    limit: Annotated[int, Meta(ge=1, le=200)] = 50
    offset: Annotated[int, Meta(ge=0, le=2**40)] = 0


class EventRequest(Request, frozen=True, kw_only=True):
    id: Annotated[str, Meta(pattern="^[0-9a-f]{32}$")]


class EventDelivery(Struct, frozen=True, kw_only=True):
    """A report of it to a pixel; times in unix microseconds. Attempts show requests with secrets masked."""

    id: str
    target: str
    revision: int
    state: State
    reason: str
    created_us: int
    deadline_us: int
    finished_us: int
    attempts: tuple[Attempt, ...]


class EventWhole(Struct, frozen=True, kw_only=True):
    """`revisions`: what was said of it, the oldest first. `deliveries`: the newest first, 50 at most, of
    `told` in all."""

    revisions: tuple[dict[str, Any], ...]
    deliveries: tuple[EventDelivery, ...]
    told: int = 0


class SummaryRequest(Span, frozen=True, kw_only=True):
    """`from`, `to` are the click's time; `campaign_id` the ad platform's."""

    group_by: Literal[
        "day", "network", "traffic_source", "pixel_id", "campaign_id", "invalid_reason", "intake"
    ] = "network"
    campaign_id: Word = ""
    limit: Annotated[int, Meta(ge=1, le=1000)] = 100
    tag: Tag = ""


class SummaryLine(Struct, frozen=True, kw_only=True):
    """`events` keys were heard of in `rows` revisions, `invalid` of these not reported; `amount` in USD."""

    value: str
    rows: int
    events: int
    invalid: int
    reports: int
    conversions: int
    amount: Decimal | None


class Summary(Struct, frozen=True, kw_only=True):
    items: tuple[SummaryLine, ...]


class ImportRequest(Request, frozen=True, kw_only=True):
    """`text`: a JSON array of events, or an event a line. `filtered`: no subscription is asked.

    The same text counts once, whoever sends it, for 15 days.
    """

    text: Annotated[str, Meta(min_length=1, max_length=MOST_IMPORTED)]
    filtered: bool = False


@operation("events.list", permission="events.read", example={"network": "tonic", "limit": 10})
async def listed(request: EventsRequest, context: Context) -> Page:
    """Interpreted events by their click, newest first: what each named, what was reported, why it was not."""
    return await page_of(interpreted.EVENTS, request, request.limit, request.offset, context)


@operation("events.get", permission="events.read", example={"id": "0" * 32})
async def get(request: EventRequest, context: Context) -> EventWhole:
    """All that was said of one session and keyword at a pixel, and every report of it with its attempts."""
    _everybodys(context)
    money = context.caller.sees_money
    rows = await ask(interpreted.one(request.id, sees_money=money), context, "events.get")
    found: list[EventDelivery] = []
    told = 0
    if context.deliveries is not None:
        selection = Deliveries(conversion_id=request.id)
        told = await context.deliveries.count(selection)
        for stored in await context.deliveries.select(selection, _ABOVE_ALL, MOST_DELIVERIES):
            whole = await context.deliveries.get(stored.delivery.id)
            attempts = tuple(whole[1]) if whole is not None else ()
            found.append(
                EventDelivery(
                    id=stored.delivery.id,
                    target=stored.delivery.target,
                    revision=stored.delivery.revision,
                    state=stored.state,
                    reason=stored.reason,
                    created_us=stored.delivery.created_us,
                    deadline_us=stored.deadline_us,
                    finished_us=stored.finished_us,
                    attempts=attempts if money else tuple(map(without_content, attempts)),
                )
            )
    if not rows and not found:
        raise Missing("there is no such event (yet: it takes a second or two to arrive here)")
    return EventWhole(
        revisions=tuple(readable(interpreted.EVENTS, row) for row in rows), deliveries=tuple(found), told=told
    )


@operation("events.summary", permission="events.read", example={"group_by": "invalid_reason"})
async def summary(request: SummaryRequest, context: Context) -> Summary:
    """What interpreted events came to, by network, pixel, campaign, label, intake or day."""
    _everybodys(context)
    problems: list[FieldProblem] = []
    from_us, to_us, _ = span_of(request, problems)
    refuse(problems, "this summary cannot be made")
    query = interpreted.summary(from_us, to_us, request.group_by, request.campaign_id, request.limit)
    rows = await ask(query, context, "events.summary", request.tag)
    money = context.caller.sees_money
    return Summary(
        items=tuple(
            SummaryLine(**{**row, "amount": amount(int(row["amount"])) if money else None}) for row in rows
        )
    )


@operation(
    "events.import",
    permission="events.write",
    changes=True,
    example={"text": '[{"session_id": "7c9e", "keyword_clicked": "suv deals", "network": "tonic"}]'},
)
async def imported(request: ImportRequest, context: Context) -> Taken:
    """Take interpreted events as an intake would: what follows is reported to their pixels.

    Lines that are no events are named, and the others taken.
    """
    if context.events is None:
        raise Unavailable("nothing takes interpreted events here")
    body = request.text.encode("utf-8", "surrogatepass")
    try:
        lines = events_of(unpacked(body))
    except Refused as fault:
        raise Refused("this cannot be read", [FieldProblem("text", fault.message)]) from None
    digest = hashlib.sha256(body).hexdigest()[:32]
    return await context.events.take(f"import:{digest}", lines, request.filtered, "import")


def _everybodys(context: Context) -> None:
    """Raises Forbidden for whoever sees some campaigns only: an event belongs to none of Weir's."""
    if reach_of(context.caller) is not None:
        raise Forbidden("these records belong to no campaign: whoever sees some campaigns only sees none")
