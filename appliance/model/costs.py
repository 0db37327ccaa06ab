"""A correction of cost, as it was ordered; what reports add up are its parts (events.CostAdjustment)."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Literal

from msgspec import Struct

CostKind = Literal["add", "total", "per_click"]


class CostOrder(Struct, frozen=True, kw_only=True):
    """A correction of what clicks in from_us..to_us (exclusive) cost, those of a campaign or, where
    `campaign_id` is 0, of `campaigns`, and of these only what `filters` (as reports take them) let through.

    `amount` micro-units are added (or taken away), or are what they cost in all, or each, in place of what
    was known. `added` is by how much that changed what they cost in `currency`. `parts` is among how many
    groups of clicks it was divided, `clicks` how many clicks those were.
    """

    id: str
    campaign_id: int
    from_us: int
    to_us: int
    amount: int
    currency: str
    note: str
    author: str
    known_us: int
    parts: int = 0
    clicks: int = 0
    kind: CostKind = "add"
    filters: dict[str, Any] = {}
    campaigns: tuple[int, ...] = ()
    added: int | None = None

    def same(self, other: CostOrder) -> bool:
        """Whether `other` asks for the same correction, whoever sent it and whenever."""
        return all(
            getattr(self, name) == getattr(other, name)
            for name in (
                "id", "campaign_id", "from_us", "to_us", "amount", "currency", "note", "kind", "filters",
            )
        )  # fmt: skip

    def within(self, campaigns: Collection[int]) -> bool:
        """Whether it is about these campaigns alone."""
        return {self.campaign_id, *self.campaigns} - {0} <= set(campaigns)
