"""What the doctor found: faults of postbacks, networks and campaigns, each with its remedy."""

from __future__ import annotations

from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from appliance.attribution.ailments import AILMENTS, fault_of, fix_of
from appliance.errors import Missing, Unavailable
from appliance.model.doctor import Finding
from appliance.operations.context import Context, DoctorDesk
from appliance.operations.nouns import Id, Request
from appliance.operations.registry import operation

Word = Annotated[str, Meta(max_length=100)]


class FindingsRequest(Request, frozen=True, kw_only=True):
    """`muted`: those that nobody wants to hear of, instead of the others."""

    network_id: Id | UnsetType = UNSET
    campaign_id: Id | UnsetType = UNSET
    code: Word | UnsetType = UNSET
    muted: bool = False
    limit: Annotated[int, Meta(ge=1, le=1000)] = 100
    offset: Annotated[int, Meta(ge=0, le=2**40)] = 0


class ShownFinding(Struct, frozen=True, kw_only=True):
    """`count` times from `first_us` to `last_us`. `about` is a field, a word or the like, `example` the last
    one seen, masked. A `grave` one costs money while nobody looks."""

    id: str
    code: str
    network_id: int
    campaign_id: int
    source_id: int
    destination_id: int
    first_us: int
    last_us: int
    count: int
    about: str
    example: str
    fault: str
    fix: str
    grave: bool
    muted: bool


class Findings(Struct, frozen=True, kw_only=True):
    items: tuple[ShownFinding, ...]
    limit: int
    offset: int
    total: int


class DismissRequest(Request, frozen=True, kw_only=True):
    """`mute`: for good. Without it a finding comes back when it is seen again, a muted one too."""

    id: Word
    mute: bool = False


class Dismissed(Struct, frozen=True, kw_only=True):
    id: str


@operation("doctor.list", permission="doctor.read", example={"limit": 10})
async def listed(request: FindingsRequest, context: Context) -> Findings:
    """Faults of postbacks, networks and campaigns, the newest first: what is wrong, and how it is mended.

    Those of a network, which belong to no campaign, are for who sees every campaign.
    """
    found = [
        it
        for it in _desk(context).findings()
        if _reached(it, context)
        and it.muted == request.muted
        and it.code in AILMENTS
        and (request.network_id is UNSET or it.network_id == request.network_id)
        and (request.campaign_id is UNSET or it.campaign_id == request.campaign_id)
        and (request.code is UNSET or it.code == request.code)
    ]
    page = found[request.offset : request.offset + request.limit]
    return Findings(
        items=tuple(map(_shown, page)), limit=request.limit, offset=request.offset, total=len(found)
    )


@operation("doctor.dismiss", permission="doctor.write", changes=True, example={"id": "0" * 32})
async def dismiss(request: DismissRequest, context: Context) -> Dismissed:
    """Put a finding away: it is mended, or nothing to mend. It comes back when it is seen again."""
    desk = _desk(context)
    if not any(it.id == request.id and _reached(it, context) for it in desk.findings()):
        raise Missing("there is no such finding (any more)")
    await desk.dismiss(request.id, request.mute)
    return Dismissed(id=request.id)


def _reached(finding: Finding, context: Context) -> bool:
    return context.caller.reaches(finding.campaign_id)


def _shown(it: Finding) -> ShownFinding:
    return ShownFinding(
        id=it.id,
        code=it.code,
        network_id=it.network_id,
        campaign_id=it.campaign_id,
        source_id=it.source_id,
        destination_id=it.destination_id,
        first_us=it.first_us,
        last_us=it.last_us,
        count=it.count,
        about=it.about,
        example=it.example,
        fault=fault_of(it),
        fix=fix_of(it),
        grave=AILMENTS[it.code].grave,
        muted=it.muted,
    )


def _desk(context: Context) -> DoctorDesk:
    if context.doctor is None:
        raise Unavailable("there is no doctor here")
    return context.doctor
