"""Which interpreted events somebody asks for. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from appliance.model.catalog import Subscription
from appliance.partners.interpreted import Interpreted


class Subscriptions:
    """All that are active, found by their campaign."""

    def __init__(self, subscriptions: Iterable[Subscription] = ()) -> None:
        """Archived ones, and paused ones, may be among them."""
        self._of: dict[str, list[tuple[str, str, str]]] = {}
        for it in subscriptions:
            if it.status == "active" and not it.archived:
                narrow = it.network.lower(), it.account, it.traffic_source.lower()
                self._of.setdefault(it.campaign_id, []).append(narrow)

    def wants(self, event: Interpreted) -> bool:
        for network, account, source in self._of.get(event.campaign_id, ()):
            if (
                (not network or network == event.network)
                and (not account or account == event.account_id)
                and (not source or source == event.traffic_source)
            ):
                return True
        return False

    def __len__(self) -> int:
        return sum(map(len, self._of.values()))
