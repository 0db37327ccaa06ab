"""Fixtures that every folder of tests may ask for."""

from __future__ import annotations

from hypothesis import settings

from tests.engine import engines, warehouse

# A timing is no assertion: on a busy machine 0.3 ms become 290.
settings.register_profile("weir", deadline=None)
settings.load_profile("weir")

__all__ = ["engines", "warehouse"]
