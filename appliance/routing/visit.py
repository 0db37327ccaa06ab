"""A visit: everything about one request that a decision or its record may use."""

from __future__ import annotations

import re
from functools import lru_cache
from urllib.parse import unquote_plus

from appliance.model import money

MAX_PARAMS = 256
MAX_VALUE = 512
SUBS = 30
UTM = ("utm_source", "utm_medium", "utm_campaign", "utm_content", "utm_term")
# The seed's list, in its order: the first that is not empty is the source's click id (trackers.md §2.1).
SOURCE_CLICK_ID = (
    "clickid", "click_id", "external_click_id", "source_click_id", "cid", "sclid",
    "fbclid", "gclid", "ttclid", "yclid", "msclkid",
)  # fmt: skip
COST = ("cost", "cpc", "price", "bid", "spend")

_SLOT: dict[str, int | str] = {f"sub{n}": n for n in range(1, SUBS + 1)}
_SLOT |= {name: name for name in UTM}
_SLOT |= dict.fromkeys((*SOURCE_CLICK_ID, *COST, "currency"), "")

# Crawlers and previewers that say so themselves. A tag, never a reason to drop a click. Cubot makes phones.
_BOT = re.compile(
    r"(?<!cu)bot\b|crawl|spider|slurp|facebookexternalhit|facebookcatalog|mediapartners|headlesschrome"
    r"|preview|lighthouse|pingdom|uptime",
    re.IGNORECASE,
)


class Visit:
    """One request of a tracked link, as read from its parts; nothing in it was decided yet."""

    # Defaults on the class: a visit sets what it has, which halves the cost of making one.
    click_id = ""
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
    source_click_id = ""
    cost = 0
    currency = ""

    def __init__(self, door: str, key: str, query: str, params: dict[str, str]) -> None:
        self.door = door
        """c, go, r or tb."""
        self.key = key
        self.query = query
        self.params = params
        self.subs: dict[int, str] = {}
        self.utm: dict[str, str] = {}

    def read_tracking(self) -> None:
        """Fill subs, utm, source click id, cost and currency from `params`; a bad one is only named."""
        params = self.params
        faults: list[str] = []
        aliased = False
        for name, value in params.items():
            slot = _SLOT.get(name)
            if slot is None or not value:
                continue
            if slot == "":
                aliased = True
            elif slot.__class__ is int:
                self.subs[slot] = value[:MAX_VALUE]
            else:
                self.utm[name] = value[:MAX_VALUE]
        if aliased:
            self._read_aliased(params, faults)
            self.faults = tuple(faults)

    def _read_aliased(self, params: dict[str, str], faults: list[str]) -> None:
        for name in SOURCE_CLICK_ID:
            value = params.get(name)
            if value:
                if len(value) <= MAX_VALUE:
                    self.source_click_id = value
                    break
                faults.append(name)  # half an id is worse than none
        for name in COST:
            text = params.get(name)
            if text:
                cost = _micro(text)
                if cost is not None and cost >= 0:
                    self.cost = cost
                    break
                faults.append(name)
        text = params.get("currency")
        if text:
            currency = money.currency(text)
            if currency is None:
                faults.append("currency")
            else:
                self.currency = currency


_micro = lru_cache(maxsize=4096)(money.micro)  # a campaign's bids repeat: 0.1 µs instead of 1.5


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
    return _BOT.search(user_agent) is not None
