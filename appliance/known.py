"""The catalog's entities by number, as the core's other actors and their threads ask for them.

Looking one up is one step and never waits; archived ones are found too, 0 is nobody.
"""

from __future__ import annotations

import logging
from typing import TypeVar

from appliance.actors.catalog import CatalogActor
from appliance.attribution.charge import terms_of
from appliance.config import Routing
from appliance.model.catalog import (
    AdAccount,
    Campaign,
    Entity,
    Kind,
    Network,
    Pixel,
    PostbackTarget,
    Source,
    Template,
)
from appliance.model.conversions import Terms
from appliance.model.table import SettingsEntry
from appliance.routing.macros import check_url

log = logging.getLogger("weir.core")
E = TypeVar("E", bound=Entity)


class Known:
    """`currency` counts where neither a campaign nor a source has one."""

    def __init__(self, catalog: CatalogActor, currency: str) -> None:
        self._catalog = catalog
        self._currency = currency

    def network(self, number: int) -> Network | None:
        return self._entity("network", Network, number)

    def template(self, number: int) -> Template | None:
        return self._entity("template", Template, number)

    def source(self, number: int) -> Source | None:
        return self._entity("source", Source, number)

    def target(self, number: int) -> PostbackTarget | None:
        return self._entity("target", PostbackTarget, number)

    def ad_account(self, number: int) -> AdAccount | None:
        return self._entity("ad_account", AdAccount, number)

    def pixel(self, number: int) -> Pixel | None:
        return self._entity("pixel", Pixel, number)

    def unit(self, campaign_id: int) -> str:
        """The currency in which a campaign's conversions count."""
        campaign = self._entity("campaign", Campaign, campaign_id)
        return (campaign.currency if campaign is not None else "") or self._currency

    def terms(self, source_id: int) -> Terms | None:
        """What a source asks for conversions now."""
        return terms_of(self.source(source_id), self._currency)

    def _entity(self, kind: Kind, type_: type[E], number: int) -> E | None:
        found = self._catalog.lookup(kind, number) if number else None
        return found if isinstance(found, type_) else None


def routing_settings(section: Routing, seal: bytes) -> SettingsEntry:
    """The configuration's part of the routing table. A URL that an edge could not use stays out."""
    url = section.trafficback_url
    problems = check_url(url, "routing.trafficback_url") if url else []
    if problems:
        log.error("routing.trafficback_url is not used", extra={"why": problems[0].message})
        url = ""
    return SettingsEntry(
        trafficback_url=url,
        no_route_status=section.no_route_status,
        no_route_text=section.no_route_text,
        count_bots=section.count_bots,
        currency=section.currency,
        max_trafficback_depth=section.max_trafficback_depth,
        seal=seal,
    )
