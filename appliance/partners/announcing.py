"""Who among the pixels is told of what: revisions of conversions and interpreted events become deliveries."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import msgspec

from appliance.model.catalog import AdAccount, Network, Pixel, PlatformName
from appliance.model.conversions import Conversion
from appliance.model.deliveries import Delivery, delivery_id
from appliance.partners.consent import Defaults
from appliance.partners.feeds import feed_target
from appliance.partners.interpreted import Difference, Interpreted
from appliance.partners.mapping import (
    Table,
    click_ids_of,
    reports_of_conversion,
    reports_of_interpreted,
)
from appliance.partners.platform import HOUR, MARGIN, Platform
from appliance.partners.report import Report
from appliance.partners.roster import PLATFORMS
from appliance.partners.ways import pixel_target

_TOGETHER_US = 600_000_000
_encode = msgspec.msgpack.Encoder().encode

TRAFFIC_SOURCES: Mapping[str, PlatformName] = {
    "facebook": "meta", "fb": "meta", "instagram": "meta", "meta": "meta", "tiktok": "tiktok", "tt": "tiktok",
    "google": "google", "openai": "openai", "bing": "microsoft", "microsoft": "microsoft",
    "snapchat": "snapchat", "pinterest": "pinterest", "taboola": "taboola", "outbrain": "outbrain",
}  # fmt: skip
"""What interpreted events call a traffic source → the platform that sells it."""


class _Listener(NamedTuple):
    """A pixel that is told of things now."""

    target: str
    pixel: Pixel
    platform: Platform
    table: Table
    sources: frozenset[int]
    campaigns: frozenset[int]
    networks: frozenset[int]
    types: frozenset[str]

    def wants(self, it: Conversion) -> bool:
        """Whether its conditions hold. One without conditions is told of the clicks of its own platform only:
        of the others it could not say whose they were."""
        click = it.click
        return (
            not it.void
            and it.attributed
            and (not self.sources or click.source_id in self.sources)
            and (not self.campaigns or click.campaign_id in self.campaigns)
            and (not self.networks or it.network_id in self.networks)
            and (not self.types or it.event_type.casefold() in self.types)
            and bool(self.sources or self.campaigns or click_ids_of(click, self.pixel, self.platform))
        )


class _Known(NamedTuple):
    """What `configure` made, replaced as a whole."""

    told: tuple[_Listener, ...] = ()
    by_code: Mapping[tuple[str, str], _Listener] = {}
    """(platform, code) → the first pixel of that code."""
    of_account: Mapping[int, Mapping[tuple[str, str], _Listener]] = {}
    """The same of each account's."""
    codes: Mapping[str, frozenset[str]] = {}
    """Platform → its codes; "" for all of them."""
    networks: Mapping[int, tuple[str, ...]] = {}
    feeding: frozenset[int] = frozenset()
    """Networks whose postbacks are interpreted events."""


