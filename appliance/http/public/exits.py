"""Out of a landing page: whose click a request means, and by which exit he leaves.

The click is named in the path, or in the query under the names that pages made for other trackers use, or the
visitor carries it in his cookie. A name is a sealed {lp_token} or the click's id.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import unquote_plus

from appliance.model.ids import click_time_ms
from appliance.routing.landings import COOKIE, MARK, PAGES_KEPT

NAMES = ("lp_token", "click_id", "clickid", "subid", "cid", "_token", "_subid", "uclick")
"""Parameters that may name the click, Weir's own, Keitaro's and Binom's; another value there is no name."""
_SHORTEST_TOKEN = 60


class Asked(NamedTuple):
    """`tokens` may be anybody's; `click_id` is "" where none is named. `query` is without what named it."""

    tokens: tuple[str, ...]
    click_id: str
    number: int
    query: str


def read(key: str, query: str, params: Mapping[str, str], cookies: Mapping[str, str]) -> Asked | None:
    """What a request of /lp or /lp/{click}/{n} asks; None when it asks nothing. `key` is behind /lp/."""
    name, slash, number = key.partition("/")
    which = number if slash else params.get("n", "1")
    if not which.isascii() or not which.isdigit() or len(which) > 3:
        return None
    carried = tuple(cookies.get(COOKIE, "").split(MARK, PAGES_KEPT)[:PAGES_KEPT])
    if slash:
        named = name if click_time_ms(name) is not None else ""
        return Asked(carried if named else (name,), named, int(which), query)
    found = {each: params[each] for each in NAMES if each in params}
    ids = {each: value for each, value in found.items() if click_time_ms(value) is not None}
    tokens = {each: value for each, value in found.items() if len(value) >= _SHORTEST_TOKEN}
    left = _without(query, ids.keys() | tokens.keys()) if ids or tokens else query
    return Asked((*tokens.values(), *carried), next(iter(ids.values()), ""), int(which), left)


def _without(query: str, names: set[str]) -> str:
    """The names are the click's own, not parameters that a page adds to it: they would be its source's id."""
    return "&".join(pair for pair in query.split("&") if unquote_plus(pair.partition("=")[0]) not in names)
