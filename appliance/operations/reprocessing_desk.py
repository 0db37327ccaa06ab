"""What understands stored postbacks anew, as operations see it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from appliance.attribution.claim import Statement, Unusable
from appliance.attribution.reprocess import Reprocessed
from appliance.model.catalog import Network, Template
from appliance.model.conversions import ClickFacts, Conversion
from appliance.model.events import PostbackLogEvent
from appliance.reporting.inbox import Wanted
from appliance.reporting.sql import Query

Ask = Callable[[Query], Awaitable[list[dict[str, Any]]]]
"""Rows of the warehouse, under the name of whoever asks."""


@dataclass(frozen=True)
class Drafts:
    """Networks and templates as they might be, in the place of those of the same id."""

    networks: Mapping[int, Network]
    templates: Mapping[int, Template]


NO_DRAFTS = Drafts({}, {})


class Prepared(Protocol):
    """What would be stored."""

    @property
    def postbacks(self) -> int:
        """How many were understood anew."""

    @property
    def found(self) -> Reprocessed: ...

    @property
    def fingerprint(self) -> str: ...


@dataclass(frozen=True)
class Tried:
    """What one postback says by some rules, and what would become of it: `before` is the conversion that is
    there, `after` what it would be."""

    meaning: Statement | Unusable
    click: ClickFacts | None
    outcome: str
    reason: str
    before: Conversion | None
    after: Conversion | None


class InboxDesk(Protocol):
    """Every method that waits raises Unavailable."""

    async def prepare(self, which: Wanted, ask: Ask, drafts: Drafts, *, report: bool) -> Prepared:
        """Raises Refused for too many postbacks."""

    async def apply(self, prepared: Prepared) -> None:
        """Store it, all or nothing. Raises Conflict when something that it depends on has changed."""

    async def conversions(self, ids: Sequence[str]) -> Mapping[str, Conversion]:
        """Those that the ledger has."""

    async def test(self, event: PostbackLogEvent, drafts: Drafts) -> Tried:
        """As if it arrived now; nothing is stored."""
