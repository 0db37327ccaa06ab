"""What there is to tell an ad platform of one event, in nobody's words: each platform's file has its own."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

Consent = Literal["granted", "limited", "denied"]
"""granted: all of it may be used; limited: for counting, not for advertising (LDU, opt_out); denied: not
sent at all."""


class Identity(Struct, frozen=True, omit_defaults=True, gc=False):
    """Who the visitor was. It is kept sealed (access/vault.py) and destroyed after its window; every field
    may be missing. Contact data are as they were given, or SHA-256 already; `seen` are cookies of platforms
    that a page really observed, by name (`_fbp`, `_fbc`, `_ttp`, `_scid`, `_epik`)."""

    address: str = ""
    user_agent: str = ""
    seen: dict[str, str] = {}
    emails: tuple[str, ...] = ()
    phones: tuple[str, ...] = ()
    first_name: str = ""
    last_name: str = ""
    gender: str = ""
    birth_date: str = ""
    city: str = ""
    region: str = ""
    postal_code: str = ""
    country: str = ""
    external_id: str = ""


class Report(Struct, frozen=True, omit_defaults=True, gc=False):
    """One event for one pixel. Times are unix microseconds, `value` micro-units of `currency`.

    `event_id` is the same in every replay: with it a platform drops what it is told twice. `click_ids` are
    the platforms' own ids of the click, by the parameter that brought them (`fbclid`, `ttclid`, `gclid`);
    `custom` are parameters of the mapping table, filled already. A stored report has no `identity`: who it
    was is found by `click_id` (Weir's own id of the click) and in `sealed` (what came with the event itself,
    an Identity sealed by stores/identity_keys.py), and filled in just before it is sent.
    """

    event_name: str
    event_id: str
    at_us: int
    click_at_us: int
    click_ids: dict[str, str] = {}
    value: int | None = None
    currency: str = ""
    order_id: str = ""
    page_url: str = ""
    referrer: str = ""
    consent: Consent = "granted"
    custom: dict[str, str] = {}
    identity: Identity = Identity()
    click_id: str = ""
    sealed: bytes = b""
    country: str = ""
    """Where the click came from (ISO), for a visitor of whom nobody says it."""
