"""Operations: what an operator can ask for, written once as a typed function and offered at every door.

    @operation("campaigns.get", permission="campaigns.read", example={"id": 1})
    async def get(request: Get, context: Context) -> Campaign: ...

The function's annotations are its validation; its docstring is its help.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Literal, TypeVar, get_args, get_type_hints

import msgspec
from msgspec import UNSET, Struct, UnsetType

from appliance.errors import Conflict, FieldProblem, Missing, Refused, Unauthenticated, WeirError
from appliance.model.history import Clash
from appliance.operations.context import Context, Forbidden
from appliance.operations.decoding import all_of, decode

log = logging.getLogger("weir.operations")
Q = TypeVar("Q", bound=Struct)
Run = Callable[[Any, Context], Awaitable[object]]
Further = Callable[[object, Context], Awaitable[Sequence[FieldProblem]]]
"""What else is wrong with a payload that did not decode, as far as its sound fields tell; changes nothing."""

MODULES = (
    "campaigns", "streams", "destinations", "health", "sources", "networks", "network_presets",
    "network_words", "templates", "links", "lists", "pages", "catalog", "history", "routing",
    "explaining", "simulating", "replaying", "journal", "system", "reports", "reports_running",
    "exports", "costs", "conversions", "records", "warehouse", "live", "session", "me", "users", "tokens",
    "targets", "deliveries", "queues", "rates", "doctor", "inbox", "reprocessing", "alerts", "ad_platforms",
    "ad_accounts", "pixels", "subscriptions",
    "events", "intakes",
)  # fmt: skip


Door = Literal["rest", "rpc", "call", "mcp"]
DOORS: tuple[Door, ...] = get_args(Door)


@dataclass(frozen=True, eq=False)
class Operation:
    """One thing that can be asked for. `example` is a payload that decodes; `changes` marks what writes.

    `closed_at` names the doors that do not offer it, each with the reason.
    """

    name: str
    permission: str
    changes: bool
    example: Mapping[str, object]
    request: type[Struct]
    answer: Any
    summary: str
    run: Run
    closed_at: Mapping[Door, str]
    further: Further | None = None


_registered: dict[str, Operation] = {}
"""Filled while the modules below are imported and never afterwards."""


def operation(
    name: str,
    *,
    permission: str,
    changes: bool = False,
    example: Mapping[str, object] | None = None,
    closed_at: Mapping[Door, str] | None = None,
    further: Further | None = None,
) -> Callable[[Callable[[Q, Context], Awaitable[Any]]], Callable[[Q, Context], Awaitable[Any]]]:
    """Register `async def f(request: SomeStruct, context: Context) -> SomeStruct` under `name`."""

    def register(run: Callable[[Q, Context], Awaitable[Any]]) -> Callable[[Q, Context], Awaitable[Any]]:
        hints = get_type_hints(run, include_extras=True)
        ask, answer = hints["request"], hints["return"]
        add(name, run, ask, answer, permission, changes, example or {}, closed_at, further)
        return run

    return register


def add(
    name: str,
    run: Run,
    request: type[Struct],
    answer: object,
    permission: str,
    changes: bool,
    example: Mapping[str, object],
    closed_at: Mapping[Door, str] | None = None,
    further: Further | None = None,
) -> None:
    """Register what was not written with the decorator: the operations that every kind has."""
    if name in _registered:
        raise ValueError(f"two operations are called {name}")
    summary = " ".join((run.__doc__ or "").split())
    if not summary:
        raise ValueError(f"operation {name} has no docstring")
    decode(request, example)
    _registered[name] = Operation(
        name, permission, changes, example, request, answer, summary, run, closed_at or {}, further
    )


def load_all() -> Mapping[str, Operation]:
    """Every operation by name."""
    for module in MODULES:
        import_module(f"appliance.operations.{module}")
    return dict(sorted(_registered.items()))


encode = msgspec.json.Encoder(decimal_format="number").encode
"""Any answer → JSON bytes; money leaves as exact decimal numbers."""


class NoSuchOperation(Missing):
    """This door offers nothing of that name. operations.list names what there is."""


async def call(
    operations: Mapping[str, Operation], name: object, payload: object, context: Context
) -> object:
    """Run one operation. Raises WeirError for whatever the caller can act on."""
    found = operations.get(name) if isinstance(name, str) else None
    if found is None:
        raise NoSuchOperation(f"there is no operation {str(name)[:80]!r}; operations.list names them all")
    for door, reason in found.closed_at.items():
        if door == context.caller.door:
            raise NoSuchOperation(f"{found.name} is not offered here: {reason}")
    if not context.caller.may(found.permission):
        if not context.caller.user_id and not context.caller.permissions:
            raise Unauthenticated("sign in first, or send an API token")
        raise Forbidden(f"{found.name} needs the permission {found.permission}")
    try:
        request = decode(found.request, payload)
    except Refused as fault:
        if found.further is not None:
            fault.fields = all_of(fault.fields, await found.further(payload, context))
        raise
    answer = await found.run(request, context)
    if found.changes:
        log.info(
            "operation",
            extra={"operation": name, "by": context.caller.name, "door": context.caller.door,
                   "request_id": context.request_id},
        )  # fmt: skip
    return answer


class ErrorBody(Struct, frozen=True, kw_only=True):
    """What went wrong: a word for programs, a sentence for people, the fields that are wrong.

    `details` comes with a conflict: the other change, or what uses it.
    """

    code: str
    message: str
    fields: tuple[FieldProblem, ...] = ()
    details: Clash | UnsetType = UNSET


class ErrorShape(Struct, frozen=True, kw_only=True):
    """The one shape of every error at every door."""

    error: ErrorBody


def error_shape(fault: WeirError) -> ErrorShape:
    fields = tuple(fault.fields) if isinstance(fault, Refused) else ()
    details = fault.details if isinstance(fault, Conflict) and isinstance(fault.details, Clash) else UNSET
    return ErrorShape(error=ErrorBody(code=fault.code, message=fault.message, fields=fields, details=details))


def internal_error(request_id: str) -> ErrorShape:
    """What a caller learns of a fault of ours; the log has the rest under the same id."""
    message = f"Weir failed to do this; its log says why under request id {request_id}"
    return ErrorShape(error=ErrorBody(code="internal", message=message))
