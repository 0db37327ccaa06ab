"""Who uses an entity: by its number, or by an address of this appliance that it answers at."""

from __future__ import annotations

from collections.abc import Iterable

from appliance.model.catalog import Campaign, Destination, Entity, Kind, Link, Page, Stream
from appliance.routing.holdings import Holdings


def users_of(kind: Kind, entity: Entity, holdings: Holdings) -> list[tuple[Kind, Entity]]:
    """Everything not archived that would miss `entity`, in order of kind and id, itself left out."""
    found = dict(_keyed(holdings.users(kind, entity.id)))
    if addresses := _addresses(entity):
        found.update(_keyed(_leading_to(addresses, holdings)))
    found.pop((kind, entity.id), None)
    return [(user[0], used) for user, used in sorted(found.items(), key=lambda item: item[0])]


def _keyed(users: Iterable[tuple[Kind, Entity]]) -> Iterable[tuple[tuple[Kind, int], Entity]]:
    return (((kind, user.id), user) for kind, user in users)


def _addresses(entity: Entity) -> tuple[str, ...]:
    match entity:
        case Campaign():
            return (f"/c/{entity.slug}", f"/go/{entity.public_id}", f"/tb/{entity.slug}")
        case Link():
            return (f"/r/{entity.token}",)
        case Page():
            return (f"/p/{entity.slug}",)
    return ()


def _leading_to(addresses: tuple[str, ...], holdings: Holdings) -> Iterable[tuple[Kind, Entity]]:
    """Destinations and trafficbacks whose URL is one of these paths of this appliance."""
    for destination in holdings.all("destination"):
        assert isinstance(destination, Destination)
        if not destination.archived and _path(destination.url) in addresses:
            yield "destination", destination
    for campaign in holdings.all("campaign"):
        assert isinstance(campaign, Campaign)
        if not campaign.archived and _path(campaign.trafficback_url) in addresses:
            yield "campaign", campaign
    for stream in holdings.all("stream"):
        assert isinstance(stream, Stream)
        if not stream.archived and _path(stream.trafficback_url) in addresses:
            yield "stream", stream


def _path(url: str) -> str:
    if not url.startswith("/"):
        return ""
    return url.partition("?")[0].partition("#")[0].rstrip("/")
