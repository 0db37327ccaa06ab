"""Changes that are tried and not stored."""

from __future__ import annotations

from typing import Any, Literal

from msgspec import Struct

from appliance.model.catalog import Kind


class DraftChange(Struct, frozen=True, kw_only=True):
    """One step of a draft, the fields in `values`. A creation with number 0 gets the next free one."""

    kind: Kind
    number: int
    deed: Literal["create", "change", "archive"]
    values: dict[str, Any] = {}
