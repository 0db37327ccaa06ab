"""The catalog's accounts and pixels → where a target's events go now, their secrets opened."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from appliance.errors import WeirError
from appliance.model.catalog import AdAccount, Pixel
from appliance.partners import platform
from appliance.partners.platform import Platform
from appliance.partners.roster import PLATFORMS
from appliance.partners.ways import Way, account_target, pixel_target

Unseal = Callable[[str, str], str]
"""(sealed text, place) → the text, as access/vault.Vault.open. Raises WeirError."""

TOKEN = "ad_account.token"  # noqa: S105  a place in the vault


def setting(name: str) -> str:
    """The place in the vault of an account's secret setting."""
    return f"ad_account.settings.{name}"


class Ways:
    """Where each pixel's events go. `configure` and `way` may be called from different threads."""

    def __init__(self, unseal: Unseal) -> None:
        self._unseal = unseal
        self._ways: Mapping[str, Way] = {}

    def configure(self, accounts: Iterable[AdAccount], pixels: Iterable[Pixel]) -> list[str]:
        """Archived ones are among them. The accounts (`account:3`) that are asked in another way than until
        now: whoever refused them may be asked again."""
        known = {it.id: (it, opened(it, self._unseal)) for it in accounts}
        before = self._ways
        self._ways = {
            pixel_target(it.id): way_of(*known[it.ad_account_id], it)
            for it in pixels
            if it.ad_account_id in known
        }
        changed = {
            way.account
            for target, way in self._ways.items()
            if (was := before.get(target)) is not None and _asking(was) != _asking(way)
        }
        return sorted(changed)

    def way(self, target: str) -> Way | None:
        """None for what is no pixel's target; of a pixel that is archived, a way that leads nowhere."""
        return self._ways.get(target)

    def every(self) -> Mapping[str, Way]:
        """All of them by target, those that lead nowhere too. Not to be changed."""
        return self._ways


def opened(account: AdAccount, unseal: Unseal) -> tuple[str, Mapping[str, str], str]:
    """(token, settings, why one of them cannot be opened) of an account."""
    made: Platform = PLATFORMS[account.platform]
    try:
        token = unseal(account.token, TOKEN)
        settings = {
            name: unseal(value, setting(name)) if name in made.secret_settings else value
            for name, value in account.settings.items()
        }
    except WeirError as fault:
        return "", {}, fault.message
    missing = [name for name in made.needs if not settings.get(name)]
    if made.needs_token and not token:
        missing.insert(0, "token")
    return token, settings, f"it has no {', '.join(missing)}" if missing else ""


def way_of(account: AdAccount, secrets: tuple[str, Mapping[str, str], str], pixel: Pixel) -> Way:
    """Where this pixel's events go; `secrets` is what `opened` gives. In a dry run nothing is missing, and
    nothing that matters while an operator has the account wait."""
    token, settings, why = secrets
    gone = account.archived or pixel.archived
    paused = account.status == "paused"
    missing = "" if gone or paused or account.dry_run or account.feed_hash else why
    return Way(
        account=account_target(account.id),
        platform=PLATFORMS[account.platform],
        pixel=platform.Pixel(pixel.code, token, settings, pixel.test_code),
        per_minute=account.requests_per_minute,
        dry_run=account.dry_run,
        held=paused or pixel.status == "paused" or bool(missing),
        gone=gone,
        name=account.name,
        missing=missing,
        listed=bool(account.feed_hash),
    )


def _asking(way: Way) -> tuple[object, ...]:
    """What an answer of the platform's depends on."""
    return way.pixel, way.dry_run, way.held, way.gone
