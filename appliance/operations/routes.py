"""Every operation as an HTTP route: the path and method follow from its name and its fields.

    campaigns.list     GET   /api/campaigns?limit=10
    campaigns.get      GET   /api/campaigns/{id}
    campaigns.create   POST  /api/campaigns
    campaigns.change   PATCH /api/campaigns/{id}
    campaigns.archive  POST  /api/campaigns/{id}/archive
    system.status      GET   /api/system/status
    reports.query      POST  /api/reports/query

The server reads a request by a route and a client writes one by it, so both directions are here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin
from urllib.parse import quote, urlencode

from msgspec import NODEFAULT, UnsetType, structs

from appliance.errors import FieldProblem, Refused
from appliance.model.catalog import Kind
from appliance.operations.registry import Operation

_WHOLE = re.compile(r"-?[0-9]{1,30}")
_DECIMAL = re.compile(r"-?[0-9]{1,30}(\.[0-9]{1,30})?([eE][+-]?[0-9]{1,3})?")
_TRUTH = {"true": True, "false": False}


@dataclass(frozen=True)
class Route:
    """`path` has at most one field in it, `path_field`; the others are in the query, or in a JSON body.

    `by_slug`: the path may have the slug instead of the id.
    """

    method: str
    path: str
    path_field: str = ""
    by_slug: bool = False
    body: bool = False
    status: int = 200


@cache
def route_of(each: Operation) -> Route:
    noun, _, verb = each.name.partition(".")
    fields = {field.encode_name: field for field in structs.fields(each.request)}
    rest = {name: field for name, field in fields.items() if name != "id"}
    path = f"/api/{noun}"
    # An operation that also says which kind it means names a thing of another noun.
    has_id = "id" in fields and not ("kind" in fields and _is_kind(fields["kind"].type))
    in_query = not each.changes and all(_takes(field.type) is not None for field in rest.values())
    match verb:
        case "create":
            return Route("POST", path, body=True, status=201)
        case "list" if in_query:
            return Route("GET", path)
        case "get" if in_query and not fields:
            return Route("GET", path)
        case "get" if in_query and has_id:
            by_slug = fields["id"].default is None and "slug" in fields
            return Route("GET", f"{path}/{{id}}", "id", by_slug)
        case "change" if has_id:
            return Route("PATCH", f"{path}/{{id}}", "id", body=True)
    if has_id and fields["id"].required:
        return Route("GET" if in_query else "POST", f"{path}/{{id}}/{verb}", "id", body=not in_query)
    in_query = in_query and ("id" not in fields or _takes(fields["id"].type) is not None)
    return Route("GET" if in_query else "POST", f"{path}/{verb}", body=not in_query)


def _is_kind(hint: Any) -> bool:
    """Kind, or Kind | None: a stream's own `kind` is something else."""
    return hint == Kind or Kind in get_args(hint)


def in_query(each: Operation) -> tuple[structs.FieldInfo, ...]:
    """The fields that its route takes from the query."""
    route = route_of(each)
    if route.body:
        return ()
    taken = {route.path_field, "slug"} if route.by_slug else {route.path_field}
    return tuple(field for field in structs.fields(each.request) if field.encode_name not in taken)


def payload(each: Operation, segment: str, query: Iterable[tuple[str, str]], body: object) -> object:
    """What a request says, as any other door would have it.

    `segment` is what stands for the path's field. Raises Refused naming everything that was said twice; what
    is wrong otherwise is left to the dispatcher, so that all doors refuse it alike.
    """
    route = route_of(each)
    problems: list[FieldProblem] = []
    if route.body:
        problems += [FieldProblem(name, "is no parameter here: send it in the body") for name, _ in query]
        if not isinstance(body, dict):
            return body
        found = dict(body)
    else:
        found = _queried(each, query, problems)
    if route.path_field:
        if route.path_field in found:
            problems.append(FieldProblem(route.path_field, "is in the path already"))
        (field,) = (field for field in structs.fields(each.request) if field.encode_name == "id")
        slug = route.by_slug and not _WHOLE.fullmatch(segment)
        found["slug" if slug else route.path_field] = segment if slug else _value(field.type, segment)
    if problems:
        raise Refused("the request is wrong", problems)
    return found


