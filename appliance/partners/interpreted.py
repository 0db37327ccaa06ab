"""Interpreted events: what Efflux's networks are known to have earned, session by session and keyword.

One is a running total, not a conversion: the same session and keyword come again whenever their numbers
have changed. So what is reported is the difference to what was reported before.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation
from functools import lru_cache
from typing import Any, NamedTuple

import msgspec
from msgspec import Struct

from appliance.model.ids import name_of
from appliance.model.money import MICRO
from appliance.model.unexpanded import ENDS, is_unexpanded
from appliance.partners.identity import NOWHERE
from appliance.partners.platform import DAY, NO_CLICK

INVALID_PIXEL = "Invalid pixel"
TOO_OLD = "Conversion older than 7 days"
NOT_REPORTABLE = "not reportable"
WINDOW = 7 * DAY
"""An event whose click is as old as this is not reported, by the founding document's own rule."""
_SECOND = 1_000_000
_MOST = 10**12
MOST_COUNT = 1_000
"""Of one session and keyword: as many events could follow from it. More is somebody's mistake."""
_LONGEST = 2_048
_NO_VALUE = frozenset(("", "null", "undefined", "none"))
_DATE_HOUR = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", re.ASCII)


class Interpreted(Struct, frozen=True, omit_defaults=True, gc=False):
    """One of them. `click_at_us` is None when its time is no whole number of seconds; `revenue` in
    micro-units of USD. Texts are as they were given, cut at 2,048 characters.

    `sealed` is who the visitor was where an edge has sealed that already (a sealed Identity); `address` and
    `user_agent` are "" then. `sealed_us` is when, where the place that the event names is in it too.
    `intake` is the way it came in, where its batch does not say, and `ad_account_id` whose token it came
    with, 0 for no token: it may name that account's pixels only.
    """

    session_id: str
    keyword: str
    network: str = ""
    account_id: str = ""
    account_name: str = ""
    campaign_id: str = ""
    campaign_name: str = ""
    adset_id: str = ""
    ad_id: str = ""
    traffic_source: str = ""
    pixel_id: str = ""
    click_at_us: int | None = None
    hour_us: int | None = None
    ad_click_id: str = ""
    address: str = ""
    user_agent: str = ""
    country: str = ""
    region: str = ""
    city: str = ""
    domain: str = ""
    category: str = ""
    vertical: str = ""
    conversions: int = 0
    revenue: int = 0
    lander_visitors: int = 0
    lander_searches: int = 0
    network_campaign_id: str = ""
    network_campaign_name: str = ""
    adset_name: str = ""
    ad_name: str = ""
    sealed: bytes = b""
    intake: str = ""
    ad_account_id: int = 0
    sealed_us: int = 0

    @property
    def key(self) -> str:
        """The founding document's `unique_identifier`: `{session_id}-{keyword}`."""
        return f"{self.session_id}-{self.keyword}"

    @property
    def id(self) -> str:
        """32 hex digits that name the key at its pixel: the `conversion_id` of what is delivered of it."""
        return _named(self.session_id, self.keyword, self.pixel_id)


@lru_cache(maxsize=4_096)
def _named(session_id: str, keyword: str, pixel_id: str) -> str:
    """It is asked for three times while an event is taken."""
    return name_of("interpreted", f"{session_id}-{keyword}", pixel_id)


class Unreadable(NamedTuple):
    """A document that is no interpreted event: its place goes to the dead letters. The reason begins with
    the field and a colon, where it is one's."""

    reason: str


class _Usual(Struct, frozen=True, gc=False):
    """A document as networks write it: every value of the kind that it should be. Named as there."""

    session_id: str
    keyword_clicked: str = ""
    network: str = ""
    nw_account_id: str | int = ""
    nw_account_name: str = ""
    nw_campaign_id: str | int = ""
    nw_campaign_name: str = ""
    campaign_id: str | int = ""
    campaign_name: str = ""
    adset_id: str | int = ""
    adset_name: str = ""
    ad_id: str | int = ""
    ad_name: str = ""
    traffic_source: str = ""
    pixel_id: str | int = ""
    click_timestamp: int | str | None = None
    date_hour: str | None = None
    ts_click_id: str = ""
    ip: str = ""
    user_agent: str = ""
    country_code: str = ""
    region: str = ""
    city: str = ""
    domain_name: str = ""
    category: str = ""
    vertical: str = ""
    conversions: int = 0
    revenue: float | str | None = None
    lander_visitors: int = 0
    lander_searches: int = 0


_usual = msgspec.json.Decoder(_Usual).decode
_WORTH_A_LOOK = tuple((end, f"{end}|") for end in "}]>#%$!_")
"""What a macro may end with (unexpanded.ENDS), by itself and in values with | between them: looking for one
character takes a quarter of the time."""


