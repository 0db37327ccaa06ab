"""What a conversion, or an interpreted event, is to a pixel: which events, how many, worth what. Pure.

A pixel's table (`Pixel.mapping`) says it row by row; an empty one is the default table. The names of the
default are Meta's standard ones, and what each platform calls them stands in its file. An event's id is a
digest of what it is of, so the same event has the same id in every replay, and two never have one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache, partial

import msgspec

from appliance.model.catalog import EventRow, Pixel
from appliance.model.conversions import NEVER, ClickFacts, Conversion, statuses_of
from appliance.model.ids import name_of
from appliance.model.postbacks import MACRO, MACROS
from appliance.model.postbacks import known as macro
from appliance.partners.consent import Defaults, consent_of
from appliance.partners.interpreted import Difference, Interpreted, shares
from appliance.partners.platform import Platform
from appliance.partners.postback import values_of, words
from appliance.partners.report import Consent, Report

CURRENCY = "USD"
"""Of every interpreted event."""

INTERPRETED_MACROS: Mapping[str, str] = {
    "session_id": "the network's name of the visit",
    "keyword": "what was clicked",
    "network": "the network's name, such as tonic",
    "account_id": "of the account at the network",
    "account_name": "of the account at the network",
    "network_campaign_id": "of the campaign at the network",
    "network_campaign_name": "of the campaign at the network",
    "campaign_id": "of the campaign at the ad platform",
    "campaign_name": "of the campaign at the ad platform",
    "adset_id": "at the ad platform",
    "adset_name": "at the ad platform",
    "ad_id": "at the ad platform",
    "ad_name": "at the ad platform",
    "traffic_source": "such as facebook",
    "domain": "the page's host",
    "category": "the network's",
    "vertical": "the network's",
    "country": "of the visitor, an ISO code",
    "revision": "number of the difference that is reported",
    "click_timestamp": "of the click, in seconds since 1970",
}
"""What a row's `custom` may say of an interpreted event; of a conversion it says what postbacks may."""

_SAID = frozenset(INTERPRETED_MACROS) - {"revision", "click_timestamp"}
"""Those that are texts of the event itself."""
_HOST = re.compile(r"[A-Za-z0-9.-]{1,253}", re.ASCII)
STANDARD = (
    "Purchase", "Lead", "PageView", "ViewContent", "AddToCart", "AddToWishlist", "AddPaymentInfo",
    "CompleteRegistration", "Contact", "CustomizeProduct", "Donate", "FindLocation", "InitiateCheckout",
    "Schedule", "Search", "StartTrial", "SubmitApplication", "Subscribe",
)  # fmt: skip
"""Meta's standard events: a platform's own name is put in the place of each."""

_CONTENT = {"content_category": "{category}"}
_KEYWORD = {**_CONTENT, "content_name": "{keyword}"}
_PURCHASES = EventRow(event_name="Purchase", when="interpreted", count="conversions", custom=_KEYWORD)
_ONCE = (
    EventRow(event_name="PageView", when="interpreted", value="none", custom=_CONTENT),
    EventRow(event_name="ViewContent", when="interpreted", value="none", custom=_KEYWORD),
)
_COUNTED = (
    EventRow(
        event_name="PageView", when="interpreted", count="lander_visitors", value="none", custom=_CONTENT
    ),
    EventRow(
        event_name="ViewContent", when="interpreted", count="lander_searches", value="none", custom=_KEYWORD
    ),
)
DEFAULT_CONVERSIONS = (
    EventRow(event_name="Purchase", statuses=("sale",), value="whole"),
    EventRow(event_name="Lead", statuses=("lead",), value="whole"),
)
DEFAULT_INTERPRETED: Mapping[str, Sequence[EventRow]] = {
    "tonic": (*_ONCE, _PURCHASES),
    "sedo": (*_ONCE, _PURCHASES),
    "crossroads": (*_COUNTED, _PURCHASES),
    "": (_PURCHASES,),
}
"""Network → the founding document's fan-out; "" for every other network."""