class Announcements:
    """Which pixels are told of what now. `configure` and the others may be called from different threads."""

    def __init__(self, consent: Defaults | None = None) -> None:
        self._defaults = consent or Defaults()
        self._known = _Known()

    def configure(
        self, accounts: Iterable[AdAccount], pixels: Iterable[Pixel], networks: Iterable[Network] = ()
    ) -> None:
        """Archived ones may be among them. Nothing is made for a paused pixel; what is made for a paused
        account waits."""
        known = {it.id: it for it in accounts if not it.archived}
        there = tuple(networks)
        told = tuple(
            _listener(it, known[it.ad_account_id])
            for it in sorted(pixels, key=lambda each: each.id)
            if it.status == "active" and not it.archived and it.ad_account_id in known
        )
        by_code: dict[tuple[str, str], _Listener] = {}
        of_account: dict[int, dict[tuple[str, str], _Listener]] = {}
        codes: dict[str, set[str]] = {"": set()}
        for each in told:
            key = each.platform.name, each.pixel.code
            by_code.setdefault(key, each)
            of_account.setdefault(each.pixel.ad_account_id, {}).setdefault(key, each)
            codes.setdefault(each.platform.name, set()).add(each.pixel.code)
            codes[""].add(each.pixel.code)
        self._known = _Known(
            told,
            by_code,
            of_account,
            {name: frozenset(found) for name, found in codes.items()},
            {it.id: (it.slug.lower(), it.name.lower()) for it in there},
            frozenset(it.id for it in there if it.layout),
        )

    def codes(self, traffic_source: str) -> frozenset[str]:
        """Codes of the active pixels at the platform of an interpreted event's traffic source (`facebook`):
        `pixels` of interpreted.fault. Of every platform for one that is not known."""
        return self._known.codes.get(TRAFFIC_SOURCES.get(traffic_source, ""), frozenset())

    def post(self, before: Conversion | None, after: Conversion, now_us: int) -> list[Delivery]:
        """Post of attribution/settle.py: what is to be told of a revision of a conversion.

        Each event of a conversion is told once, when its row applies for the first time. What changes later
        is told to nobody: no platform takes an event back, and a second one would be a second purchase.
        """
        known = self._known
        found: list[Delivery] = []
        for each in known.told:
            if not each.wants(after):
                continue
            if after.network_id in known.feeding and not each.pixel.mapping:
                continue  # its postback is an interpreted event, which is what the pixel hears of
            networks = known.networks.get(after.network_id, ())
            rows = each.table.of_conversion(after, networks)
            if rows and before is not None and each.wants(before):
                were = each.table.of_conversion(before, networks)
                rows = [row for row in rows if row not in were]
            if rows:
                reports = reports_of_conversion(
                    rows, after, before, each.pixel, each.platform, self._defaults
                )
                found += _deliveries(each, reports, after.id, after.revision, after.click.campaign_id, now_us)
        return found

    def preview(
        self, account: AdAccount, pixel: Pixel, network: Network | None, it: Conversion
    ) -> tuple[bool, str, list[Report]]:
        """(whether a pixel, stored or not, is told of a conversion that is so; why not; the reports)."""
        each = _listener(pixel, account)
        names = () if network is None else (network.slug, network.name)
        rows = each.table.of_conversion(it, names)
        reports = reports_of_conversion(rows, it, None, pixel, each.platform, self._defaults)
        why = ""
        if not rows:
            why = f"no row of its table is for a conversion that is {it.status}"
        elif not each.wants(it):
            why = "its conditions do not hold, or the click brought no id of the platform's"
        elif network is not None and network.layout and not pixel.mapping:
            why = "its network's postbacks are interpreted events, and these are told"
        elif pixel.status == "paused" or pixel.archived:
            why = "the pixel is paused" if not pixel.archived else "the pixel is archived"
        return not why, why, reports

    def interpreted(
        self, event: Interpreted, difference: Difference, now_us: int, sealed: bytes = b""
    ) -> list[Delivery]:
        """What is to be told of an interpreted event that `fault` found nothing in. `sealed` is its visitor,
        an Identity sealed by ports.Identities."""
        known = self._known
        platform = TRAFFIC_SOURCES.get(event.traffic_source)
        among = known.of_account.get(event.ad_account_id, {}) if event.ad_account_id else known.by_code
        if platform is not None:
            each = among.get((platform, event.pixel_id))
        else:
            every = (among.get((name, event.pixel_id)) for name in PLATFORMS)
            each = next((it for it in every if it is not None), None)
        if each is None or (each.networks and not _pays(each, event.network, known.networks)):
            return []
        rows = each.table.of_interpreted(event.network)
        reports = reports_of_interpreted(
            rows, event, difference, each.pixel, each.platform, self._defaults, now_us, sealed
        )
        return _deliveries(each, reports, event.id, difference.totals.revision, 0, now_us)


def _listener(pixel: Pixel, account: AdAccount) -> _Listener:
    platform = PLATFORMS[account.platform]
    return _Listener(
        feed_target(pixel.id) if account.feed_hash else pixel_target(pixel.id),
        pixel,
        platform,
        Table(pixel, platform, listed=bool(account.feed_hash)),
        frozenset(pixel.source_ids),
        frozenset(pixel.campaign_ids),
        frozenset(pixel.network_ids),
        frozenset(map(str.casefold, pixel.types)),
    )


def _pays(each: _Listener, network: str, names: Mapping[int, tuple[str, ...]]) -> bool:
    """Whether an interpreted event's network is one of those that a pixel names, by slug or name."""
    return any(network in names.get(number, ()) for number in each.networks)


def deadline(at_us: int, now_us: int) -> int:
    """By whole ten minutes, the earlier end, while it is more than an hour away: a queue is taken in the
    order of deadlines, and what came together then lies together in its file (docs/decisions/0047)."""
    return at_us // _TOGETHER_US * _TOGETHER_US if at_us - now_us > HOUR else at_us


def _deliveries(
    each: _Listener, reports: Sequence[Report], of: str, revision: int, campaign_id: int, now_us: int
) -> list[Delivery]:
    """A delivery per event, due now; it ends when the platform would not take it any more."""
    target, window_us = each.target, each.platform.limits.window_us - MARGIN
    return [
        Delivery(  # by place, in the order of the fields
            delivery_id(target, report.event_id),
            target,
            of,
            revision,
            campaign_id,
            now_us,
            now_us,
            deadline(report.at_us + window_us, now_us),
            _encode(report),
            report.value or 0,
            report.currency,
        )
        for report in reports
    ]