def parsed(
    line: bytes | msgspec.Raw,
    sealed: bytes = b"",
    sealed_us: int = 0,
    intake: str = "",
    ad_account_id: int = 0,
) -> Interpreted | Unreadable:
    """`read` of a JSON document; the other arguments are the fields of that name."""
    if len(memoryview(line)) <= _LONGEST:  # so that no value of it is longer
        try:
            found = _as_usual(_usual(line), sealed, sealed_us, intake, ad_account_id)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            found = None
        if found is not None:
            return found
    try:
        document = msgspec.json.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as fault:
        return Unreadable(f"it is no JSON: {fault}")
    event = read(document)
    if isinstance(event, Unreadable):
        return event
    return msgspec.structs.replace(
        event, sealed=sealed, sealed_us=sealed_us, intake=intake, ad_account_id=ad_account_id
    )


def _as_usual(
    it: _Usual, sealed: bytes, sealed_us: int, intake: str, ad_account_id: int
) -> Interpreted | None:
    """What `read` makes of it, at a third of the cost; None where that takes a closer look."""
    account_id, network_campaign_id = str(it.nw_account_id), str(it.nw_campaign_id)
    campaign_id, adset_id = str(it.campaign_id), str(it.adset_id)
    ad_id, pixel_id = str(it.ad_id), str(it.pixel_id)
    session_id, keyword, network, source = it.session_id, it.keyword_clicked, it.network, it.traffic_source
    account_name, network_campaign_name = it.nw_account_name, it.nw_campaign_name
    campaign_name, adset_name, ad_name = it.campaign_name, it.adset_name, it.ad_name
    ad_click_id, address, user_agent = it.ts_click_id, it.ip, it.user_agent
    country, region, city = it.country_code, it.region, it.city
    domain, category, vertical = it.domain_name, it.category, it.vertical
    if country in NOWHERE:
        country = ""
    joined = (
        f"|{session_id}|{keyword}|{network}|{account_name}|{network_campaign_name}|{campaign_name}"
        f"|{adset_name}|{ad_name}|{source}|{ad_click_id}|{address}|{user_agent}|{country}|{region}|{city}"
        f"|{domain}|{category}|{vertical}|{account_id}|{network_campaign_id}|{campaign_id}|{adset_id}"
        f"|{ad_id}|{pixel_id}|"
    )
    if not joined.isprintable() or "| " in joined or " |" in joined:  # white space at an end
        return None
    for end, last in _WORTH_A_LOOK:
        if end in joined and last in joined:
            return None
    revenue = _revenue(it.revenue)
    conversions, visitors, searches = it.conversions, it.lander_visitors, it.lander_searches
    if "xx|" in joined or revenue is None or not session_id:
        return None
    if not (0 <= conversions <= MOST_COUNT and 0 <= visitors <= MOST_COUNT and 0 <= searches <= MOST_COUNT):
        return None
    # By place, in the order of the fields: by name it takes four times as long.
    return Interpreted(
        session_id, keyword, network.lower(), account_id, account_name, campaign_id, campaign_name, adset_id,
        ad_id, source.lower(), pixel_id, _seconds(it.click_timestamp), _hour(it.date_hour), ad_click_id,
        address, user_agent, country, region, city, domain, category, vertical, conversions, revenue,
        visitors, searches, network_campaign_id, network_campaign_name, adset_name, ad_name, sealed, intake,
        ad_account_id, sealed_us,
    )  # fmt: skip


def read(document: object) -> Interpreted | Unreadable:
    """One event of an object's array or of a line. Numbers may come as texts; unknown fields are ignored."""
    if not isinstance(document, Mapping):
        return Unreadable("an event must be a JSON object")
    session, keyword = _text(document, "session_id"), _text(document, "keyword_clicked")
    if not session:
        return Unreadable("session_id: missing")
    counts = []
    for name in ("conversions", "lander_visitors", "lander_searches"):
        count = _count(document.get(name))
        if count is None:
            return Unreadable(f"{name}: expected a whole number from 0 to {MOST_COUNT:,}")
        counts.append(count)
    country = _text(document, "country_code")
    revenue = _revenue(document.get("revenue"))
    if revenue is None:
        return Unreadable("revenue: expected a number")
    return Interpreted(
        session_id=session,
        keyword=keyword,
        network=_text(document, "network").lower(),
        account_id=_text(document, "nw_account_id"),
        account_name=_text(document, "nw_account_name"),
        campaign_id=_text(document, "campaign_id"),
        campaign_name=_text(document, "campaign_name"),
        adset_id=_text(document, "adset_id"),
        ad_id=_text(document, "ad_id"),
        traffic_source=_text(document, "traffic_source").lower(),
        pixel_id=_text(document, "pixel_id"),
        click_at_us=_seconds(document.get("click_timestamp")),
        hour_us=_hour(document.get("date_hour")),
        ad_click_id=_text(document, "ts_click_id"),
        address=_text(document, "ip"),
        user_agent=_text(document, "user_agent"),
        country="" if country in NOWHERE else country,
        region=_text(document, "region"),
        city=_text(document, "city"),
        domain=_text(document, "domain_name"),
        category=_text(document, "category"),
        vertical=_text(document, "vertical"),
        network_campaign_id=_text(document, "nw_campaign_id"),
        network_campaign_name=_text(document, "nw_campaign_name"),
        adset_name=_text(document, "adset_name"),
        ad_name=_text(document, "ad_name"),
        conversions=counts[0],
        revenue=revenue,
        lander_visitors=counts[1],
        lander_searches=counts[2],
    )


