"""Every whole number that can be asked for has bounds: 2**64 fits into JSON, into no column of a store."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, get_args, get_origin

from msgspec import Meta, Struct, structs

from appliance.operations.registry import load_all

BOUNDED_ELSEWHERE = {
    "filters": "operations/period.py, by the column it is compared with",
    **dict.fromkeys(("amount", "per_click"), "operations/costs.py: money, exact, however it is written"),
    **dict.fromkeys(
        (
            "position",
            "rules",
            "targets",
            "exits",
            "distribution",
            "unique_policy",
            "answer",
            "schedule",
            "caps",
            "probe",
            "uniqueness",
        ),
        "routing/checks.py",
    ),
}
"""Fields of requests whose numbers something else looks at, and where."""


def _unbounded(hint: Any, path: tuple[str, ...], bounded: bool = False) -> Iterator[tuple[str, ...]]:
    if get_origin(hint) is Annotated:
        inner, *notes = get_args(hint)
        metas = [note for note in notes if isinstance(note, Meta)]
        low = any(meta.ge is not None or meta.gt is not None for meta in metas)
        high = any(meta.le is not None or meta.lt is not None for meta in metas)
        yield from _unbounded(inner, path, bounded or (low and high))
    elif hint is int and not bounded:
        if path[1] not in BOUNDED_ELSEWHERE:
            yield path
    elif isinstance(hint, type) and issubclass(hint, Struct):
        for field in structs.fields(hint):
            if len(path) < 2 or path[1] not in BOUNDED_ELSEWHERE:
                yield from _unbounded(field.type, (*path, field.encode_name))
    else:
        for argument in get_args(hint):
            yield from _unbounded(argument, path)


def test_every_whole_number_of_a_request_has_bounds() -> None:
    open_ended = {
        path for name, operation in load_all().items() for path in _unbounded(operation.request, (name,))
    }
    assert open_ended == set()
