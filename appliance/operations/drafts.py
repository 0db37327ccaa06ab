"""Changes that are tried and not stored: put on top of the catalog, each checked like one that would be."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from appliance.errors import Conflict, FieldProblem, Missing, Refused
from appliance.model.catalog import TYPES, Entity
from appliance.model.drafts import DraftChange
from appliance.operations import edits
from appliance.operations.context import Caller
from appliance.routing.configuration import Overlay


def put(change: DraftChange, index: int, overlay: Overlay, caller: Caller) -> int:
    """Apply the change at `index` of a draft; the number of its entity.

    Raises Refused with the fields below `changes[index].values`, Missing, Conflict.
    """
    kind, number = change.kind, change.number
    before = overlay.get(kind, number) if number else None
    if change.deed == "create":
        if before is not None:
            raise Conflict(f"changes[{index}]: there is a {kind} {number} already")
        number = number or max((entity.id for entity in overlay.all(kind)), default=0) + 1
        made = _checked(index, lambda: edits.create(kind, _new(change, number), overlay))
    elif before is None:
        raise Missing(f"changes[{index}]: there is no {kind} {number}")
    elif change.deed == "archive":
        made = edits.archive(kind, before, caller, overlay)
    else:
        entity = before
        made = _checked(index, lambda: edits.change(kind, entity, change.values, overlay))
    for of, _, after in made:
        overlay.put(of, after)
    return number


def _new(change: DraftChange, number: int) -> Entity:
    type_: Any = TYPES[change.kind]
    made: Entity = type_(**{**change.values, "id": number})
    return made


def _checked(index: int, make: Callable[[], list[edits.Edit]]) -> list[edits.Edit]:
    try:
        return make()
    except Refused as fault:
        problems = [FieldProblem(f"changes[{index}].values.{p.path}", p.message) for p in fault.fields]
        raise Refused(f"changes[{index}]: {fault.message}", problems) from fault
