"""Copies of entities: names that are free, and what belongs to the copied."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from appliance.model.catalog import Campaign, Entity, Kind, Link, Network, Page, Stream
from appliance.routing.checks import LONGEST_NAME, LONGEST_SLUG
from appliance.routing.holdings import Holdings


def copy_of(
    kind: Kind, entity: Entity, values: Mapping[str, object], owner_id: int | None, holdings: Holdings
) -> Entity:
    """A new entity like this one, with `values`; a public id or token is left empty, to be made."""
    fresh: dict[str, object] = {"id": 0, "revision": 0, "archived": False, "owner_id": owner_id}
    if entity.name:
        fresh["name"] = entity.name[: LONGEST_NAME - 7] + " (copy)"
    match entity:
        case Campaign():
            fresh |= {"slug": _free_slug(kind, entity.slug, holdings), "public_id": ""}
        case Network() | Page():
            fresh["slug"] = _free_slug(kind, entity.slug, holdings)
        case Link():
            fresh["token"] = ""
    made: Entity = msgspec.structs.replace(entity, **{**fresh, **values})
    return made


def streams_of(campaign: Campaign, holdings: Holdings) -> list[Stream]:
    """A campaign's streams; of an archived one those that left together with it. In order of id."""
    found = [
        stream
        for stream in holdings.all("stream")
        if isinstance(stream, Stream)
        and stream.campaign_id == campaign.id
        and stream.archived == campaign.archived
        and (not campaign.archived or stream.revision == campaign.revision)
    ]
    return sorted(found, key=lambda stream: stream.id)


def _free_slug(kind: Kind, slug: str, holdings: Holdings) -> str:
    number = 1
    while True:
        tail = "-copy" if number == 1 else f"-copy-{number}"
        wanted = slug[: LONGEST_SLUG - len(tail)] + tail
        if holdings.owner(kind, "slug", wanted) is None:
            return wanted
        number += 1
