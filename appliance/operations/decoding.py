"""Any decoded JSON → one request Struct, naming every wrong field at once.

msgspec stops at the first fault (experiments.md g), so Structs, lists and dicts are walked here and only
the leaves are left to msgspec.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from types import UnionType
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin

import msgspec
from msgspec import NODEFAULT, Struct, ValidationError, structs

from appliance.errors import FieldProblem, Refused

S = TypeVar("S", bound=Struct)
DEEPEST = 32
"""Lists within lists: whoever knows what is asked for allows fewer, and Python not many more."""
MOST_PROBLEMS = 100
"""What is told of a payload that is wrong everywhere: more helps nobody."""

_WHERE = re.compile(r" - at `\$(.*)`$")
_Problems = list[FieldProblem]


def decode(type_: type[S], payload: object) -> S:
    """A `type_` from the JSON value `payload`. Raises Refused naming every wrong or unknown field."""
    problems: _Problems = []
    value = _walk(type_, payload, "", problems)
    if problems:
        raise Refused("the request is wrong", problems[:MOST_PROBLEMS])
    assert isinstance(value, type_)
    return value


def sound(type_: type[Struct], payload: object) -> dict[str, Any]:
    """The fields of a payload that are right by themselves, decoded: what is left of one that is refused."""
    found: dict[str, Any] = {}
    fields = _fields(type_)
    for key, each in payload.items() if isinstance(payload, Mapping) else ():
        problems: _Problems = []
        if key in fields:
            value = _walk(fields[key].type, each, "", problems)
            if not problems:
                found[fields[key].name] = value
    return found


def all_of(first: Sequence[FieldProblem], more: Iterable[FieldProblem]) -> list[FieldProblem]:
    """`more` without what it says of fields that the first ones name: these were not looked at."""
    named = {_field(problem.path) for problem in first}
    return [*first, *(problem for problem in more if _field(problem.path) not in named)][:MOST_PROBLEMS]


def _field(path: str) -> str:
    """`rules[2].value` → rules."""
    return re.split(r"[.\[]", path, maxsplit=1)[0]


def _walk(hint: Any, value: object, path: str, problems: _Problems) -> Any:
    """The value as `hint`; appends to `problems` and returns anything when it cannot be."""
    inner = _meant(hint, value)
    if isinstance(inner, type) and issubclass(inner, Struct):
        return _struct(inner, value, path, problems)
    before = len(problems)
    if isinstance(value, list | tuple) and get_origin(inner) in (tuple, list):
        item = get_args(inner)[0]
        value = [_walk(item, each, f"{path}[{index}]", problems) for index, each in enumerate(value)]
    elif isinstance(value, Mapping) and get_origin(inner) is dict:
        item = get_args(inner)[1]
        value = {key: _walk(item, each, _below(path, key), problems) for key, each in value.items()}
    return _leaf(hint, value, path, problems) if len(problems) == before else None


def _struct(type_: type[Struct], value: object, path: str, problems: _Problems) -> Any:
    if isinstance(value, type_):
        return value
    if path.count("[") > DEEPEST:
        problems.append(FieldProblem(path, "is nested too deeply"))
        return None
    if not isinstance(value, Mapping):
        problems.append(FieldProblem(path or "(payload)", "expected an object"))
        return None
    before = len(problems)
    fields = _fields(type_)
    values: dict[str, Any] = {}
    for key, each in value.items():
        if key not in fields:
            known = ", ".join(fields) or "none at all"
            problems.append(FieldProblem(_below(path, key), f"no such field; there are: {known}"))
        else:
            values[fields[key].name] = _walk(fields[key].type, each, _below(path, key), problems)
    for name, field in fields.items():
        if field.name not in values and field.default is NODEFAULT and field.default_factory is NODEFAULT:
            problems.append(FieldProblem(_below(path, name), "is required"))
    return type_(**values) if len(problems) == before else None


def _leaf(hint: Any, value: object, path: str, problems: _Problems) -> Any:
    try:
        return msgspec.convert(value, hint, strict=True)
    except ValidationError as fault:
        message = str(fault)
        where = _WHERE.search(message)
        if where is not None:
            message, path = message[: where.start()], path + where.group(1)
        if get_origin(hint) is Literal:
            message = "one of: " + ", ".join(map(str, get_args(hint)))
        problems.append(FieldProblem(path or "(payload)", message))
        return None


def _meant(hint: Any, value: object) -> Any:
    """What a union or an annotated type means for a value of this shape."""
    if get_origin(hint) is Annotated:
        return _meant(get_args(hint)[0], value)
    if get_origin(hint) not in (Union, UnionType):
        return hint
    members = [_meant(member, value) for member in get_args(hint)]
    for member in members:
        if isinstance(value, Mapping) and (
            get_origin(member) is dict or (isinstance(member, type) and issubclass(member, Struct))
        ):
            return member
        if isinstance(value, list | tuple) and get_origin(member) in (tuple, list):
            return member
    return hint


def _below(path: str, key: object) -> str:
    return f"{path}.{key}" if path else str(key)


@cache
def _fields(type_: type[Struct]) -> dict[str, structs.FieldInfo]:
    return {field.encode_name: field for field in structs.fields(type_)}
