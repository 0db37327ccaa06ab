"""ui/src/api.ts from the registry: `weir operations --typescript` prints it.

What is sent may leave out what has a default; what is answered always carries it, except in a Struct that
says otherwise. Money is a decimal number on the wire, so a `number` here.
"""

from __future__ import annotations

import json
from typing import Any

import msgspec
from msgspec import UNSET, Struct
from msgspec import inspect as found

from appliance.operations import registry

HEAD = """\
// Made from the registry: `weir operations --typescript > ui/src/api.ts`. A test holds it to it.
"""
PLAIN: dict[type[found.Type], str] = {
    found.AnyType: "unknown",
    found.RawType: "unknown",
    found.NoneType: "null",
    found.BoolType: "boolean",
    found.IntType: "number",
    found.FloatType: "number",
    found.DecimalType: "number",
    found.StrType: "string",
    found.BytesType: "string",
    found.DateTimeType: "string",
    found.DateType: "string",
    found.UUIDType: "string",
}


def typescript() -> str:
    """The whole file: every operation with its request and answer, and what the live feed sends."""
    made = _Page()
    operations = []
    for each in registry.load_all().values():
        request = made.sent(found.type_info(each.request))
        answer = made.answered(each.answer)
        operations.append(f"  {json.dumps(each.name)}: {{ request: {request}; answer: {answer} }};")
    made.answered(registry.ErrorShape)
    return "\n".join(
        [HEAD, *made.texts, "export interface Api {", *operations, "}", "",
         "export type Name = keyof Api;", ""]
    )  # fmt: skip


class _Page:
    """Interfaces for answers, in the order in which they are first met."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self._names: dict[type, str] = {}

    def sent(self, type_: found.Type) -> str:
        """A request's type, written out where it stands."""
        if isinstance(type_, found.StructType):
            parts = [
                f"{_key(field.encode_name)}{'' if field.required else '?'}: {self._within(field.type)}"
                for field in type_.fields
            ]
            return "{ " + "; ".join(parts) + " }" if parts else "Record<string, never>"
        return self._made(type_, self._within)

    def _within(self, type_: found.Type) -> str:
        """A Struct that leaves out its defaults in answers too is one interface both ways; it may recur."""
        if isinstance(type_, found.StructType) and type_.cls.__struct_config__.omit_defaults:
            return self._interface(type_)
        return self.sent(type_) if isinstance(type_, found.StructType) else self._made(type_, self._within)

    def answered(self, type_: Any) -> str:
        """An answer's type; a Struct becomes an interface of its own."""
        try:
            seen = type_ if isinstance(type_, found.Type) else found.type_info(type_)
        except TypeError:  # a download's iterator of bytes never becomes JSON
            return "unknown"
        if isinstance(seen, (found.StructType, found.DataclassType)):
            return self._interface(seen)
        return self._made(seen, self.answered)

    def _made(self, type_: found.Type, inner: Any) -> str:
        plain = PLAIN.get(type(type_))
        if plain is not None:
            return plain
        match type_:
            case found.LiteralType(values):
                return " | ".join(json.dumps(value) for value in values)
            case found.EnumType(cls):
                return " | ".join(json.dumps(each.value) for each in cls)
            case found.UnionType(types):
                return " | ".join(dict.fromkeys(inner(each) for each in types))
            case found.TupleType(items):
                return "[" + ", ".join(inner(each) for each in items) + "]"
            case found.ListType(item) | found.VarTupleType(item) | found.SetType(item):
                return _listed(inner(item))
            case found.FrozenSetType(item):
                return _listed(inner(item))
            case found.DictType(value_type=value):
                return f"Record<string, {inner(value)}>"
            case found.Metadata(type=held):
                return str(inner(held))
        return "unknown"

    def _interface(self, type_: found.StructType | found.DataclassType) -> str:
        cls = type_.cls
        if cls not in self._names:
            taken = self._names.values()
            noun = cls.__module__.rpartition(".")[2].title().replace("_", "")
            self._names[cls] = cls.__name__ if cls.__name__ not in taken else noun + cls.__name__
            away = _may_be_away(cls)
            lines = [
                f"  {_key(field.encode_name)}{'?' * (field.name in away)}: {self.answered(field.type)};"
                for field in type_.fields
            ]
            self.texts += [f"export interface {self._names[cls]} {{", *lines, "}", ""]
        return self._names[cls]


def _key(name: str) -> str:
    return name if name.isidentifier() else json.dumps(name)


def _listed(item: str) -> str:
    return f"({item})[]" if " | " in item else f"{item}[]"


def _may_be_away(cls: type) -> set[str]:
    """The fields that an answer may lack."""
    if not issubclass(cls, Struct):
        return set()
    sparse = cls.__struct_config__.omit_defaults
    fields = msgspec.structs.fields(cls)
    return {field.name for field in fields if field.default is UNSET or (sparse and not field.required)}
