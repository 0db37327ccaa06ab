"""URL macros: `{name}` in a destination's URL, percent-encoded, each value put in once.

Compiled when the table is built; rendering walks alternating literals and readers, so a value that itself
looks like a macro is never looked at again. `{_name}` leaves more characters as they are, but none that could
end a parameter; in a path it is `{name}`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from urllib.parse import quote, urlsplit

from appliance.errors import FieldProblem
from appliance.routing import arguments
from appliance.routing.aliases import ALIASES
from appliance.routing.visit import SUBS, UTM, Visit, cut_address

MAX_URL = 4_096
# Whatever stands in braces: what other trackers do with arguments is unknown here, not text.
_MACRO = re.compile(r"\{([A-Za-z_][^{}]{0,127})\}")
_UNSAFE = re.compile(r"[\x00-\x20\x7f<>\"\\^`|]|[^\x00-\x7f]")


class Ids:
    """What of a decision a URL may show."""

    __slots__ = (
        "campaign_id", "campaign_name", "campaign_slug", "destination_id", "destination_name", "landing_id",
        "landing_name", "network_id", "source_id", "source_name", "stream_id", "stream_name",
    )  # fmt: skip

    def __init__(
        self,
        campaign_id: int,
        campaign_slug: str,
        stream_id: int,
        destination_id: int,
        source_id: int,
        network_id: int = 0,
        *,
        campaign_name: str = "",
        stream_name: str = "",
        destination_name: str = "",
        source_name: str = "",
        landing_id: int = 0,
        landing_name: str = "",
    ) -> None:
        self.campaign_id = campaign_id
        self.campaign_slug = campaign_slug
        self.stream_id = stream_id
        self.destination_id = destination_id
        self.source_id = source_id
        self.network_id = network_id
        self.campaign_name = campaign_name
        self.stream_name = stream_name
        self.destination_name = destination_name
        self.source_name = source_name
        self.landing_id = landing_id
        self.landing_name = landing_name


Reader = Callable[[Visit, Ids], str]


def _amount(visit: Visit) -> str:
    whole, rest = divmod(visit.cost, 1_000_000)
    return f"{whole}.{rest:06d}".rstrip("0").rstrip(".") if rest else str(whole)


def _sub(n: int) -> Reader:
    return lambda visit, ids: visit.subs.get(n, "")


def _utm(name: str) -> Reader:
    return lambda visit, ids: visit.utm.get(name, "")


def _param(name: str) -> Reader:
    return lambda visit, ids: visit.params.get(name, "")


def _fact(name: str) -> Reader:
    return lambda visit, ids: visit.facts.get(name, "")


def _date(at_us: int) -> str:
    return datetime.fromtimestamp(at_us // 1_000_000, UTC).strftime("%Y-%m-%d")


FACTS = (
    "country", "region", "city", "isp", "asn", "connection_type", "device_type", "device_brand",
    "device_model", "os", "os_version", "browser", "browser_version", "ip_version", "referrer_host",
    "search_engine", "bot", "datacenter",
)  # fmt: skip
"""Detected facts that are macros of the same name; empty where they cannot be known."""

READERS: dict[str, Reader] = {
    "click_id": lambda visit, ids: visit.click_id,
    "campaign_id": lambda visit, ids: str(ids.campaign_id),
    "campaign_slug": lambda visit, ids: ids.campaign_slug,
    "stream_id": lambda visit, ids: str(ids.stream_id),
    "destination_id": lambda visit, ids: str(ids.destination_id),
    "source_id": lambda visit, ids: str(ids.source_id),
    "source_click_id": lambda visit, ids: visit.source_click_id,
    "lp_token": lambda visit, ids: visit.landing,
    "cost": lambda visit, ids: _amount(visit),
    "currency": lambda visit, ids: visit.currency,
    "timestamp": lambda visit, ids: str(visit.at_us // 1_000_000),
    "referrer": lambda visit, ids: visit.referrer,
    "language": lambda visit, ids: visit.language,
    "user_agent": lambda visit, ids: visit.user_agent,
    "campaign_name": lambda visit, ids: ids.campaign_name,
    "stream_name": lambda visit, ids: ids.stream_name,
    "destination_name": lambda visit, ids: ids.destination_name,
    "source_name": lambda visit, ids: ids.source_name,
    "landing_id": lambda visit, ids: str(ids.landing_id),
    "landing_name": lambda visit, ids: ids.landing_name,
    "parent_campaign_id": lambda visit, ids: str(visit.handed_on_by[0]),
    "parent_campaign_name": lambda visit, ids: visit.handed_on_by[1],
    "network_id": lambda visit, ids: str(ids.network_id),
    "link_id": lambda visit, ids: str(visit.link_id),
    "host": lambda visit, ids: visit.host,
    "date": lambda visit, ids: _date(visit.at_us),
    # As events keep it (promise 7): the decision is replayed from the record, where no more of it stands.
    "ip": lambda visit, ids: cut_address(visit.address),
    "language_code": _fact("language"),
    **{name: _fact(name) for name in FACTS},
    **{f"sub{n}": _sub(n) for n in range(1, SUBS + 1)},
    **{name: _utm(name) for name in UTM},
}


# Made by us of characters that need no encoding.
_PLAIN = frozenset(
    {"click_id", "campaign_id", "stream_id", "destination_id", "source_id", "cost", "timestamp", "date"}
)
# What {_name} leaves as it is after the "?": nothing that ends a parameter, a value or the query.
_RAW = ":/@,!*()"


def reader(name: str, place: int = 0) -> Reader | None:
    """Who reads a macro; `query.NAME` is any query parameter. None when the name is unknown.

    `place`: which macro of its URL it is.
    """
    name = ALIASES.get(name, name)
    if name.startswith("query."):
        return _param(name[6:])
    return READERS.get(name) or arguments.reader(name, place)


def known() -> str:
    """The names there are, for whoever wrote one that is not."""
    named = [name for name in READERS if not name.startswith("sub")]
    return ", ".join(["query.NAME", "date:FORMAT,ZONE", "sample:A,B", f"sub1 to sub{SUBS}", *named])


def encode(value: str, safe: str = "") -> str:
    """Percent-encode one value for any place after the host, the characters of `safe` excepted.

    "." and ".." are dropped: a browser would resolve them as path segments, however they are encoded.
    """
    return "" if value in (".", "..") else quote(value, safe=safe, errors="replace")


class UrlTemplate:
    """A compiled URL. `render` gives the final text; `unknown` names the macros that nobody knows."""

    __slots__ = ("_pieces", "_tail", "source", "unknown")

    def __init__(self, url: str) -> None:
        self.source = url
        unknown: list[str] = []
        pieces: list[tuple[str, Reader, bool, str]] = []
        literal, at = "", 0
        for match in _MACRO.finditer(url):
            literal += url[at : match.start()]
            at = match.end()
            name = match.group(1)
            safe = ""
            read = reader(name, len(pieces))
            if read is None and name.startswith("_"):
                read = reader(name[1:], len(pieces))
                before = url[: match.start()]
                safe = _RAW if "?" in before or "#" in before else ""
            if read is None:
                unknown.append(name)  # empty, and counted at each use
            else:
                pieces.append((literal, read, name in _PLAIN, safe))
                literal = ""
        self._pieces = tuple(pieces)
        self._tail = literal + url[at:]
        self.unknown = tuple(unknown)

    def render(self, visit: Visit, ids: Ids) -> str:
        text = ""
        for literal, read, plain, safe in self._pieces:
            value = read(visit, ids)
            if plain or (value.isalnum() and value.isascii()):
                text += literal + value
            else:
                text += literal + encode(value, safe)
        return text + self._tail


def check_url(url: str, path: str) -> list[FieldProblem]:
    """Faults of a destination's URL. Macros may stand only where no value can choose the host."""

    def fault(message: str) -> list[FieldProblem]:
        return [FieldProblem(path, message)]

    if not 1 <= len(url) <= MAX_URL:
        return fault(f"1 to {MAX_URL} characters")
    if _UNSAFE.search(url):
        return fault("spaces, control characters and characters outside ASCII must be percent-encoded")
    if url.startswith("/") and not url.startswith("//"):
        head, rest = "/", url[1:]
    else:
        try:
            split = urlsplit(url)
            host, _ = split.hostname, split.port
        except ValueError:
            return fault("not a URL: its host or port cannot be read")
        if split.scheme not in ("http", "https") or not host:
            return fault("an http(s) URL with a host, or a path of this appliance that begins with one /")
        if "@" in split.netloc:
            return fault("user and password in a URL are shown to every visitor; leave them out")
        prefix = len(split.scheme) + 3 + len(split.netloc)
        head, rest = url[:prefix], url[prefix:]
        if rest and rest[0] not in "/?#":
            return fault("the host must be followed by /, ? or #")
    if "{" in head or "}" in head:
        return fault("a macro may not stand in the scheme, host or port: a visitor could choose the host")
    if head == "/" and rest.startswith("{"):
        return fault("a macro may not be the first path segment: its value could make this another host")
    return []