class Table:
    """A pixel's rows, ready to be asked: `conversions` of all networks, `interpreted` by network. `listed`:
    its events are fetched as a file, which has their names."""

    def __init__(self, pixel: Pixel, platform: Platform, *, listed: bool = False) -> None:
        self._pixel = pixel
        self._platform = platform
        self._rows = tuple(self._named(row) for row in pixel.mapping)
        self._statuses = frozenset(pixel.statuses)
        self._of_conversions = tuple(row for row in self._rows if row.when == "conversion")
        self._of_interpreted = tuple(row for row in self._rows if row.when == "interpreted")
        self._of_any = [row for row in self._of_interpreted if not row.network]
        self._of_network = {
            network: [row for row in self._of_interpreted if row.network.lower() in ("", network)]
            for network in {row.network.lower() for row in self._of_interpreted}
        }
        if not pixel.mapping:
            rows = DEFAULT_CONVERSIONS if listed else _of_conversions(platform)
            self._of_conversions = tuple(map(self._named, rows))
        self._usual = {
            network: [self._named(row) for row in of if row.value != "none" or not platform.only_conversions]
            for network, of in DEFAULT_INTERPRETED.items()
        }

    def of_conversion(self, it: Conversion, networks: Iterable[str]) -> list[EventRow]:
        """The rows that a conversion is now, whose network has these names."""
        names = frozenset(map(str.lower, networks))
        return [
            row
            for row in self._of_conversions
            if (not self._statuses or it.status in self._statuses)
            and (not row.statuses or it.status in row.statuses)
            and (not row.network or row.network.lower() in names)
        ]

    def of_interpreted(self, network: str) -> Sequence[EventRow]:
        """The rows that apply to interpreted events of a network."""
        if self._pixel.mapping:
            return self._of_network.get(network, self._of_any)
        return self._usual.get(network, self._usual[""])

    def _named(self, row: EventRow) -> EventRow:
        """With the platform's own name in the place of a standard one."""
        ours = self._platform.names.get(row.event_name)
        return row if ours is None else msgspec.structs.replace(row, event_name=ours)


def _of_conversions(platform: Platform) -> Sequence[EventRow]:
    return DEFAULT_CONVERSIONS[:1] if platform.nameless else DEFAULT_CONVERSIONS


def usual(platform: Platform) -> tuple[EventRow, ...]:
    """The default table as rows: a pixel that has these in its mapping reports what one without any does."""
    everywhere = DEFAULT_INTERPRETED[""]
    further = (
        msgspec.structs.replace(row, network=network)
        for network, rows in DEFAULT_INTERPRETED.items()
        for row in rows
        if row not in everywhere
    )
    rows = (*_of_conversions(platform), *further, *everywhere)
    return tuple(row for row in rows if row.value != "none" or not platform.only_conversions)


Happened = tuple[EventRow, int, int | None]
"""One event that follows from a row: its place among those of the same name, and what it is worth."""


def happened(rows: Sequence[EventRow], counts: Mapping[str, int], revenue: int | None) -> list[Happened]:
    """The events of rows whose counts are these; revenue in micro-units, None for none that is known.

    Shares sum up exactly. Revenue that came without a further conversion is one event of all of it: what a
    pixel was told sums up to what was earned.
    """
    found: list[Happened] = []
    places: dict[str, int] = {}
    for row in rows:
        count = counts.get(row.count, 0)
        if not count:
            if not revenue or row.count != "conversions" or row.value == "none":
                continue
            count = 1
        place = places.get(row.event_name, 0)
        places[row.event_name] = place + count
        each = None if row.value == "none" else revenue
        if count == 1:
            found.append((row, place, each))
        elif row.value == "share" and revenue is not None:
            found += [(row, place + later, part) for later, part in enumerate(shares(revenue, count))]
        else:
            found += [(row, place + later, each) for later in range(count)]
    return found


def reports_of_conversion(
    rows: Sequence[EventRow],
    it: Conversion,
    before: Conversion | None,
    pixel: Pixel,
    platform: Platform,
    defaults: Defaults,
) -> list[Report]:
    """What there is to tell a pixel of a conversion that is so now. Its time is the conversion's own, or that
    of the postback which made it what the row is for: a lead of last week may be a sale of today."""
    click = it.click
    values = values_of(before, it) if any(row.custom for row in rows) else {}

    def value_of(name: str) -> str:
        return values.get(macro(name), "")

    return [
        Report(
            event_name=row.event_name,
            event_id=name_of("report", it.id, pixel.code, row.event_name, str(place)),
            at_us=_between(_became_us(it, row, pixel), click.at_us, it.known_us),
            click_at_us=click.at_us,
            click_ids=click_ids_of(click, pixel, platform),
            value=value,
            currency=it.currency if value is not None else "",
            order_id=it.transaction_id,
            page_url=pixel.page_url or page_of(click),
            consent=_consent(click, defaults),
            custom=filled(row.custom, value_of),
            click_id=click.id,
            sealed=it.sealed,
            country=click.click_ids.get("country", ""),
        )
        for row, place, value in happened(rows, {"1": 1, "conversions": 1}, it.payout)
    ]


def _became_us(it: Conversion, row: EventRow, pixel: Pixel) -> int:
    """When the postback came that first made it what the row is for. What a network says of when it happened
    is the first one's: later ones often repeat it."""
    if not row.statuses and not pixel.statuses:
        return it.at_us
    wanted = set(row.statuses or pixel.statuses).intersection(pixel.statuses or row.statuses)
    if it.base is not None and it.base.status in wanted:
        # Of one from before histories were kept nothing else is known.
        own = it.base.first == it.base.last or it.base.first[1:] == NEVER[1:]
        return it.at_us if own else it.base.last[0]
    first = next((stamp for stamp, status in statuses_of(it) if status in wanted), None)
    if first is None or (it.base is None and first == it.history[0].stamp):
        return it.at_us
    return first[0]


