"""How reporting to an ad platform's account is doing, for screens, metrics and alarms."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

AccountState = Literal["sending", "dry_run", "held", "paused", "throttled"]
"""dry_run: made and checked, not sent; held: an operator paused it, or, with a `reason`, something that it
needs is missing or cannot be opened; paused: the platform refuses the account,
and single events ask whether it does still; throttled: it waits until it may ask again."""


class PixelReport(Struct, frozen=True, kw_only=True):
    """One target of an account: how many events wait, were accepted, refused, or were not sent in a dry run.

    They are those that are kept (retention.deliveries_days), whenever they were made.
    """

    target: str
    pixel_id: int
    code: str
    queued: int = 0
    accepted: int = 0
    refused: int = 0
    not_sent: int = 0
    warning: str = ""
    """What there is to know of its events while it has a test code: whether the platform counts them."""
    next_deadline_us: int = 0
    at_risk: dict[str, int] = {}
    paused_us: int = 0
    """Since when the platform refuses this pixel, and not its account; 0 while it does not."""
    probe_us: int = 0
    reason: str = ""
    """Why it does."""


class AccountReport(Struct, frozen=True, kw_only=True):
    """One account now. Times are unix microseconds, 0 for never; `since the start`: of this life of the core.

    `refused_by` are labels with how many kept events died of each, the commonest 50. `at_risk` is the value
    of everything queued by currency, in micro-units: what is lost when nobody acts. `next_deadline_us` is
    the first moment at which some of it is.
    """

    account_id: int
    name: str
    platform: str
    target: str
    """`account:{account_id}`, as in the standings."""
    state: AccountState
    experimental: bool = False
    dry_run: bool = True
    queued: int = 0
    oldest_us: int = 0
    """Of what waits for no paused pixel."""
    next_deadline_us: int = 0
    accepted: int = 0
    refused: int = 0
    not_sent: int = 0
    refused_by: dict[str, int] = {}
    at_risk: dict[str, int] = {}
    in_flight: int = 0
    """Requests under way."""
    answers: dict[str, int] = {}
    """Outcomes of requests since the start: accepted, refused, retry, throttle, pause."""
    events: dict[str, int] = {}
    """Since the start: accepted, refused, cancelled (dry run)."""
    labels: dict[str, int] = {}
    """Why those that were refused since the start were."""
    unreconciled: int = 0
    """Events since the start of which the platform said that it received fewer than were sent."""
    measured: int = 0
    """Events sent since the start, in which identifiers were counted."""
    identifiers: dict[str, int] = {}
    """Names of identifiers (`em`, `fbc`, `client_ip_address`) → in how many of those events."""
    match_quality: float | None = None
    """An estimate from 0 to 10 by the identifiers sent; None before anything was."""
    busy: float = 0.0
    """Per cent of the platform's allowance that its last answer said is used."""
    busy_at_us: int = 0
    not_before_us: int = 0
    """When throttled: until then."""
    paused_us: int = 0
    probe_us: int = 0
    failures: int = 0
    reason: str = ""
    """Why it is paused or waits (where all its pixels are paused, the first one's), or what it needs before
    it can report; never a secret. "" of one that an operator paused."""
    pixels: tuple[PixelReport, ...] = ()
