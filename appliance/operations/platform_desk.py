"""Reporting to ad platforms, as operators ask for it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple, Protocol

from appliance.access.vault import Vault
from appliance.model.conversions import Conversion
from appliance.model.platforms import AccountReport
from appliance.partners.announcing import Announcements
from appliance.partners.platform import Verdict
from appliance.partners.report import Identity
from appliance.partners.ways import Way


class Tried(NamedTuple):
    """A request that was sent to try an account; no secret in it. `status` 0: no answer came."""

    request: str
    status: int
    latency_us: int
    answer: str
    verdict: Verdict


class PlatformDesk(Protocol):
    """Accounts at ad platforms."""

    @property
    def vault(self) -> Vault: ...

    @property
    def announcements(self) -> Announcements: ...

    def report(self) -> Sequence[AccountReport]:
        """How each account is doing, as of the last look; never waits."""

    async def resume(self, account_ids: Collection[int]) -> None:
        """Ask these accounts' platforms again at once. Raises Unavailable."""

    async def try_out(self, way: Way, events: Sequence[bytes]) -> Tried:
        """Send a request of these events, none of which happened, and see what the platform says. Raises
        nothing of the network's."""

    async def conversion(self, id: str) -> Conversion | None:
        """As the ledger knows it now. Raises Unavailable."""

    async def visitor(self, click_id: str, sealed: bytes) -> Identity:
        """Who it was, as far as that is known: who clicked, and what came sealed. Raises Unavailable."""