def _between(at_us: int, click_us: int, known_us: int) -> int:
    """Not before the click, and not after it was known: clocks of networks differ."""
    return min(max(at_us, click_us), known_us)


def reports_of_interpreted(
    rows: Sequence[EventRow],
    event: Interpreted,
    difference: Difference,
    pixel: Pixel,
    platform: Platform,
    defaults: Defaults,
    now_us: int,
    sealed: bytes,
) -> list[Report]:
    """What there is to tell a pixel of what an interpreted event adds; nothing where it adds nothing.

    A row of count 1 is told once, by the first of an event's revisions, and what it is worth whenever that
    grows. A visit happened when the click did; what was earned in the hour that the event names, but not
    before the click; what is learned by a later revision happened now.
    """
    if not (difference.conversions or difference.revenue or difference.visitors or difference.searches) and (
        difference.lost
    ):
        return []
    revision = str(difference.totals.revision)
    first = revision == "1"
    counts = {
        "1": 1,
        "conversions": difference.conversions,
        "lander_visitors": difference.visitors,
        "lander_searches": difference.searches,
    }
    click_us = event.click_at_us or now_us
    earned_us = min(max(click_us, event.hour_us or 0), now_us) if first else max(click_us, now_us)

    told = rows
    if not first:
        told = [row for row in rows if row.count != "1" or (row.value != "none" and difference.revenue)]
    events = happened(told, counts, difference.revenue)
    if not events:
        return []
    key = event.key
    click_ids = {platform.click_parameters[0]: event.ad_click_id} if platform.click_parameters else {}
    page = pixel.page_url or _page_at(event.domain)
    consent = defaults.of(event.country)
    value_of = partial(value_of_interpreted, event, difference)
    return [
        Report(  # by place, in the order of the fields: by name it takes four times as long
            row.event_name,
            name_of("report", key, pixel.code, row.event_name, str(place), revision),
            click_us if row.value == "none" else earned_us,
            click_us,
            click_ids,
            value,
            CURRENCY if value is not None else "",
            "",
            page,
            "",
            consent,
            filled(row.custom, value_of),
            sealed=sealed,
        )
        for row, place, value in events
    ]


@lru_cache(maxsize=4_096)
def _page_at(domain: str) -> str:
    return f"https://{domain}/" if _HOST.fullmatch(domain) else ""


def click_ids_of(click: ClickFacts, pixel: Pixel, platform: Platform) -> dict[str, str]:
    """The platform's own ids of a click. Where a link brought none under a name of the platform's, and the
    pixel is for its source, the source's id of the click is the platform's."""
    found = {name: value for name in platform.click_parameters if (value := click.click_ids.get(name, ""))}
    if not found and click.source_click_id and click.source_id in pixel.source_ids:
        return dict.fromkeys(platform.click_parameters[:1], click.source_click_id)
    return found


def _consent(click: ClickFacts, defaults: Defaults) -> Consent:
    """Of a click of which nothing was kept not even its country is known: as little as anywhere."""
    if not click.click_ids:
        return defaults.least
    return consent_of(click.click_ids, click.click_ids.get("country", ""), defaults)


def page_of(click: ClickFacts) -> str:
    """Where the visitor came to, as far as a page said so."""
    page = click.click_ids.get("page", "")
    return page if page.startswith(("https://", "http://")) else ""


def value_of_interpreted(event: Interpreted, difference: Difference, name: str) -> str:
    """What a macro stands for; "" for what there is none of."""
    if name in _SAID:
        text: str = getattr(event, name)
        return text
    if name == "revision":
        return str(difference.totals.revision)
    if name == "click_timestamp" and event.click_at_us is not None:
        return str(event.click_at_us // 1_000_000)
    return ""


def filled(custom: Mapping[str, str], value_of: Callable[[str], str]) -> dict[str, str]:
    """A row's parameters with their macros replaced; one that comes out empty is left out."""
    found = {}
    for name, template in custom.items():
        text = template
        if "{" in template:
            pieces = _pieces(template)
            _, only, argument = pieces[0]
            if len(pieces) == 1 and only and not argument:  # as of almost every one
                text = value_of(only)
            else:
                text = "".join(
                    [words(value_of(macro), argument) if macro else text for text, macro, argument in pieces]
                )
        if text and not text.isspace():
            found[name] = text
    return found


@lru_cache(maxsize=4_096)
def _pieces(template: str) -> tuple[tuple[str, str, str | None], ...]:
    """(text, "", None), or ("", macro, argument); each in its place."""
    found: list[tuple[str, str, str | None]] = []
    end = 0
    for match in MACRO.finditer(template):
        found += ((template[end : match.start()], "", None), ("", match.group(1), match.group(2)))
        end = match.end()
    found.append((template[end:], "", None))
    return tuple(each for each in found if each[0] or each[1])


def macros_of(when: str) -> Mapping[str, str]:
    """What rows of that kind may say."""
    return INTERPRETED_MACROS if when == "interpreted" else MACROS
