"""Writes tests/guards/old_records: one record of every event type as it is encoded today.

`python -m tests.guards.record_old` adds what is missing and never rewrites a file: a recorded record is how
some journal out there still looks. Run it when an event type gains fields, with the next number.
"""

from __future__ import annotations

import json
import sys
import types
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

import msgspec

from appliance.model import events

FOLDER = Path(__file__).parent / "old_records"


def sample(hint: Any, name: str) -> Any:
    """A value of the type `hint` that no default has, and that differs from field to field."""
    number = sum(map(ord, name))
    if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        return filled(hint)
    if get_origin(hint) in (types.UnionType,):
        return sample(get_args(hint)[0], name)
    if get_origin(hint) is tuple:
        inner = get_args(hint)
        items = inner[:1] * 2 if inner[-1] is ... else inner
        return tuple(sample(item, f"{name}{place}") for place, item in enumerate(items))
    if get_origin(hint) in (dict, Mapping):
        key, value = get_args(hint)
        return {sample(key, name): sample(value, name + "v")}
    if get_origin(hint) is not None:  # Literal
        return get_args(hint)[-1]
    return {int: number, str: f"{name} é", bool: True, float: number + 0.5, bytes: name.encode()}[hint]


def filled(event: type[msgspec.Struct]) -> msgspec.Struct:
    """`event` with every field set."""
    hints = get_type_hints(event)
    return event(**{field: sample(hints[field], field) for field in event.__struct_fields__})


def event_types() -> tuple[type[msgspec.Struct], ...]:
    return get_args(events.Event)


def main(version: str) -> None:
    FOLDER.mkdir(exist_ok=True)
    for event in event_types():
        name = f"{event.__struct_config__.tag}.{version}"
        path = FOLDER / f"{name}.msgpack"
        if path.exists():
            continue
        record = filled(event)
        path.write_bytes(events.encode(record))
        fields = {field: msgspec.to_builtins(getattr(record, field)) for field in event.__struct_fields__}
        (FOLDER / f"{name}.json").write_text(json.dumps(fields, indent=1, ensure_ascii=False) + "\n")
        print(path.name)


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "1")
