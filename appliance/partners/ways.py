"""Where a target's events go: its pixel, that pixel's account, and the platform's file."""

from __future__ import annotations

from typing import NamedTuple

from appliance.partners.platform import Pixel, Platform

PIXEL = "pixel"
ACCOUNT = "account"


class Way(NamedTuple):
    """Where a target's events go now. `account` names its queue; `dry_run`: they are made and checked, and
    not sent; `held`: they wait; `gone`: nobody will want them again."""

    account: str
    platform: Platform
    pixel: Pixel
    per_minute: int = 600
    dry_run: bool = True
    held: bool = False
    gone: bool = False
    name: str = ""
    """The account's, for screens."""
    missing: str = ""
    """Why it is held although nobody holds it: what has to be filled in."""
    listed: bool = False
    """The platform fetches a file instead: nothing is sent, and what was to be sent ends."""

    @property
    def secrets(self) -> tuple[str, ...]:
        """Texts that open the account."""
        found = (self.pixel.settings.get(each, "") for each in self.platform.secret_settings)
        return (self.pixel.token, *found)


def tested(way: Way) -> str:
    """What a test code means for what a pixel reports, whoever left it there; "" without one."""
    if not way.pixel.test_code:
        return ""
    name = way.platform.name
    return {
        "checked": f"it has a test code: {name} checks its events and counts none",
        "counted": f"it has a test code: {name} shows its events as tests and counts them like any other",
        "unknown": f"it has a test code: whether {name} counts its events is not known",
        "none": f"it has a test code, and {name} has no test events: nothing is sent",
    }[way.platform.tests]


def pixel_target(pixel_id: int) -> str:
    """The target of deliveries to a pixel."""
    return f"{PIXEL}:{pixel_id}"


def account_target(account_id: int) -> str:
    """What an account's standing is kept under, and what names its queue."""
    return f"{ACCOUNT}:{account_id}"


def number_in(target: str, kind: str) -> int | None:
    """`number_in("pixel:12", "pixel")` → 12; None for another kind of target."""
    found, _, number = target.partition(":")
    return int(number) if found == kind and number.isascii() and number.isdecimal() else None
