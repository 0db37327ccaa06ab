"""Past postbacks understood anew: what would change is looked at first, then applied, all or nothing."""

from __future__ import annotations

import functools
import logging
from collections import Counter
from decimal import Decimal
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct, field

from appliance.attribution.reprocess import Reprocessed
from appliance.attribution.revisions import figures
from appliance.errors import Conflict, FieldProblem
from appliance.model.money import amount
from appliance.operations.asking import Tag, ask
from appliance.operations.context import Context
from appliance.operations.inbox import Standing, desk_of, drafted, standing, whole_reach
from appliance.operations.nouns import Id
from appliance.operations.period import Span, refuse, span_of
from appliance.operations.records import Outcome
from appliance.operations.registry import operation
from appliance.operations.reprocessing_desk import NO_DRAFTS, Prepared
from appliance.reporting.inbox import Wanted

log = logging.getLogger("weir.inbox")
MOST_SHOWN = 500
MOST_IDS = 300
Name = Annotated[str, Meta(min_length=1, max_length=64)]


class Which(Span, frozen=True, kw_only=True):
    """Postbacks that arrived in a period, of a network or all; those of `ids`, with `text` in a parameter,
    or with one of `outcomes` last. With them come all others of the same conversions.

    `report`: targets of outbound postbacks are told of the revisions as of any others.
    """

    network_id: Id | None = None
    ids: Annotated[tuple[Name, ...], Meta(max_length=MOST_IDS)] = ()
    text: Annotated[str, Meta(max_length=200)] = ""
    outcomes: tuple[Outcome, ...] = ()
    report: bool = False
    tag: Tag = ""


class PreviewRequest(Which, frozen=True, kw_only=True):
    """`network` and `template`: fields of it and of its template as they might be, as in networks.change and
    templates.change; without them, as they are."""

    network: dict[str, Any] = field(default_factory=dict)
    template: dict[str, Any] = field(default_factory=dict)


class ApplyRequest(Which, frozen=True, kw_only=True):
    """The selection of a preview and its `fingerprint`."""

    fingerprint: Annotated[str, Meta(min_length=32, max_length=32)]


class ChangedConversion(Struct, frozen=True, kw_only=True):
    """A conversion that reports would count in another way: `before` None is made, `after` None is void."""

    id: str
    deed: Literal["made", "changed", "voided"]
    before: Standing | None
    after: Standing | None


class MovedPostback(Struct, frozen=True, kw_only=True):
    """A postback of which something else became."""

    id: str
    at_us: int
    network_id: int
    before: str
    after: str
    reason: str
    conversion_before: str
    conversion_after: str


class LeftAlone(Struct, frozen=True, kw_only=True):
    """A conversion that cannot be processed anew, nor those that share its postbacks, and why."""

    conversion_id: str
    reason: str


class Sum(Struct, frozen=True, kw_only=True):
    """What reports gain or lose in a currency."""

    currency: str
    conversions: int
    revenue: Decimal | None
    hold: Decimal | None


class Reprocessing(Struct, frozen=True, kw_only=True):
    """So many `postbacks` were understood anew, `pending` ones have not been processed yet.

    `made`, `changed` and `voided` conversions show in reports, `unseen` ones only remember other words,
    `unchanged` ones nothing. Of each list the first 500; the numbers count all. `fingerprint` names what
    would be stored.
    """

    fingerprint: str
    postbacks: int
    pending: int
    made: int
    changed: int
    voided: int
    unseen: int
    unchanged: int
    moved: int
    left: int
    sums: tuple[Sum, ...]
    conversions: tuple[ChangedConversion, ...]
    moved_postbacks: tuple[MovedPostback, ...]
    left_alone: tuple[LeftAlone, ...]
    applied: bool = False


@operation(
    "postbacks.reprocess_preview",
    permission="records.read",
    example={"from": "2026-11-01", "to": "2026-11-22", "network_id": 1,
             "network": {"status_words": {"geprueft": "sale"}}},
)  # fmt: skip
async def preview(request: PreviewRequest, context: Context) -> Reprocessing:
    """What would change if past postbacks were understood by the network as it is, or as it might be.

    Nothing is stored: change the network, then apply.
    """
    drafts, problems = NO_DRAFTS, list[FieldProblem]()
    if (request.network or request.template) and request.network_id is None:
        problems.append(FieldProblem("network_id", "of which network"))
    refuse(problems, "this cannot be looked at")
    if request.network_id is not None:
        _, _, drafts = await drafted(request.network_id, request.network, request.template, context)
    prepared = await _prepared(request, "postbacks.reprocess_preview", context, drafts)
    return _shown(prepared, context)


