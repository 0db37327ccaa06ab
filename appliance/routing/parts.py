"""Catalog → parts of the routing table, each named by content, so that a change recompiles its part only."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import NamedTuple

import msgspec

from appliance.errors import FieldProblem
from appliance.model.catalog import (
    AdAccount,
    Campaign,
    Destination,
    Entity,
    Kind,
    Link,
    NamedList,
    Network,
    Page,
    Source,
    Stream,
    Template,
)
from appliance.model.places import param_of
from appliance.model.postbacks import BUYER_FIELDS
from appliance.model.table import (
    CampaignEntry,
    DestinationEntry,
    Entry,
    IntakeEntry,
    LinkEntry,
    ListEntry,
    NetworkEntry,
    PageEntry,
    Part,
    SettingsEntry,
    SourceEntry,
    StreamEntry,
)
from appliance.routing.checks import faults
from appliance.routing.holdings import Holdings

Names = Callable[[Template | None, str], tuple[str, ...]]
"""attribution.template.names: the parameter names that carry a field of a postback."""

_encode = msgspec.msgpack.Encoder().encode


class LeftOut(NamedTuple):
    """An entity kept out of the table because an edge could not use it."""

    kind: Kind
    id: int
    problems: tuple[FieldProblem, ...]


def digest(frames: tuple[bytes, ...]) -> str:
    """BLAKE2b-128 over the frames, each after its length: no two lists of frames run into each other."""
    summed = hashlib.blake2b(digest_size=16)
    for frame in frames:
        summed.update(len(frame).to_bytes(8, "big"))
        summed.update(frame)
    return summed.hexdigest()


def make_part(name: str, frames: tuple[bytes, ...]) -> Part:
    return Part(name=name, digest=digest(frames), frames=frames)


def settings_part(settings: SettingsEntry) -> Part:
    return make_part("settings", (_encode(settings),))


def compile_part(name: str, holdings: Holdings, names: Names) -> tuple[Part | None, list[LeftOut]]:
    """The part `name` as the catalog stands, None when nothing is in it any more.

    What `faults` finds broken stays out, whoever stored it: an older Weir, or a hand in the database.
    """
    frames: list[bytes] = []
    left_out: list[LeftOut] = []
    has_campaign = not name.startswith("campaign/")
    for kind, entity in holdings.members(name):
        if found := faults(entity):
            left_out.append(LeftOut(kind, entity.id, tuple(found)))
            continue
        entry = _entry(entity, holdings, names)
        if entry is not None:
            has_campaign = has_campaign or isinstance(entity, Campaign)
            frames.append(_encode(entry))
    if not frames or not has_campaign:
        return None, left_out
    return make_part(name, tuple(frames)), left_out


def _entry(entity: Entity, holdings: Holdings, names: Names) -> Entry | None:
    match entity:
        case AdAccount(status="active", intake_hash=str(hash_)) if hash_:
            return IntakeEntry(entity.id, bytes.fromhex(hash_))
        case Campaign():
            digest_ = hashlib.sha256(entity.secret.encode()).hexdigest() if entity.secret else ""
            return CampaignEntry(msgspec.structs.replace(entity, secret=digest_))
        case Stream():
            return StreamEntry(entity)
        case Destination():
            return DestinationEntry(entity)
        case Source():
            return SourceEntry(entity)
        case Link():
            return LinkEntry(entity)
        case Page():
            return PageEntry(entity)
        case NamedList():
            return ListEntry(entity.id, entity.of, entity.digest)
        case Network():
            template = holdings.active("template", entity.template_id or 0)
            return _network(entity, template if isinstance(template, Template) else None, names)
    return None


def _network(network: Network, template: Template | None, names: Names) -> NetworkEntry:
    secrets = [each.encode() for each in (network.secret, *network.secrets) if each]
    return NetworkEntry(
        id=network.id,
        slug=network.slug,
        active=network.status == "active",
        secrets=tuple(hashlib.sha256(each).digest() for each in secrets),
        click_id_params=names(template, "click_id"),
        secret_params=_secret_params(template, names),
        transaction_params=names(template, "transaction_id"),
        signature=network.signature,
        keys=tuple(secrets) if network.signature else (),
        allow=network.allow,
        reply=network.reply,
        buyer=_buyer(template, names),
        layout=network.layout,
    )


def _buyer(template: Template | None, names: Names) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Usual names count only where the template gives them no other meaning."""
    own = template.mapping if template is not None else {}
    taken = {param_of(place) for places in own.values() for place in places}
    found = (
        (field, tuple(each for each in names(template, field) if field in own or each not in taken))
        for field in BUYER_FIELDS
    )
    return tuple((field, places) for field, places in found if places)


def _secret_params(template: Template | None, names: Names) -> tuple[str, ...]:
    """The default names (token, key) are secret only where the template gives them no other meaning."""
    found = names(template, "secret")
    if template is None or "secret" in template.mapping:
        return found
    taken = {param_of(place) for own in template.mapping.values() for place in own}
    return tuple(name for name in found if name not in taken)
