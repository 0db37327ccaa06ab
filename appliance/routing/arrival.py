"""From a request to a visit that can be decided: the steps before decide()."""

from __future__ import annotations

from appliance.model.catalog import Link
from appliance.routing.table import CompiledCampaign
from appliance.routing.visit import Visit, is_declared_bot, read_query

LONGEST_AGENT = 1_024
LONGEST_REFERRER = 2_048
LONGEST_LANGUAGE = 255
LONGEST_HOST = 255
_PREFETCH = (b"sec-purpose", b"purpose", b"x-purpose", b"x-moz")


def read_visit(
    door: str, key: str, query: str, headers: dict[bytes, bytes], address: str, method: str
) -> Visit:
    """The visit of a request, its headers by names in lower case, as the public port reads it."""
    visit = Visit(door, key, query, read_query(query))
    visit.headers = headers
    visit.user_agent = _text(headers, b"user-agent", LONGEST_AGENT)
    visit.referrer = _text(headers, b"referer", LONGEST_REFERRER)
    visit.language = _text(headers, b"accept-language", LONGEST_LANGUAGE)
    visit.host = _text(headers, b"host", LONGEST_HOST)
    visit.address = address
    if method == "HEAD":
        visit.flags = ("head",)
    if any(b"pre" in headers.get(name, b"").lower() for name in _PREFETCH):
        visit.flags = (*visit.flags, "prefetch")
    if visit.user_agent and is_declared_bot(visit.user_agent):
        visit.flags = (*visit.flags, "bot")
    return visit


def enter(visit: Visit, campaign: CompiledCampaign, link: Link | None) -> None:
    """The visitor comes to a campaign by its link: whose traffic he is, what his parameters mean there."""
    visit.source_id = campaign.source_id
    if link is not None:
        visit.link_id = link.id
        visit.params.update(link.params)
        visit.read_tracking(link.params, campaign.reading)
    else:
        visit.read_tracking(reading=campaign.reading)


def _text(headers: dict[bytes, bytes], name: bytes, limit: int) -> str:
    value = headers.get(name)
    return value[:limit].decode("utf-8", "replace") if value else ""
