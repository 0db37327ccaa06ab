"""Signing in, as it is stored: sessions, and codes that were sent."""

from __future__ import annotations

from msgspec import Struct


class Session(Struct, frozen=True, kw_only=True):
    """Somebody signed in. `expires_us` is when the newest token of it ends; renewal moves it."""

    id: str
    user_id: int
    started_us: int
    expires_us: int
    address: str = ""


class Code(Struct, frozen=True, kw_only=True):
    """A code that was made for a mail address; `digest` is keyed (access/codes.py), the code itself is gone.

    `attempts` counts wrong guesses; `spent` is set once it cannot be used any more.
    """

    email: str
    issued_us: int
    expires_us: int
    digest: str
    attempts: int = 0
    spent: bool = False
