"""What ad platforms there are: what an account of each needs, and what conversions are to it by default."""

from __future__ import annotations

from msgspec import Struct

from appliance.model.catalog import EventRow
from appliance.model.postbacks import MACROS
from appliance.operations.context import Context
from appliance.operations.registry import operation
from appliance.operations.system import Nothing
from appliance.partners.mapping import INTERPRETED_MACROS, STANDARD, usual
from appliance.partners.platform import Platform, Tests, Trial
from appliance.partners.roster import PLATFORMS


class AdPlatform(Struct, frozen=True, kw_only=True):
    """`experimental`: its facts could not be verified. `needs` and `optional` are settings of an account,
    `secret_settings` those of them that nobody is shown.

    An event may be `window_us` old, and `batch` of them go into a request. `click_parameters` bring its click
    id. `names`: Meta's standard event → what it is called there; `usual` are the rows of an empty mapping.
    `tests`: what becomes of events that bear a test code; `trial`: how an account is tried without one.
    """

    name: str
    experimental: bool
    needs: tuple[str, ...]
    optional: tuple[str, ...]
    secret_settings: tuple[str, ...]
    needs_token: bool
    click_parameters: tuple[str, ...]
    window_us: int
    batch: int
    names: dict[str, str]
    usual: tuple[EventRow, ...]
    tests: Tests
    trial: Trial


class AdPlatforms(Struct, frozen=True, kw_only=True):
    """`standard` are Meta's event names; the macros are what parameters may say, with their meaning."""

    items: tuple[AdPlatform, ...]
    standard: tuple[str, ...]
    conversion_macros: dict[str, str]
    interpreted_macros: dict[str, str]


@operation("ad_accounts.platforms", permission="pixels.read")
async def platforms(request: Nothing, context: Context) -> AdPlatforms:
    """The ad platforms that Weir reports to: settings of an account, limits, and the default mapping."""
    return AdPlatforms(
        items=tuple(map(_shown, PLATFORMS.values())),
        standard=STANDARD,
        conversion_macros=dict(MACROS),
        interpreted_macros=dict(INTERPRETED_MACROS),
    )


def _shown(it: Platform) -> AdPlatform:
    return AdPlatform(
        name=it.name,
        experimental=it.experimental,
        needs=it.needs,
        optional=it.optional,
        secret_settings=it.secret_settings,
        needs_token=it.needs_token,
        click_parameters=it.click_parameters,
        window_us=it.limits.window_us,
        batch=it.limits.batch,
        names=dict(it.names),
        usual=usual(it),
        tests=it.tests,
        trial=it.trial,
    )
