"""A visit: everything about one request that a decision or its record may use."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any
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

# What a parameter is: a sub's number, a utm's own name, or (rank in its list, list) of an alias.
_SLOT: dict[str, Any] = {f"sub{n}": n for n in range(1, SUBS + 1)}
_SLOT |= {name: name for name in UTM}
_SLOT |= {name: (rank, "id") for rank, name in enumerate(SOURCE_CLICK_ID)}
_SLOT |= {name: (rank, "cost") for rank, name in enumerate(COST)}
_SLOT["currency"] = (0, "currency")
_NOBODY = 99
_NO_PRESETS: Mapping[str, str] = {}

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
    source_id = 0
    link_id = 0
    facts: Mapping[str, str] = {}
    """What was detected, by name (routing/facts.py); one that is missing could not be known."""
    headers: Mapping[bytes, bytes] = {}
    """Of the request, names in lower case."""
    cookies: Mapping[str, str] = {}

    def __init__(self, door: str, key: str, query: str, params: dict[str, str]) -> None:
        self.door = door
        """c, go, r or tb."""
        self.key = key
        self.query = query
        self.params = params
        self.subs: dict[int, str] = {}
        self.utm: dict[str, str] = {}

    def read_tracking(self, presets: Mapping[str, str] = _NO_PRESETS) -> None:
        """Fill subs, utm, source click id, cost and currency from `params`; a bad one is only named.

        `presets` are those of the params that a link sets: they come before any alias of the visitor's.
        """
        best_id = best_cost = _NOBODY
        for name, value in self.params.items():
            slot = _SLOT.get(name)
            if slot is None or not value:
                continue
            kind = slot.__class__
            if kind is int:
                self.subs[slot] = value[:MAX_VALUE]
            elif kind is str:
                self.utm[name] = value[:MAX_VALUE]
            else:
                rank, what = slot
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
                else:
                    currency = _currency(value)
                    if currency is None:
                        self.faults = (*self.faults, name)
                    else:
                        self.currency = currency


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
    return _BOT.search(user_agent) is not None
