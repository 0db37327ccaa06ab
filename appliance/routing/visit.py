"""A visit: everything about one request that a decision or its record may use."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NamedTuple
from urllib.parse import unquote_plus

import re2

from appliance.model import money
from appliance.model.unexpanded import ENDS, is_unexpanded, may_hold_macros, was_unexpanded

MAX_PARAMS = 256
MAX_VALUE = 512
SUBS = 30
UTM = ("utm_source", "utm_medium", "utm_campaign", "utm_content", "utm_term")
# The seed's list, in its order: the first that is not empty is the source's click id (trackers.md §2.1);
# then what other sources and networks add to a link by themselves (conversion-apis.md 7.3).
SOURCE_CLICK_ID = (
    "clickid", "click_id", "external_click_id", "source_click_id", "cid", "sclid",
    "fbclid", "gclid", "ttclid", "yclid", "msclkid",
    "gbraid", "wbraid", "ScCid", "epik", "tblci", "dicbo", "ob_click_id", "rcid", "ymclid", "li_fat_id",
    "twclid", "rdt_cid", "ndclid", "newsbreak_cid", "nbclid", "mgclid", "oppref", "irclickid", "awc",
    "cjevent", "vmcid",
)  # fmt: skip
COST = ("cost", "cpc", "price", "bid", "spend")

Slot = Any
"""What a parameter is: a sub's number, a utm's name, (rank, id | cost | currency) of an alias, or (a sub's
number or utm's name, spare): what counts when the parameter that its source has for it is missing."""

SLOTS: dict[str, Slot] = {f"sub{n}": n for n in range(1, SUBS + 1)}
SLOTS |= {name: name for name in UTM}
SLOTS |= {name: (rank, "id") for rank, name in enumerate(SOURCE_CLICK_ID)}
SLOTS |= {name: (rank, "cost") for rank, name in enumerate(COST)}
SLOTS["currency"] = (0, "currency")
"""Parameter → what it is where no source says otherwise."""
_NOBODY = 99
_NO_PRESETS: Mapping[str, str] = {}

# Crawlers and previewers that say so themselves. A tag, never a reason to drop a click. Cubot makes phones.
# RE2 on small letters: 2 µs, where Python's re takes 27.
_BOT = re2.compile(
    rb"bot\b|crawl|spider|slurp|facebookexternalhit|facebookcatalog|mediapartners|headlesschrome"
    rb"|preview|lighthouse|pingdom|uptime"
)
_NO_BOT = "cubot"


class Reading:
    """How the parameters of one source are read (routing/sources.py compiles it), and what a click costs.

    `price` is in micro-units of `currency`; below 0 the cost is a parameter's.
    """

    __slots__ = ("currency", "price", "slots")

    def __init__(self, slots: Mapping[str, Slot] = SLOTS, price: int = -1, currency: str = "") -> None:
        self.slots = slots
        self.price = price
        self.currency = currency


PLAIN = Reading()


class Leaving(NamedTuple):
    """The way out of a landing page of a stream: the page's exit `number`, from 1."""

    stream_id: int
    landing_id: int
    number: int


class Visit:
    """One request of a tracked link, as read from its parts; nothing in it was decided yet."""

    # Defaults on the class: a visit sets what it has, which halves the cost of making one.
    click_id = ""
    draw = 0
    """What is drawn for this click, below 2^53 (routing/draws.py)."""
    at_us = 0
    address = ""
    user_agent = ""
    referrer = ""
    language = ""
    host = ""
    request_id = ""
    flags: tuple[str, ...] = ()
    """Of head, prefetch and bot, those that hold."""
    faults: tuple[str, ...] = ()
    """Names of the parameters that were left out because they were unusable."""
    unexpanded: tuple[str, ...] = ()
    """Names of the parameters that were left out because their source had not filled in its macro."""
    source_click_id = ""
    cost = 0
    currency = ""
    source_id = 0
    link_id = 0
    facts: Mapping[str, str] = {}
    """What was detected, by name (routing/facts.py); one that is missing could not be known."""
    headers: Mapping[bytes, bytes] = {}
    """Of the request, names in lower case."""
    cookies: Mapping[str, str] = {}
    recorded: Mapping[str, bool] | None = None
    """Of a visit that was rebuilt from its record: DecisionInputs.tests, instead of what no event keeps."""
    signals: Mapping[str, str] = {}
    """What the tracking script found on the page: page, consent."""
    seen: Mapping[str, str] = {}
    """Cookies of ad platforms that the script found there, by name: they are recorded sealed only."""
    external_id = ""
    """Who he is to the page, in its own words; recorded sealed only."""
    click_ids: Mapping[str, str] = {}
    """What ad platforms are told of this click (routing/platform_clicks.py)."""
    hops = 0
    """Campaigns that handed this visitor on before."""
    parent_id = ""
    """The click that this one came from: the landing page's, or the campaign's before."""
    handed_on_by: tuple[int, str] = (0, "")
    """Number and name of the campaign that handed this visitor on to the deciding one."""
    leaving: Leaving | None = None
    """Of a click that comes out of a landing page."""
    landing = ""
    """What lets him out of the landing page that was chosen (routing/landings.py)."""
    visitor = ""
    """Who this is, by the cookie of this appliance: found or just made; "" where no campaign asks."""
    sticky = ""
    """What the campaign's cookie names: "stream" or "stream.destination"."""
    sets: tuple[tuple[str, str, int], ...] = ()
    """Cookies that the answer sets: name, value, seconds."""

    def __init__(self, door: str, key: str, query: str, params: dict[str, str]) -> None:
        self.door = door
        """c, go, r or tb."""
        self.key = key
        self.query = query
        self.params = params
        self.subs: dict[int, str] = {}
        self.utm: dict[str, str] = {}

    def read_tracking(self, presets: Mapping[str, str] = _NO_PRESETS, reading: Reading = PLAIN) -> None:
        """Fill subs, utm, source click id, cost and currency from `params`; a bad one is only named.

        `presets` are those of the params that a link sets: they come before any alias of the visitor's.
        A parameter that holds a macro nobody filled in is taken out of `params`.
        """
        best_id = best_cost = best_currency = _NOBODY
        slots = reading.slots
        suspect = may_hold_macros(self.query)
        spare: list[tuple[Any, str]] | None = None
        for name, value in self.params.items():
            if not value:
                continue
            if suspect and value[-1] in ENDS and self._is_unexpanded(name, value, presets):
                self.unexpanded = (*self.unexpanded, name)
                continue
            slot = slots.get(name)
            if slot is None:
                continue
            if slot.__class__ is int:
                self.subs[slot] = value[:MAX_VALUE]
            elif slot.__class__ is str:
                self.utm[slot] = value[:MAX_VALUE]
            else:
                rank, what = slot
                if what == "spare":
                    spare = [*(spare or ()), (rank, name)]
                    continue
                if name in presets:
                    rank -= _NOBODY
                if what == "id":
                    if rank < best_id:
                        if len(value) <= MAX_VALUE:
                            self.source_click_id, best_id = value, rank
                        else:
                            self.faults = (*self.faults, name)  # half an id is worse than none
                elif what == "cost":
                    if rank < best_cost:
                        cost = _micro(value)
                        if cost is not None and cost >= 0:
                            self.cost, best_cost = cost, rank
                        else:
                            self.faults = (*self.faults, name)
                elif rank < best_currency:
                    currency = _currency(value)
                    if currency is not None:
                        self.currency, best_currency = currency, rank
                    else:
                        self.faults = (*self.faults, name)
        if spare is not None:
            self._fill(spare, presets)
        if self.unexpanded:
            for name in self.unexpanded:
                del self.params[name]
        if reading.price >= 0:
            self.cost, self.currency = reading.price, reading.currency

    def pass_on(self, source_id: int, by: tuple[int, str]) -> None:
        """Another campaign goes on with this visitor: his click's cost and faults are counted already."""
        self.hops += 1
        self.parent_id = self.click_id
        self.door = "campaign"
        self.handed_on_by = by
        self.source_id = source_id
        self.link_id = 0
        self.cost = 0
        self.faults = self.unexpanded = ()
        self.landing = ""

    def carry(
        self,
        link_id: int,
        source_click_id: str,
        currency: str,
        subs: Mapping[int, str],
        utm: Mapping[str, str],
    ) -> None:
        """Go on with the fields of the landing page's click; what the page itself added stays beside them."""
        self.link_id = link_id
        self.source_click_id = source_click_id or self.source_click_id
        self.currency = currency or self.currency
        self.subs.update(subs)
        self.utm.update(utm)
        self.cost = 0

    def _is_unexpanded(self, name: str, value: str, presets: Mapping[str, str]) -> bool:
        return is_unexpanded(value) or (
            value[-1] == "%" and name not in presets and was_unexpanded(name, self.query)
        )

    def _fill(self, spare: list[tuple[Any, str]], presets: Mapping[str, str]) -> None:
        """Subs and utm under Weir's own names, where their source has another: a link's go first."""
        for target, name in spare:
            held: dict[Any, str] = self.subs if target.__class__ is int else self.utm
            if name in presets or not held.get(target):
                held[target] = self.params[name][:MAX_VALUE]


_micro = lru_cache(maxsize=4096)(money.micro)  # a campaign's bids repeat: 0.1 µs instead of 1.5
_currency = lru_cache(maxsize=512)(money.currency)


def read_query(query: str) -> dict[str, str]:
    """`a=1&b=%20x` → {"a": "1", "b": " x"}: the first value of a name wins, at most 256 names.

    Bytes that are no UTF-8 become U+FFFD: a click is never lost for a bad parameter.
    """
    params: dict[str, str] = {}
    if not query:
        return params
    encoded = "%" in query or "+" in query
    for pair in query.split("&", MAX_PARAMS)[:MAX_PARAMS]:
        name, _, value = pair.partition("=")
        if encoded:
            name, value = unquote_plus(name), unquote_plus(value)
        if name and name not in params:
            params[name] = value
    return params


@lru_cache(maxsize=8192)
def cut_address(address: str) -> str:
    """The address as events may keep it: IPv4 to /24, IPv6 to /48 (promise 7)."""
    if ":" not in address:
        return address.rpartition(".")[0] + ".0"
    head, _, tail = address.partition("::")
    groups = head.split(":") if head else []
    if "::" in address:
        rest = tail.split(":") if tail else []
        groups += ["0"] * (8 - len(groups) - len(rest)) + rest
    return ":".join(groups[:3]) + "::"


@lru_cache(maxsize=8192)
def is_declared_bot(user_agent: str) -> bool:
    """Whether a user agent says itself that it is a crawler or a previewer."""
    small = user_agent.lower().replace(_NO_BOT, " ")
    return _BOT.search(small.encode("utf-8", "replace")) is not None
