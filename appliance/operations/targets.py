"""Targets of outbound postbacks: who is told of conversions, of which, and how."""

from __future__ import annotations

import secrets
import time
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct, field

from appliance.errors import FieldProblem, Refused, Unavailable
from appliance.model.catalog import PostbackTarget, Source, Status
from appliance.model.postbacks import MACROS
from appliance.operations.context import Context
from appliance.operations.nouns import (
    UNSET,
    Change,
    Id,
    Listing,
    Request,
    UnsetType,
    offer,
    shown,
    values_of,
)
from appliance.operations.period import refuse
from appliance.operations.registry import operation
from appliance.partners import postback, presets
from appliance.partners.sample import sample
from appliance.routing.reported import LARGEST_SCALE, LONGEST_DEADLINE

Share = Annotated[int, Meta(ge=1, le=100)]
Scale = Annotated[int, Meta(ge=0, le=LARGEST_SCALE)]
Hours = Annotated[int, Meta(ge=1, le=LONGEST_DEADLINE)]


class List(Listing, frozen=True, kw_only=True):
    status: Status | UnsetType = UNSET
    source_id: Id | UnsetType | None = UNSET


class Create(Request, frozen=True, kw_only=True):
    """`url` with macros after the host, such as {source_click_id} and {payout}; targets.macros names them.

    Conditions left empty hold for all. `on`: created tells a conversion once, status at each change of its
    status too, payout at each change of its amount too. `share` per cent of the conversions are told, with
    `payout_scale` per cent of their payout. `body` is a JSON template for POST. `secret` (whsec_…) signs
    requests by Standard Webhooks. An attempt that fails is repeated for `deadline_hours`.
    """

    name: str
    url: str
    status: Status = "active"
    source_id: Id | None = None
    campaign_ids: tuple[Id, ...] = ()
    network_ids: tuple[Id, ...] = ()
    method: Literal["GET", "POST"] = "GET"
    body: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    statuses: tuple[str, ...] = ("lead", "sale")
    types: tuple[str, ...] = ()
    min_payout: str = ""
    max_payout: str = ""
    share: Share = 100
    payout_scale: Scale = 100
    on: Literal["created", "status", "payout"] = "created"
    secret: str = ""
    deadline_hours: Hours = 72


class ChangeTarget(Change, frozen=True, kw_only=True):
    name: str | UnsetType = UNSET
    url: str | UnsetType = UNSET
    status: Status | UnsetType = UNSET
    source_id: Id | UnsetType | None = UNSET
    campaign_ids: tuple[Id, ...] | UnsetType = UNSET
    network_ids: tuple[Id, ...] | UnsetType = UNSET
    method: Literal["GET", "POST"] | UnsetType = UNSET
    body: str | UnsetType = UNSET
    headers: dict[str, str] | UnsetType = UNSET
    statuses: tuple[str, ...] | UnsetType = UNSET
    types: tuple[str, ...] | UnsetType = UNSET
    min_payout: str | UnsetType = UNSET
    max_payout: str | UnsetType = UNSET
    share: Share | UnsetType = UNSET
    payout_scale: Scale | UnsetType = UNSET
    on: Literal["created", "status", "payout"] | UnsetType = UNSET
    secret: str | UnsetType = UNSET
    deadline_hours: Hours | UnsetType = UNSET


offer(
    "target",
    "targets",
    listing=List,
    create=Create,
    change=ChangeTarget,
    example={
        "name": "Push network",
        "url": "https://postback.example/?cid={source_click_id}&payout={payout}&s={status:sale=1,lead=0}",
        "statuses": ["sale"],
    },
    change_example={"status": "paused"},
)


class Everything(Request, frozen=True, kw_only=True):
    """No fields."""


class Macro(Struct, frozen=True, kw_only=True):
    name: str
    meaning: str


class Macros(Struct, frozen=True, kw_only=True):
    items: tuple[Macro, ...]


@operation("targets.macros", permission="targets.read")
async def macros(request: Everything, context: Context) -> Macros:
    """What a target's URL, body and headers may say of a conversion."""
    return Macros(items=tuple(Macro(name=name, meaning=meaning) for name, meaning in MACROS.items()))


class Preset(Struct, frozen=True, kw_only=True):
    """Where a traffic source hears of conversions. `blanks`: what your account with it has to tell."""

    name: str
    title: str
    url: str
    blanks: tuple[str, ...]
    note: str


class Presets(Struct, frozen=True, kw_only=True):
    items: tuple[Preset, ...]


@operation("targets.presets", permission="targets.read")
async def listed(request: Everything, context: Context) -> Presets:
    """The report-back addresses of traffic sources that Weir knows; a url "" is given out per account."""
    return Presets(
        items=tuple(
            Preset(name=it.name, title=it.title, url=it.url, blanks=it.blanks, note=it.note)
            for it in presets.ALL
        )
    )


