"""JSON Schemas of operations: what each takes and answers, for OpenAPI and for agents."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from msgspec import inspect

from appliance.operations.downloads import Download
from appliance.operations.registry import ErrorShape, Operation

Schema = dict[str, Any]


@dataclass(frozen=True)
class Schemas:
    """`requests` and `answers` by the operations' names; `components` is what they refer to."""

    requests: Mapping[str, Schema]
    answers: Mapping[str, Schema]
    error: Schema
    components: dict[str, Schema]


def of_all(operations: Sequence[Operation], ref: str) -> Schemas:
    """`ref` is where the components will stand, such as "#/components/schemas/{name}"."""
    types: list[Any] = [each.request for each in operations]
    types += [Any if each.answer is Download else each.answer for each in operations]
    shown, components = _components([*types, ErrorShape], ref)
    names = [schema["$ref"].rpartition("/")[2] for schema in shown[: len(operations)]]
    requests = {each.name: components[name] for each, name in zip(operations, names, strict=True)}
    answers = {
        each.name: schema for each, schema in zip(operations, shown[len(operations) : -1], strict=True)
    }
    for name in set(names):
        del components[name]
    sent = set(_reached(requests.values(), components, ref))
    sparse = _sparse(types)
    for name, schema in components.items():
        if name not in sent and schema.get("title") not in sparse:
            _always_there(schema)
    return Schemas(requests, answers, shown[-1], components)


def of_request(each: Operation) -> Schema:
    """One operation's payload as a schema that stands by itself."""
    (shown,), components = _components([each.request], "#/$defs/{name}")
    schema = components.pop(shown["$ref"].rpartition("/")[2])
    return {**schema, "$defs": components} if components else schema


def _components(types: Sequence[Any], ref: str) -> tuple[list[Schema], dict[str, Schema]]:
    shown, components = msgspec.json.schema_components(types, schema_hook=_anything, ref_template=ref)
    for schema in (*shown, *components.values()):
        _as_sent(schema)
    return list(shown), components


def _anything(type_: type) -> Schema:
    if type_ is object:
        return {"description": "Any JSON value."}
    raise NotImplementedError


def _as_sent(schema: Any) -> None:
    """Money is a number on the wire (registry.encode), and docstrings lose their indentation."""
    if isinstance(schema, dict):
        if schema.get("format") == "decimal":
            del schema["format"]
            schema["type"] = "number"
        words = schema.get("description")
        if isinstance(words, str):
            schema["description"] = " ".join(words.split())
        for each in schema.values():
            _as_sent(each)
    elif isinstance(schema, list):
        for each in schema:
            _as_sent(each)


def _sparse(types: Iterable[Any]) -> set[str]:
    """The titles of Structs that leave out what has its default, in answers too."""
    every = inspect.multi_type_info(types)
    waiting: list[object] = list(every)
    seen, sparse = set[int](), set[str]()
    while waiting:
        it = waiting.pop()
        if isinstance(it, tuple):
            waiting += it
        elif isinstance(it, msgspec.Struct) and id(it) not in seen:  # a type, or a field of one; it may recur
            seen.add(id(it))
            if isinstance(it, inspect.StructType) and it.cls.__struct_config__.omit_defaults:
                sparse.add(it.cls.__name__)
            waiting += [getattr(it, name) for name in it.__struct_fields__]
    return sparse


def _always_there(schema: Schema) -> None:
    """An answer carries every field, also those with a default; one that may be away is UNSET."""
    properties = schema.get("properties")
    if not properties:
        return
    there = set(schema.get("required", ()))
    there |= {name for name, each in properties.items() if "default" in each}
    schema["required"] = [name for name in properties if name in there]
    for each in properties.values():
        each.pop("default", None)


def _reached(schemas: Iterable[Schema], components: Mapping[str, Schema], ref: str) -> Iterator[str]:
    """The names of all components that these schemas refer to."""
    waiting, seen = list(schemas), set[str]()
    while waiting:
        for name in _refs(waiting.pop()):
            if name not in seen and name in components:
                seen.add(name)
                waiting.append(components[name])
                yield name


def _refs(schema: Any) -> Iterator[str]:
    if isinstance(schema, dict):
        if "$ref" in schema:
            yield schema["$ref"].rpartition("/")[2]
        for each in schema.values():
            yield from _refs(each)
    elif isinstance(schema, list):
        for each in schema:
            yield from _refs(each)
