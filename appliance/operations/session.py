"""Signing in and out: codes by mail, the first claim, sessions."""

from __future__ import annotations

from msgspec import Struct

from appliance.model.catalog import Role, UserStatus


class Me(Struct, frozen=True, kw_only=True):
    """Who somebody is. `permissions` null: every one; `campaigns` null: every campaign, else the numbers of
    those that he owns or was granted. With the status pending_approval he may do nothing yet."""

    id: int
    email: str
    name: str
    role: Role
    status: UserStatus
    sees_money: bool
    permissions: tuple[str, ...] | None
    campaigns: tuple[int, ...] | None


class SignedIn(Struct, frozen=True, kw_only=True):
    """A session: `token` is for `Authorization: Bearer`; a browser also gets it as the cookie weir_session.

    `expires_at` is an ISO time; session.renew gives a later one.
    """

    token: str
    expires_at: str
    user: Me


class SignedOut(Struct, frozen=True, kw_only=True):
    """How many sessions ended."""

    sessions: int