@operation(
    "postbacks.reprocess_apply",
    permission="conversions.write",
    changes=True,
    example={"from": "2026-11-01", "to": "2026-11-22", "network_id": 1, "fingerprint": "0" * 32},
)
async def apply(request: ApplyRequest, context: Context) -> Reprocessing:
    """Store what a preview showed, by the network as it is now; all of it or nothing.

    A conflict when that is not the same any more: look at a preview again.
    """
    prepared = await _prepared(request, "postbacks.reprocess_apply", context, NO_DRAFTS)
    if prepared.fingerprint != request.fingerprint:
        raise Conflict("this would change something else than the preview showed; look at it again")
    await desk_of(context).apply(prepared)
    found = _shown(prepared, context, applied=True)
    counted = {name: getattr(found, name) for name in ("postbacks", "made", "changed", "voided", "left")}
    log.info("postbacks reprocessed", extra={"by": context.caller.name, **counted})
    return found


async def _prepared(request: Which, operation_: str, context: Context, drafts: Any) -> Prepared:
    whole_reach(context)
    problems: list[FieldProblem] = []
    from_us, to_us, _ = span_of(request, problems)
    if request.text and not context.caller.sees_money:
        problems.append(FieldProblem("text", "parameters are not shown to you"))
    refuse(problems, "these postbacks cannot be chosen")
    which = Wanted(
        from_us=from_us,
        to_us=to_us,
        network_id=request.network_id or 0,
        ids=request.ids,
        text=request.text,
        outcomes=request.outcomes,
    )
    rows = functools.partial(ask, context=context, operation=operation_, tag=request.tag)
    return await desk_of(context).prepare(which, rows, drafts, report=request.report)


def _shown(prepared: Prepared, context: Context, *, applied: bool = False) -> Reprocessing:
    found = prepared.found
    deeds = Counter(_deed(found, index) for index in range(len(found.differences)))
    return Reprocessing(
        fingerprint=prepared.fingerprint,
        postbacks=prepared.postbacks,
        pending=found.pending,
        made=deeds["made"],
        changed=deeds["changed"],
        voided=deeds["voided"],
        unseen=found.unseen,
        unchanged=found.unchanged,
        moved=len(found.moved),
        left=len(found.left),
        sums=_sums(found, context),
        conversions=tuple(
            ChangedConversion(
                id=after.id,
                deed=_deed(found, index),
                before=standing(before, context) if before is not None and not before.void else None,
                after=standing(after, context) if not after.void else None,
            )
            for index, (before, after) in enumerate(found.differences[:MOST_SHOWN])
        ),
        moved_postbacks=tuple(
            MovedPostback(
                id=raw.event.id,
                at_us=raw.event.at_us,
                network_id=raw.event.network_id,
                before=raw.fate.outcome,
                after=fate.outcome,
                reason=fate.reason,
                conversion_before=raw.fate.conversion_id,
                conversion_after=fate.conversion_id,
            )
            for raw, fate in found.moved[:MOST_SHOWN]
        ),
        left_alone=tuple(
            LeftAlone(conversion_id=it.conversion_id, reason=it.reason) for it in found.left[:MOST_SHOWN]
        ),
        applied=applied,
    )


def _deed(found: Reprocessed, index: int) -> Literal["made", "changed", "voided"]:
    before, after = found.differences[index]
    if after.void:
        return "voided"
    return "made" if before is None or before.void else "changed"


def _sums(found: Reprocessed, context: Context) -> tuple[Sum, ...]:
    sums: dict[str, list[int]] = {}
    for difference in found.differences:
        for sign, it in zip((-1, 1), difference, strict=True):
            if it is not None:
                total = sums.setdefault(it.currency, [0, 0, 0])
                sums[it.currency] = [a + sign * b for a, b in zip(total, figures(it), strict=True)]
    sees = context.caller.sees_money
    return tuple(
        Sum(
            currency=currency,
            conversions=count,
            revenue=amount(revenue) if sees else None,
            hold=amount(hold) if sees else None,
        )
        for currency, (count, revenue, hold) in sorted(sums.items())
        if count or revenue or hold
    )
