"""A destination's health, as its probe found it."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

State = Literal["unknown", "healthy", "unhealthy"]


class Seen(Struct, frozen=True, kw_only=True):
    """What one probe brought: the HTTP `status` (0 when none came), `error` "" when all was well."""

    at_us: int
    status: int = 0
    latency_us: int = 0
    error: str = ""


class Health(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A destination's health now; `since_us`: when it became so. `failures`, `successes`: in a row."""

    destination_id: int
    state: State = "unknown"
    since_us: int = 0
    failures: int = 0
    successes: int = 0
    last: Seen | None = None