def fault(event: Interpreted, pixels: Collection[str], now_us: int) -> str:
    """What keeps it from being reported, in the founding document's labels and order; "" for nothing.

    `pixels` are the codes that are known and active for its traffic source.
    """
    if event.pixel_id not in pixels:
        return INVALID_PIXEL
    if event.click_at_us is None or now_us - event.click_at_us >= WINDOW:
        return TOO_OLD
    if event.ad_click_id.strip().lower() in _NO_VALUE:
        return NO_CLICK
    return ""


class Totals(Struct, frozen=True, array_like=True, gc=False):
    """What was reported of a key so far, and in how many revisions."""

    revision: int = 0
    conversions: int = 0
    revenue: int = 0
    visitors: int = 0
    searches: int = 0


_NOTHING = Totals()


class Difference(NamedTuple):
    """What a delivery adds to what was reported. `lost` says what went down: that can be told to nobody."""

    totals: Totals
    conversions: int
    revenue: int
    visitors: int
    searches: int
    lost: str = ""


def difference(before: Totals, event: Interpreted) -> Difference | None:
    """None when nothing has changed: a redelivery sends nothing. The first one is news whatever it counts: a
    visit without conversions is one too.

    A total that went down is not taken back from the platform, which knows no such thing; what was reported
    stays, so that its way up again is not reported a second time.
    """
    now = conversions, revenue, visitors, searches = (
        event.conversions, event.revenue, event.lander_visitors, event.lander_searches
    )  # fmt: skip
    if revenue >= 0 and before == _NOTHING:  # as of almost every event
        highest = Totals(1, conversions, revenue, visitors, searches)
        return Difference(highest, conversions, revenue, visitors, searches)
    was = (before.conversions, before.revenue, before.visitors, before.searches)
    if now == was and before.revision:
        return None
    conversions, revenue, visitors, searches = (max(n - w, 0) for n, w in zip(now, was, strict=True))
    names = ("conversions", "revenue", "visitors", "searches")
    lost = ", ".join(name for name, n, w in zip(names, now, was, strict=True) if n < w)
    if not (conversions or revenue or visitors or searches) and (before.revision or lost):
        return Difference(before, 0, 0, 0, 0, lost)
    highest = Totals(before.revision + 1, *(max(n, w) for n, w in zip(now, was, strict=True)))
    return Difference(highest, conversions, revenue, visitors, searches, lost)


def shares(revenue: int, count: int) -> list[int]:
    """Revenue in micro-units spread over so many events; the sum is exact, the first ones get the rest."""
    if count <= 0:
        return []
    each, rest = divmod(revenue, count)
    return [each + (1 if place < rest else 0) for place in range(count)]


def _text(document: Mapping[str, Any], name: str) -> str:
    value = document.get(name)
    if type(value) is not str:  # almost all are; the other ways cost ten times as much
        if value is None or isinstance(value, bool | list | dict):
            return ""
        value = str(int(value) if isinstance(value, float) and value.is_integer() else value)
    text: str = value[:_LONGEST].strip()
    return "" if text and text[-1] in ENDS and is_unexpanded(text) else text


def _count(value: object) -> int | None:
    if type(value) is int:
        return value if 0 <= value <= MOST_COUNT else None
    if value is None or value == "":
        return 0
    number = _decimal(value)
    if number is None or not 0 <= number <= MOST_COUNT or number != number.to_integral_value():
        return None
    return int(number)


def _revenue(value: object) -> int | None:
    """Micro-units. An unexpanded macro or no value at all is no revenue."""
    if type(value) is float and -1e6 < value < 1e6:
        micros = round(value * MICRO)
        if micros / MICRO == value:  # no seventh decimal: the same as by its text
            return micros
    if value is None or (isinstance(value, str) and (not value.strip() or value.strip()[:1] in "{[$%_")):
        return 0
    number = _decimal(value)
    if number is None or abs(number) > _MOST:
        return None
    return int((number * MICRO).to_integral_value(rounding=ROUND_HALF_EVEN))


def _decimal(value: object) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    if isinstance(value, float) and not math.isfinite(value):
        return None
    try:
        number = Decimal(str(value).strip())
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def _seconds(value: object) -> int | None:
    """Unix seconds as microseconds; None for anything else, milliseconds included."""
    if type(value) is int:
        return value * _SECOND if 0 < value < 100_000_000_000 else None
    number = _decimal(value) if not isinstance(value, float) or value.is_integer() else None
    if number is None or number != number.to_integral_value() or not 0 < number < 100_000_000_000:
        return None
    return int(number) * _SECOND


def _hour(value: object) -> int | None:
    return _hour_of(value[:19]) if type(value) is str else None


@lru_cache(maxsize=4_096)
def _hour_of(value: str) -> int | None:
    """A batch is of a few hours."""
    if not _DATE_HOUR.match(value):
        return None
    try:
        return int(datetime.fromisoformat(value).replace(tzinfo=UTC).timestamp()) * _SECOND
    except ValueError:
        return None
