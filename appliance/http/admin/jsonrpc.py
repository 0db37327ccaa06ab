"""JSON-RPC 2.0 messages, as /ws and /mcp have them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import msgspec

from appliance.errors import Refused, WeirError
from appliance.http.admin.dispatch import Failed, shape
from appliance.operations.registry import NoSuchOperation, encode

PARSE_ERROR, INVALID_REQUEST, NO_METHOD, INVALID_PARAMS = -32700, -32600, -32601, -32602
INTERNAL, OURS = -32603, -32000
"""OURS: any other refusal of an operation; `data.code` says which."""

Id = str | int | float | None


@dataclass(eq=False)
class BadMessage(Exception):
    """What came cannot be answered as a request; `number` and `message` say why."""

    number: int
    message: str
    id: Id = None


@dataclass(frozen=True)
class Asked:
    """A request; without an id, a notification."""

    method: str
    params: dict[str, Any] = field(default_factory=dict)
    id: Id = None
    notification: bool = False


def decode(data: bytes | str) -> object:
    """Any JSON value. Raises BadMessage."""
    try:
        return msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as fault:
        raise BadMessage(PARSE_ERROR, f"this is no JSON: {fault}") from None


def asked(value: object) -> Asked:
    """One request. Raises BadMessage."""
    if not isinstance(value, dict):
        raise BadMessage(INVALID_REQUEST, "a request is an object")
    number = value.get("id")
    if isinstance(number, bool) or not isinstance(number, str | int | float | None):
        raise BadMessage(INVALID_REQUEST, "an id is a text or a number")
    method, params = value.get("method"), value.get("params", {})
    if value.get("jsonrpc") != "2.0" or not isinstance(method, str):
        raise BadMessage(INVALID_REQUEST, 'a request has jsonrpc "2.0" and a method', number)
    if not isinstance(params, dict):
        raise BadMessage(INVALID_PARAMS, "params is an object: parameters have names here", number)
    return Asked(method, params, number, "id" not in value)


def result(number: Id, answer: object) -> bytes:
    return b'{"jsonrpc":"2.0","result":' + encode(answer) + b',"id":' + encode(number) + b"}"


def error(number: Id, code: int, message: str, data: object = None) -> bytes:
    found: dict[str, object] = {"code": code, "message": message}
    if data is not None:
        found["data"] = data
    return encode({"jsonrpc": "2.0", "error": found, "id": number})


def bad(fault: BadMessage) -> bytes:
    return error(fault.id, fault.number, fault.message)


def refusal(number: Id, fault: WeirError) -> bytes:
    """An operation's error; `data` has what `error` has at the other doors."""
    code = OURS
    for type_, known in ((NoSuchOperation, NO_METHOD), (Refused, INVALID_PARAMS), (Failed, INTERNAL)):
        if isinstance(fault, type_):
            code = known
    body = shape(fault).error
    return error(number, code, body.message, body)
