"""Which interpreted events somebody asks for. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from appliance.model.catalog import Subscription
from appliance.partners.interpreted import Interpreted


class Subscriptions:
    """All that are active, found by their campaign."""

    def __init__(self, subscriptions: Iterable[Subscription] = ()) -> None:
        """Archived ones, and paused ones, may be among them."""
        self._of: dict[str, list[Subscription]] = {}
        for it in subscriptions:
            if it.status == "active" and not it.archived:
                self._of.setdefault(it.campaign_id, []).append(it)

    def wants(self, event: Interpreted) -> bool:
        return any(_fits(it, event) for it in self._of.get(event.campaign_id, ()))

    def __len__(self) -> int:
        return sum(map(len, self._of.values()))


def _fits(it: Subscription, event: Interpreted) -> bool:
    return (
        it.network.lower() in ("", event.network)
        and it.account in ("", event.account_id)
        and it.traffic_source.lower() in ("", event.traffic_source)
    )
