"""Operations: what an operator can ask for, written once as a typed function and offered at every door.

    @operation("campaigns.get", permission="campaigns.read", example={"id": 1})
    async def get(request: Get, context: Context) -> Campaign: ...

The function's annotations are its validation; its docstring is its help.
"""

from __future__ import annotations

import logging
import shlex
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Literal, TypeVar, get_args, get_type_hints

import msgspec
from msgspec import UNSET, Struct, UnsetType

from appliance.errors import Conflict, FieldProblem, Missing, Refused, WeirError
from appliance.model.history import Clash
from appliance.operations.context import Context, Forbidden
from appliance.operations.decoding import decode

log = logging.getLogger("weir.operations")
Q = TypeVar("Q", bound=Struct)
Run = Callable[[Any, Context], Awaitable[object]]

MODULES = (
    "campaigns", "streams", "destinations", "sources", "networks", "templates", "links", "pages",
    "catalog", "routing", "journal", "system", "reports", "costs", "records", "warehouse",
)  # fmt: skip


Door = Literal["rest", "rpc", "call", "mcp"]
DOORS: tuple[Door, ...] = get_args(Door)


@dataclass(frozen=True)
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


_registered: dict[str, Operation] = {}
"""Filled while the modules below are imported and never afterwards."""


def operation(
    name: str,
    *,
    permission: str,
    changes: bool = False,
    example: Mapping[str, object] | None = None,
    closed_at: Mapping[Door, str] | None = None,
) -> Callable[[Callable[[Q, Context], Awaitable[Any]]], Callable[[Q, Context], Awaitable[Any]]]:
    """Register `async def f(request: SomeStruct, context: Context) -> SomeStruct` under `name`."""

    def register(run: Callable[[Q, Context], Awaitable[Any]]) -> Callable[[Q, Context], Awaitable[Any]]:
        hints = get_type_hints(run, include_extras=True)
        add(name, run, hints["request"], hints["return"], permission, changes, example or {}, closed_at or {})
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
) -> None:
    """Register what was not written with the decorator: the operations that every kind has."""
    if name in _registered:
        raise ValueError(f"two operations are called {name}")
    summary = " ".join((run.__doc__ or "").split())
    if not summary:
        raise ValueError(f"operation {name} has no docstring")
    decode(request, example)
    _registered[name] = Operation(
        name, permission, changes, example, request, answer, summary, run, closed_at or {}
    )


def load_all() -> Mapping[str, Operation]:
    """Every operation by name."""
    for module in MODULES:
        import_module(f"appliance.operations.{module}")
    return dict(sorted(_registered.items()))


def describe() -> list[str]:
    """One line per operation for a terminal: its name, a payload to start from, what it does."""
    return [
        f"{each.name}  {msgspec.json.encode(each.example).decode()}\n    {each.summary}"
        for each in load_all().values()
    ]


def fields(each: Operation) -> list[tuple[str, str]]:
    """The fields of an operation's payload, as they are sent, each with "required" or its default."""
    return [(field.encode_name, _default(field)) for field in msgspec.structs.fields(each.request)]


def _default(field: msgspec.structs.FieldInfo) -> str:
    if field.default is msgspec.UNSET:
        return "optional"
    if field.default is not msgspec.NODEFAULT:
        return f"default {msgspec.json.encode(field.default).decode()}"
    return "optional" if field.default_factory is not msgspec.NODEFAULT else "required"


def reference() -> str:
    """docs/reference/operations.md: `weir operations --markdown` prints it."""
    nouns: dict[str, list[Operation]] = {}
    for each in load_all().values():
        nouns.setdefault(each.name.partition(".")[0], []).append(each)
    lines = [
        "# Operations", "",
        "Everything an operator can do, as `weir --data DIR call NAME JSON` takes it; without JSON it takes",
        "`{}`. **changes** marks what writes. This page is made from the registry, by",
        "`weir operations --markdown`, and a test holds it to it.", "",
        "An error has one shape, on stderr with exit code 1:",
        '`{"error": {"code", "message", "fields": [{"path", "message"}]}}`;',
        "codes are refused, missing, conflict, forbidden, unavailable and internal.", "",
    ]  # fmt: skip
    for noun, offered in nouns.items():
        lines += [f"## {noun}", ""]
        for each in offered:
            permission = f"permission `{each.permission}`" + (", **changes**" if each.changes else "")
            lines += [f"### `{each.name}`", "", f"{each.summary} ({permission})", ""]
            if found := fields(each):
                lines += [", ".join(f"`{name}` {default}" for name, default in found) + ".", ""]
            payload = shlex.quote(msgspec.json.encode(each.example).decode())
            lines += [f"    weir call {each.name} {payload}", ""]
    return "\n".join(lines)


encode = msgspec.json.Encoder(decimal_format="number").encode
"""Any answer → JSON bytes; money leaves as exact decimal numbers."""


async def call(
    operations: Mapping[str, Operation], name: object, payload: object, context: Context
) -> object:
    """Run one operation. Raises WeirError for whatever the caller can act on."""
    found = operations.get(name) if isinstance(name, str) else None
    if found is None:
        raise Missing(f"there is no operation {str(name)[:80]!r}; operations.list names them all")
    for door, reason in found.closed_at.items():
        if door == context.caller.door:
            raise Missing(f"{found.name} is not offered here: {reason}")
    if not context.caller.may(found.permission):
        raise Forbidden(f"{found.name} needs the permission {found.permission}")
    request = decode(found.request, payload)
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
