"""Fixtures that every folder of tests may ask for."""

from __future__ import annotations

from tests.engine import engines, one_database, warehouse

__all__ = ["engines", "one_database", "warehouse"]
