"""Google's way without approval: a file of offline conversions that Google Ads fetches by itself.

Tools → Conversions → Uploads → Schedules → HTTPS, with the account's feed address. A row that is fetched
again is dropped by click id, name and time. support.google.com/google-ads/answer/7014069.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import NamedTuple, TypeVar

import msgspec

from appliance.model.catalog import AdAccount, Pixel
from appliance.model.platforms import AccountReport, PixelReport
from appliance.partners.platform import DAY, checked, decimal_of
from appliance.partners.platforms.google import Google
from appliance.partners.report import Report

FEED = "feed"
"""Deliveries to a pixel of such an account have the target `feed:{pixel id}`: no request carries them."""
LISTED = "listed in the feed"
CLOSED = "Its feed was closed"
WINDOW = 14 * DAY
"""A row stays in the file for so long: Google fetches it daily, or weekly."""
MOST_ROWS = 20_000
"""The newest ones: some 3 MB."""
COLUMNS = (
    "Google Click ID", "Conversion Name", "Conversion Time", "Conversion Value", "Conversion Currency",
    "Order ID", "Ad User Data", "Ad Personalization",
)  # fmt: skip
R = TypeVar("R", AccountReport, PixelReport)
_CONSENT = {"granted": "Granted", "limited": "Denied"}


class Feed(NamedTuple):
    """An account's file, called by the digest of its token. `targets` are those of its living pixels."""

    account_id: int
    name: str
    targets: tuple[str, ...]
    dry_run: bool
    held: bool


def feed_target(pixel_id: int) -> str:
    return f"{FEED}:{pixel_id}"


def feeds_of(accounts: Iterable[AdAccount], pixels: Iterable[Pixel]) -> tuple[Feed, ...]:
    """The feeds there are; archived ones may be among what is given."""
    mine: Mapping[int, list[str]] = {it.id: [] for it in accounts if it.feed_hash and not it.archived}
    known = {it.id: it for it in accounts}
    for pixel in pixels:
        if pixel.ad_account_id in mine and not pixel.archived:
            mine[pixel.ad_account_id].append(feed_target(pixel.id))
    return tuple(
        Feed(
            number,
            known[number].feed_hash,
            tuple(targets),
            known[number].dry_run,
            known[number].status == "paused",
        )
        for number, targets in mine.items()
    )


def counted(
    report: AccountReport, targets: Iterable[str], counts: Mapping[str, Mapping[str, int]]
) -> AccountReport:
    """An account's figures, and its pixels', with those of its feed; `counts`: target → state → how many."""
    mine = set(targets)
    pixels = [
        _more(each, [counts.get(target, {})]) if (target := feed_target(each.pixel_id)) in mine else each
        for each in report.pixels
    ]
    whole = _more(report, [counts.get(target, {}) for target in mine])
    return msgspec.structs.replace(whole, pixels=tuple(pixels))


def _more(report: R, states: Sequence[Mapping[str, int]]) -> R:
    def sum_of(state: str) -> int:
        return sum(each.get(state, 0) for each in states)

    return msgspec.structs.replace(
        report,
        queued=report.queued + sum_of("pending"),
        accepted=report.accepted + sum_of("delivered"),
        refused=report.refused + sum_of("dead"),
        not_sent=report.not_sent + sum_of("cancelled"),
    )


def check(report: Report, now_us: int) -> str:
    """The label of what keeps an event out of the file; "" for nothing. It knows `gclid` alone."""
    return checked(report, Google.limits, ("gclid",), now_us) or Google().check(report, now_us)


def row(report: Report) -> tuple[str, ...]:
    """One event as Google Ads reads it."""
    at = datetime.fromtimestamp(report.at_us // 1_000_000, UTC).strftime("%Y-%m-%d %H:%M:%S+0000")
    said = _CONSENT.get(report.consent, "")
    return (
        report.click_ids.get("gclid", ""), report.event_name, at, decimal_of(report), report.currency,
        report.order_id or report.event_id, said, said,
    )  # fmt: skip


def document(reports: Iterable[Report]) -> bytes:
    """The whole file."""
    text = io.StringIO()
    text.write("Parameters:TimeZone=+0000\n")
    lines = csv.writer(text, lineterminator="\n")
    lines.writerow(COLUMNS)
    lines.writerows(map(row, reports))
    return text.getvalue().encode("utf-8", "replace")
