"""Conversions that somebody enters, through the ledger's one writer: checked together, stored together.

Each row becomes a postback at a position of the core's own, so that the inbox, reprocessing and reports know
it like any other.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Protocol, TypeVar

from appliance.actors.conversions_books import Books
from appliance.actors.conversions_orders import Work
from appliance.attribution.claim import Statement, Unusable
from appliance.attribution.settle import Arrival
from appliance.attribution.template import is_macro
from appliance.errors import Conflict
from appliance.model.conversions import ClickFacts, Conversion, Settlement, entered_position
from appliance.model.entries import Entered, EntryOrder, EntryRecord, EntryRow, RowRefusal
from appliance.model.events import OWN_DOORS, ConversionEvent, PostbackLogEvent
from appliance.model.ids import click_time_ms, name_of

T = TypeVar("T")
ENTERED = OWN_DOORS[-1]
NO_CLICK = "no such click is known"
NO_CONVERSION = "no conversion of its network has it; name its click"
NO_NETWORK = "needed, because no click says which it is"
UNFILLED = "a macro that nobody replaced"


class Performing(Protocol):
    """The conversions actor."""

    async def perform(self, work: Work[T], clicks: Collection[str] = ()) -> T: ...


class Entries:
    """operations.context.EntryDesk."""

    def __init__(self, conversions: Performing) -> None:
        self._conversions = conversions

    async def enter(self, order: EntryOrder) -> Entered:
        clicks = {_click_of(row) for row in order.rows}
        known = [click for click in clicks if click_time_ms(click) is not None]
        return await self._conversions.perform(lambda books: _enter(order, books), known)


def _click_of(row: EntryRow) -> str:
    return row.params.get("click_id", "").lower()


def _enter(order: EntryOrder, books: Books) -> tuple[Settlement, Entered]:
    stored = books.ledger.entry(order.id) if order.digest else None
    if stored is not None:
        if stored.digest != order.digest:
            raise Conflict(f"something else was entered under the id {order.id}")
        return Settlement(), stored.answer
    arrivals, unfit = _checked(order, books)
    refused = tuple(sorted([*order.refused, *unfit], key=lambda it: it.row))
    rows = len(order.rows) + len(order.refused)
    if not arrivals or (refused and not order.partial):
        return Settlement(), Entered(id=order.id, stored=False, rows=rows, refused=refused)
    batch = books.settle(arrivals)
    made = sum(isinstance(it, ConversionEvent) and it.revision == 1 for it in batch.records)
    answer = Entered(
        id=order.id,
        stored=not order.preview,
        rows=rows,
        made=made,
        changed=batch.outcomes["conversion"] - made,
        known=batch.outcomes["duplicate"],
        refused=refused,
    )
    if order.preview:
        return Settlement(), answer
    record = EntryRecord(
        id=order.id, digest=order.digest, at_us=order.at_us, author=order.author, answer=answer
    )
    settlement = Settlement(
        conversions=list(batch.changed.values()),
        records=[*(arrival.event for arrival in arrivals), *batch.records],
        deliveries=batch.deliveries if order.report else (),
        firsts=batch.changed_firsts,
        entries=[record] if order.digest else (),
    )
    return settlement, answer


def _checked(order: EntryOrder, books: Books) -> tuple[list[Arrival], list[RowRefusal]]:
    """What can be settled at once, in the order of the rows, and why the others cannot."""
    read = [(row, _arrival(index, row, order, books)) for index, row in enumerate(order.rows)]
    claims = {it.claim for _, it in read if isinstance(it, Arrival)}
    stored = books.ledger.conversions(list(claims))
    known = {id_: it for id_, it in stored.items() if not it.void}
    arrivals: list[Arrival] = []
    refused: list[RowRefusal] = []
    begun: set[str] = set()
    for row, found in read:
        wrong = found if isinstance(found, tuple) else _unfit(found, row, known, begun, order, books)
        if isinstance(found, tuple) or wrong is not None:
            assert wrong is not None
            refused.append(RowRefusal(row.number, *wrong))
        else:
            arrivals.append(found)
            begun.add(found.claim)
    return arrivals, refused


def _arrival(index: int, row: EntryRow, order: EntryOrder, books: Books) -> Arrival | tuple[str, str]:
    """The row as a postback, each one later than the one before; or (field, why it can be none)."""
    for field, text in row.params.items():
        if is_macro(text):
            return field, UNFILLED
    click = books.find(_click_of(row))
    network = row.network_id or (click.network_id if click is not None else 0)
    if not network and click is None and not _click_of(row):
        return "network", NO_NETWORK
    at_us = order.at_us + index
    event = PostbackLogEvent(
        v=1,
        id=name_of(ENTERED, order.id, str(row.number)),
        at_us=at_us,
        stage="received",
        outcome="",
        reason=f"entered by {order.author}",
        network_id=network,
        method=ENTERED,
        params=row.params,
        address="",
        request_id=order.id,
        known_us=at_us,
    )
    arrival = books.arrival(entered_position(event.id), event)
    meaning = arrival.meaning
    if isinstance(meaning, Unusable):
        return _field_and_why(meaning.reason)
    for note in meaning.notes:
        if not note.startswith("payout: "):
            return _field_and_why(note)
    return arrival


def _field_and_why(reason: str) -> tuple[str, str]:
    """Of `payout: expected a number`."""
    field, colon, why = reason.partition(": ")
    return (field, why) if colon and field.replace("_", "").isalpha() else ("", reason)


def _unfit(
    arrival: Arrival,
    row: EntryRow,
    known: Mapping[str, Conversion],
    begun: set[str],
    order: EntryOrder,
    books: Books,
) -> tuple[str, str] | None:
    """(field, why) of a row whose click or conversion is not there, or is not the caller's."""
    said = arrival.meaning
    assert isinstance(said, Statement)
    click: ClickFacts | None = books.find(said.click_id) if said.click_id else None
    conversion = known.get(said.conversion_id)
    if said.click_id and click is None and (conversion is None or not conversion.attributed):
        return "click_id", NO_CLICK
    if not said.click_id and conversion is None and said.conversion_id not in begun:
        return "transaction_id", NO_CONVERSION
    if order.campaigns is not None:
        theirs = conversion.click if conversion is not None else None
        if not {it.campaign_id for it in (click, theirs) if it is not None} <= order.campaigns:
            return ("click_id", NO_CLICK) if said.click_id else ("transaction_id", NO_CONVERSION)
    return None
