"""Who among the pixels is told of what: revisions of conversions and interpreted events become deliveries."""

from __future__ import annotations

from collections.abc import Iterable

from appliance.model.catalog import AdAccount, Network, Pixel
from appliance.model.conversions import Conversion
from appliance.model.deliveries import Delivery
from appliance.partners.interpreted import Difference, Interpreted


class Announcements:
    """Which pixels are told of what now. `configure` and the others may be called from different threads."""

    def __init__(self) -> None:
        self._codes: dict[str, frozenset[str]] = {}

    def configure(
        self, accounts: Iterable[AdAccount], pixels: Iterable[Pixel], networks: Iterable[Network] = ()
    ) -> list[str]:
        """Archived ones may be among them. The targets (`pixel:3`) that are asked in another way than until
        now, or are active again."""
        return []

    def codes(self, traffic_source: str) -> frozenset[str]:
        """Codes of the active pixels at the platform of an interpreted event's traffic source (`facebook`):
        `pixels` of interpreted.fault. Of every platform for one that is not known."""
        return frozenset()

    def post(self, before: Conversion | None, after: Conversion, now_us: int) -> list[Delivery]:
        """Post of attribution/settle.py: what is to be told of a revision of a conversion."""
        return []

    def interpreted(
        self, event: Interpreted, difference: Difference, now_us: int, sealed: bytes = b""
    ) -> list[Delivery]:
        """What is to be told of an interpreted event that `fault` found nothing in. `sealed` is its visitor,
        an Identity sealed by ports.Identities."""
        return []
