"""From a request to a visit that can be decided: what every door does before decide(), written once.

The public port reads a request's headers, the router enters a campaign or lets a visitor out of a landing
page; simulate does the same with what it is told, and explain with what was recorded.
"""

from __future__ import annotations

from appliance.model.catalog import Link
from appliance.routing.decision import Decision
from appliance.routing.landings import Carried
from appliance.routing.platform_clicks import click_ids
from appliance.routing.table import CompiledCampaign, RoutingTable
from appliance.routing.visit import Leaving, Visit, is_declared_bot

LONGEST_AGENT = 1_024
LONGEST_REFERRER = 2_048
LONGEST_LANGUAGE = 255
LONGEST_HOST = 255
_PREFETCH = (b"sec-purpose", b"purpose", b"x-purpose", b"x-moz")
"""Browsers and mail programs that fetch before anybody clicked say so in one of these."""


def read_headers(visit: Visit, headers: dict[bytes, bytes], address: str, head: bool) -> None:
    """What a request says of its visitor: its headers (names in lower case), and where it came from.

    `head`: it was a HEAD. Bytes that are no UTF-8 become U+FFFD.
    """
    visit.headers = headers
    visit.address = address
    if head:
        visit.flags = ("head",)
    if b"referer" in headers:
        visit.referrer = headers[b"referer"][:LONGEST_REFERRER].decode("utf-8", "replace")
    if b"accept-language" in headers:
        visit.language = headers[b"accept-language"][:LONGEST_LANGUAGE].decode("utf-8", "replace")
    if b"host" in headers:
        visit.host = headers[b"host"][:LONGEST_HOST].decode("utf-8", "replace")
    if not headers.keys().isdisjoint(_PREFETCH) and any(
        b"pre" in headers.get(name, b"").lower() for name in _PREFETCH
    ):
        visit.flags = (*visit.flags, "prefetch")
    if b"user-agent" in headers:
        visit.user_agent = agent = headers[b"user-agent"][:LONGEST_AGENT].decode("utf-8", "replace")
        if is_declared_bot(agent):
            visit.flags = (*visit.flags, "bot")


def enter(visit: Visit, campaign: CompiledCampaign, link: Link | None) -> None:
    """The visitor comes to a campaign by its link: whose traffic he is, what his parameters mean there."""
    visit.source_id = campaign.source_id
    if link is not None:
        visit.link_id = link.id
        visit.params.update(link.params)
        visit.read_tracking(link.params, campaign.reading)
    else:
        visit.read_tracking(reading=campaign.reading)
    visit.click_ids = click_ids(visit)


def go_on(visit: Visit, campaign: CompiledCampaign, carried: Carried, number: int) -> None:
    """The visitor leaves a landing page of the campaign by its exit `number`, with what he carries."""
    enter(visit, campaign, None)
    visit.carry(carried.link_id, carried.source_click_id, carried.currency, carried.subs, carried.utm)
    visit.click_ids = {**carried.click_ids, **visit.click_ids}
    visit.parent_id = carried.click_id
    visit.leaving = Leaving(carried.stream_id, carried.landing_id, number)


def pass_on(visit: Visit, campaign: CompiledCampaign, onward: CompiledCampaign) -> None:
    """A campaign hands the visitor on to another one."""
    visit.pass_on(onward.source_id, (campaign.id, campaign.ids.campaign_name))


def currency_of(visit: Visit, campaign: CompiledCampaign, table: RoutingTable) -> str:
    """What the cost of a click is counted in."""
    return visit.currency or campaign.currency or table.settings.currency


def landing_of(visit: Visit, decision: Decision) -> int:
    """The landing page that a click came out of, else the one that it leads to."""
    return decision.landing_id if visit.leaving is None else visit.leaving.landing_id