def _queried(
    each: Operation, query: Iterable[tuple[str, str]], problems: list[FieldProblem]
) -> dict[str, object]:
    """What is no field of the operation stays as it is, for the dispatcher to refuse."""
    fields = {field.encode_name: field for field in in_query(each)}
    found: dict[str, object] = {}
    for name, text in query:
        if name in fields and "list" in (_takes(fields[name].type) or ()):
            several = found.setdefault(name, [])
            assert isinstance(several, list)
            several.append(_value(_item(fields[name].type), text))
        elif name in found:
            problems.append(FieldProblem(name, "is given more than once"))
        else:
            # Where null is only what leaving it out means, nobody can send it (openapi.py says the same).
            field = fields.get(name)
            found[name] = text if field is None else _value(field.type, text, null=field.default is not None)
    return found


def request(each: Operation, payload: Mapping[str, object]) -> tuple[str, str, bytes | None]:
    """The other way round: method, path with its query, and body. Raises Refused without the path's field."""
    route, rest = route_of(each), dict(payload)
    path = route.path
    if route.path_field:
        segment = rest.pop(route.path_field, None)
        if segment is None and route.by_slug:
            segment = rest.pop("slug", None)
        if segment is None or segment == "":
            raise Refused("the request is wrong", [FieldProblem(route.path_field, "is required")])
        path = path.replace("{id}", quote(_text(segment), safe=""))
    if route.body:
        return route.method, path, json.dumps(rest).encode()
    pairs = [
        (name, _text(one))
        for name, value in rest.items()
        for one in (value if isinstance(value, list) else [value])
        if not (one is None and _default(each, name) is None)
    ]
    return route.method, path + ("?" + urlencode(pairs) if pairs else ""), None


def _default(each: Operation, name: str) -> object:
    for field in structs.fields(each.request):
        if field.encode_name == name:
            return field.default
    return NODEFAULT


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _value(hint: Any, text: str, null: bool = True) -> object:
    """The JSON value that a text stands for; the text itself when it can be nothing else. `null`: it may."""
    takes = _takes(hint) or frozenset()
    if "str" in takes:
        return text
    if null and "null" in takes and text in ("", "null"):
        return None
    if "bool" in takes and text in _TRUTH:
        return _TRUTH[text]
    if {"int", "float"} & takes and _WHOLE.fullmatch(text):
        return int(text)
    if "float" in takes and _DECIMAL.fullmatch(text):
        return float(text)
    return text


_SCALARS: dict[Any, str] = {str: "str", int: "int", float: "float", bool: "bool", type(None): "null"}


def _takes(hint: Any) -> frozenset[str] | None:
    """Which scalars a field takes, with "list" when it takes a list of scalars; None when neither."""
    origin = get_origin(hint)
    if origin is Annotated:
        return _takes(get_args(hint)[0])
    if origin is Literal:
        return frozenset(_SCALARS[type(each)] for each in get_args(hint))
    if origin in (Union, UnionType):
        members = [_takes(each) for each in get_args(hint) if each is not UnsetType]
        if None in members or (sum("list" in (each or ()) for each in members) and len(members) > 1):
            return None
        return frozenset().union(*(each or () for each in members))
    if origin in (tuple, list) and "list" not in (_takes(get_args(hint)[0]) or {"list"}):
        return frozenset({"list"})
    word = _SCALARS.get(hint)
    return None if word is None else frozenset({word})


def _item(hint: Any) -> Any:
    """The type of a list's items."""
    if get_origin(hint) is Annotated:
        return _item(get_args(hint)[0])
    if get_origin(hint) in (Union, UnionType):
        (only,) = (each for each in get_args(hint) if each is not UnsetType)
        return _item(only)
    return get_args(hint)[0]