class FromPreset(Request, frozen=True, kw_only=True):
    """`preset` by its name; "" is the one that the source was made from. `values`: its blanks.

    `source_id`: the source whose conversions are told. `name` "" takes the preset's title.
    """

    preset: str = ""
    values: dict[str, str] = field(default_factory=dict)
    source_id: Id | None = None
    name: str = ""


@operation(
    "targets.create_from_preset",
    permission="targets.write",
    changes=True,
    example={"preset": "propellerads", "values": {"account": "12345", "tracker": "678"}, "source_id": 1},
)
async def create_from_preset(request: FromPreset, context: Context) -> PostbackTarget:
    """A new target at the report-back address of a traffic source; it is the operator's own from then on."""
    wanted = request.preset
    if not wanted and request.source_id is not None:
        source = await context.catalog.get("source", request.source_id)
        assert isinstance(source, Source)
        wanted = source.preset
    found = presets.named(wanted)
    if found is None:
        known = ", ".join(each.name for each in presets.ALL)
        problem = FieldProblem("preset", f"there is no {wanted[:40]!r}; there are: {known}")
        raise Refused("this target cannot be made", [problem])
    problems = [FieldProblem("preset", found.note)] if not found.url else []
    problems += [
        FieldProblem(f"values.{blank}", "your account with the source tells it")
        for blank in found.blanks
        if not request.values.get(blank)
    ]
    if problems:
        raise Refused("this target cannot be made", problems)
    target = PostbackTarget(
        name=request.name or found.title, url=found.filled(request.values), source_id=request.source_id
    )
    made = await context.catalog.create("target", target, context.caller)
    assert isinstance(made, PostbackTarget)
    return shown(made)


class TestRequest(Request, frozen=True, kw_only=True):
    """The target `id`, or a draft: `values` are fields of a new target, or with `id` that one's in its place.

    `conversion` says other things by macro than the sample does, such as a click id of the source's own.
    `send` false shows the request and sends nothing.
    """

    id: Id | None = None
    values: dict[str, Any] = field(default_factory=dict)
    conversion: dict[str, Annotated[str, Meta(max_length=1_000)]] = field(default_factory=dict)
    send: bool = True


class TargetTrial(Struct, frozen=True, kw_only=True):
    """`request` as attempts show it, secrets masked. `status` 0: no answer, and `error` says why.

    `accepted`: the answer is an acknowledgement; `verdict` says why it is none. `told` are the values.
    """

    request: str
    sent: bool
    accepted: bool = False
    verdict: str = ""
    status: int = 0
    latency_us: int = 0
    answer: str = ""
    error: str = ""
    told: dict[str, str] = field(default_factory=dict)


@operation("targets.test", permission="targets.write", changes=True, example={"id": 1, "send": False})
async def test(request: TestRequest, context: Context) -> TargetTrial:
    """Tell a target, saved or not, of a sample conversion now; its request and its answer. Stores nothing."""
    if context.deliveries is None:
        raise Unavailable("nobody delivers anything here")
    target = await _drafted(request, context)
    now_us = time.time_ns() // 1_000
    unknown = [name for name in request.conversion if name not in MACROS]
    refuse([FieldProblem(f"conversion.{name}", "there is no such macro") for name in unknown], _UNTESTED)
    told = {**sample(now_us), **request.conversion}
    key = secrets.token_hex(16)
    if not request.send:
        try:
            made = postback.message(target, key, told, now_us)
        except ValueError as fault:  # half a character, which JSON can say and nobody can send
            raise Refused(f"the request cannot be made: {fault}") from fault
        return TargetTrial(request=postback.masked(made), sent=False, told=told)
    attempt, outcome = await context.deliveries.send(target, key, told)
    return TargetTrial(
        request=attempt.request,
        sent=bool(attempt.request),
        accepted=outcome.delivered,
        verdict=outcome.reason,
        status=attempt.status,
        latency_us=attempt.latency_us,
        answer=attempt.answer,
        error=attempt.error,
        told=told,
    )


_UNTESTED = "this target cannot be tested"


async def _drafted(request: TestRequest, context: Context) -> PostbackTarget:
    """The target as it is or would be. Raises Refused, Missing."""
    if request.id is None and not request.values:
        raise Refused(_UNTESTED, [FieldProblem("id", "or the values of a new one")])
    before: PostbackTarget | None = None
    if request.id is not None:
        found = await context.catalog.get("target", request.id)
        assert isinstance(found, PostbackTarget)
        before = found
        if not request.values:
            return before
    # A new one may be tried before it has a name.
    given = {"name": "test", **request.values} if before is None else request.values
    values: dict[str, Any] = values_of("target", given, request.id)
    refuse([*await context.catalog.faults("target", request.id, values)], _UNTESTED)
    return PostbackTarget(**values) if before is None else msgspec.structs.replace(before, **values)
