"""A correction of cost, as it was ordered; what reports add up are its parts (events.CostAdjustment)."""

from __future__ import annotations

from msgspec import Struct


class CostOrder(Struct, frozen=True, kw_only=True):
    """`amount` micro-units more (or less) for a campaign's clicks in from_us..to_us (exclusive).

    `parts` is among how many groups of clicks it was divided, `clicks` how many clicks those were.
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

    def same(self, other: CostOrder) -> bool:
        """Whether `other` asks for the same correction, whoever sent it and whenever."""
        return all(
            getattr(self, name) == getattr(other, name)
            for name in ("id", "campaign_id", "from_us", "to_us", "amount", "currency", "note")
        )
