"""Conversions that an operator enters: one, or as many as a network's list has. Corrections are the same."""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from appliance.attribution.entries import MOST_ROWS, PARAMS, RefusedRow, Row, parse
from appliance.errors import FieldProblem, Missing, Refused, Unavailable
from appliance.model.entries import Entered, EntryOrder, EntryRow, RowRefusal
from appliance.operations.context import Context, Forbidden
from appliance.operations.nouns import Id, Request
from appliance.operations.registry import operation
from appliance.operations.workbench import apart

MOST_NETWORKS = 100
"""That one import may name."""
_REFUSED = "nothing was entered"

Text = Annotated[str, Meta(max_length=2_048)]
Name = Annotated[str, Meta(max_length=64, pattern="^[A-Za-z0-9_.:-]*$")]


class How(Request, frozen=True, kw_only=True):
    """With an `id` of your own the same request may be sent again and counts once. `report`: whether targets
    are told, as of any conversion. `preview`: everything is checked, nothing is stored.

    `network_id`: whose conversions these are where nothing else says so; else that of the click's
    destination.
    """

    network_id: Id | UnsetType = UNSET
    id: Name = ""
    report: bool = True
    preview: bool = False


class EnterRequest(How, frozen=True, kw_only=True):
    """Its click, or the transaction of a conversion that is there. Fields as in a postback."""

    click_id: Text = ""
    transaction_id: Text = ""
    payout: Annotated[str, Meta(max_length=100)] | Annotated[int, Meta(ge=-(10**9), le=10**9)] | float = ""
    currency: Text = ""
    status: Text = ""
    event_type: Text = ""
    event_id: Text = ""
    upsell: Text = ""
    time: Text = ""


class ImportRequest(How, frozen=True, kw_only=True):
    """`text`: CSV with a header (separated by , ; or a tab), or lines `clickid:payout=12.50:status=sale`.

    At most 10,000 rows. One refused row refuses all, unless `partial`.
    """

    text: Annotated[str, Meta(max_length=4_000_000)]
    partial: bool = False


class RefusedEntry(Struct, frozen=True, kw_only=True):
    """`row` is the line it begins in, from 1; `field` is empty when it is about all of it."""

    row: int
    field: str
    reason: str


class EntryAnswer(Struct, frozen=True, kw_only=True):
    """Of so many `rows`: conversions that are new (`made`), that became something else (`changed`), that were
    known as they are (`known`), and rows that were `refused`. `stored`: it is in the ledger."""

    id: str
    stored: bool
    rows: int
    made: int
    changed: int
    known: int
    refused: tuple[RefusedEntry, ...]


@operation(
    "conversions.enter",
    permission="conversions.write",
    changes=True,
    example={"click_id": "01a201dc-0c92-7bd0-8060-0e54d6026f6b", "transaction_id": "A-17", "payout": "12.50",
             "currency": "USD", "status": "sale", "id": "mail-of-monday"},
)  # fmt: skip
async def enter(request: EnterRequest, context: Context) -> EntryAnswer:
    """Enter one conversion, or correct one: what is said of it is heard after all that was said before."""
    given = {name: value for name in PARAMS if (value := _text(getattr(request, name)))}
    answer = await _entered(request, [Row(1, given)], [], False, context)
    if answer.refused and not request.preview:
        problems = [FieldProblem(_path(it.field) or "click_id", it.reason) for it in answer.refused]
        raise Refused(_REFUSED, problems)
    return _shown(answer)


@operation(
    "conversions.import",
    permission="conversions.write",
    changes=True,
    example={"text": "click_id,transaction_id,payout,currency,status\n"
             "01a201dc-0c92-7bd0-8060-0e54d6026f6b,A-17,12.50,USD,sale\n", "id": "list-of-november"},
)  # fmt: skip
async def imported(request: ImportRequest, context: Context) -> EntryAnswer:
    """Enter many conversions: all rows are checked first, then all of them are stored in one step."""
    rows, refused = await apart(context.workbench, lambda: parse(request.text))
    if len(rows) + len(refused) > MOST_ROWS:
        raise Refused(_REFUSED, [FieldProblem("text", f"at most {MOST_ROWS:,} rows at once")])
    if not rows and not refused:
        raise Refused(_REFUSED, [FieldProblem("text", "no row of it is a conversion")])
    answer = await _entered(request, rows, refused, request.partial, context)
    if answer.refused and not (request.partial or request.preview):
        raise Refused(
            f"{len(answer.refused):,} of {answer.rows:,} rows are wrong: {_REFUSED}",
            [FieldProblem(f"text:{it.row} {_path(it.field)}".rstrip(), it.reason) for it in answer.refused],
        )
    return _shown(answer)


async def _entered(
    request: How, rows: list[Row], refused: list[RefusedRow], partial: bool, context: Context
) -> Entered:
    if not context.caller.sees_money:
        raise Forbidden("amounts of money are hidden from you")
    if context.entering is None:
        raise Unavailable("nobody enters conversions here")
    usual = 0
    if request.network_id is not UNSET:
        usual = (await context.catalog.get("network", request.network_id)).id
    networks = await _networks({row.fields["network"] for row in rows if "network" in row.fields}, context)
    entries: list[EntryRow] = []
    wrong = [RowRefusal(*each) for each in refused]
    for row in rows:
        name = row.fields.get("network", "")
        if name and name not in networks:
            wrong.append(RowRefusal(row.number, "network", "there is no such network"))
            continue
        params = {PARAMS[field]: text for field, text in row.fields.items() if field != "network"}
        if not params.get("click_id") and not params.get("transaction_id"):
            wrong.append(RowRefusal(row.number, "click_id", "a click, or the transaction of a conversion"))
            continue
        entries.append(EntryRow(row.number, params, networks[name] if name else usual))
    said = [rows, refused, usual, partial, request.report]
    order = EntryOrder(
        id=request.id or secrets.token_hex(16),
        digest=hashlib.sha256(msgspec.json.encode(said)).hexdigest() if request.id else "",
        at_us=time.time_ns() // 1_000,
        author=context.caller.name,
        rows=tuple(entries),
        refused=tuple(wrong),
        campaigns=context.caller.campaigns,
        partial=partial,
        report=request.report,
        preview=request.preview,
    )
    return await context.entering.enter(order)


async def _networks(names: Iterable[str], context: Context) -> Mapping[str, int]:
    """Network's id or slug → its id; what is none is left out."""
    found: dict[str, int] = {}
    wanted = sorted(names)
    if len(wanted) > MOST_NETWORKS:
        raise Refused(_REFUSED, [FieldProblem("text", f"at most {MOST_NETWORKS} networks at once")])
    for name in wanted:
        number = int(name) if name.isascii() and name.isdigit() and len(name) < 16 else None
        try:
            entity = await context.catalog.get("network", name if number is None else number)
        except Missing:
            continue
        found[name] = entity.id  # of an archived one too: what it told may be corrected
    return found


def _text(value: str | int | float) -> str:
    """A JSON number as it was written."""
    return value if isinstance(value, str) else f"{Decimal(str(value)):f}"


_OURS = {param: field for field, param in PARAMS.items()}


def _path(field: str) -> str:
    """The name of a field as it is asked for."""
    return _OURS.get(field, field)


def _shown(answer: Entered) -> EntryAnswer:
    refused = (RefusedEntry(row=it.row, field=_path(it.field), reason=it.reason) for it in answer.refused)
    return EntryAnswer(
        id=answer.id,
        stored=answer.stored,
        rows=answer.rows,
        made=answer.made,
        changed=answer.changed,
        known=answer.known,
        refused=tuple(refused),
    )
