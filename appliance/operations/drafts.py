"""Changes that are tried and not stored: put on top of the catalog, each checked like one that would be."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, Literal

from msgspec import Meta

from appliance.errors import Conflict, FieldProblem, Missing, Refused
from appliance.model.catalog import TYPES, Entity
from appliance.model.drafts import DraftChange
from appliance.operations import edits
from appliance.operations.context import Caller, Forbidden
from appliance.operations.nouns import Id, Request, values_of
from appliance.operations.period import refuse
from appliance.routing.configuration import Overlay

MOST_CHANGES = 100


class DraftStep(Request, frozen=True, kw_only=True):
    """A change to try: `values` as in the kind's own create or change. A creation may choose a free `id`, so
    that what follows can refer to it."""

    kind: Literal["campaign", "stream", "destination", "source", "link"]
    deed: Literal["create", "change", "archive"] = "change"
    id: Id | None = None
    values: dict[str, Any] = {}  # noqa: RUF012  msgspec copies it


Draft = Annotated[tuple[DraftStep, ...], Meta(max_length=MOST_CHANGES)]


def drafted(steps: Sequence[DraftStep], caller: Caller) -> list[DraftChange]:
    """The steps as changes, their values read like those of any change. Raises Refused, Forbidden."""
    made: list[DraftChange] = []
    problems: list[FieldProblem] = []
    for index, step in enumerate(steps):
        where = f"changes[{index}]"
        if not caller.may(f"{step.kind}s.write"):
            raise Forbidden(f"{where}: changing a {step.kind} needs the permission {step.kind}s.write")
        if step.deed != "create" and step.id is None:
            problems.append(FieldProblem(f"{where}.id", f"which {step.kind} is to be changed"))
            continue
        values: Mapping[str, object] = {}
        if step.deed != "archive":
            try:
                values = values_of(step.kind, step.values, None if step.deed == "create" else step.id)
            except Refused as fault:
                problems += [FieldProblem(f"{where}.values.{p.path}", p.message) for p in fault.fields]
                continue
        made.append(DraftChange(kind=step.kind, number=step.id or 0, deed=step.deed, values=dict(values)))
    refuse(problems, "these changes cannot be tried")
    return made


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
