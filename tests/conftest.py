"""Fixtures that every folder of tests may ask for."""

from __future__ import annotations

from tests.engine import engines, warehouse

__all__ = ["engines", "warehouse"]
