"""Referrer → its host and the search engine it belongs to; Accept-Language → the language preferred."""

from __future__ import annotations

import re

from appliance.routing.recent import Recent

REFERRERS = 4_096
LANGUAGES = 1_024
LONGEST_HOST = 255

_HOST = re.compile(r"[a-z][a-z0-9+.-]*://(?:[^/?#@]*@)?(\[[0-9a-f:.]+\]|[^/?#:@\s]+)", re.IGNORECASE)
_NATIONAL = r"(?:com|[a-z]{2}|com?\.[a-z]{2}|[a-z]{3}\.[a-z]{2})"
_ENGINES: dict[str, re.Pattern[str]] = {
    name: re.compile(pattern)
    for name, pattern in {
        "google": rf"(?:.+\.)?google\.{_NATIONAL}|com\.google\.android\.googlequicksearchbox",
        "bing": r"(?:.+\.)?bing\.com",
        "yahoo": r"(?:.+\.)?search\.yahoo\.(?:com|co\.jp)|(?:www\.)?yahoo\.com",
        "duckduckgo": r"(?:.+\.)?duckduckgo\.com|com\.duckduckgo\.mobile\.android",
        "yandex": rf"(?:.+\.)?yandex\.(?:{_NATIONAL}|com\.tr)|ya\.ru",
        "baidu": r"(?:.+\.)?baidu\.com",
        "naver": r"(?:m\.)?search\.naver\.com|(?:www\.)?naver\.com",
        "daum": r"(?:m\.)?search\.daum\.net",
        "seznam": r"search\.seznam\.cz",
        "ecosia": r"(?:www\.)?ecosia\.org",
        "startpage": r"(?:.+\.)?startpage\.com",
        "qwant": r"(?:.+\.)?qwant\.com",
        "brave": r"search\.brave\.com",
        "kagi": r"(?:www\.)?kagi\.com",
        "mail.ru": r"go\.mail\.ru",
        "rambler": r"nova\.rambler\.ru",
        "sogou": r"(?:.+\.)?sogou\.com",
        "so.com": r"(?:www\.|m\.)?so\.com",
        "coccoc": r"(?:www\.)?coccoc\.com",
        "aol": r"search\.aol\.(?:com|co\.uk)",
        "ask": r"(?:www\.|[a-z]{2}\.)?ask\.com",
    }.items()
}
SEARCH_ENGINES = tuple(_ENGINES)
"""What the fact search_engine can be."""

# Google's and Yandex's other houses: a visitor from a mail or a video did not search.
_NOT_SEARCH = re.compile(
    r"(?:mail|accounts|docs|drive|sites|plus|news|maps|translate|play|groups|calendar|meet|chat|ads|adssettings"
    r"|googleads\..+|tpc|disk|metrika|direct|market|music|zen|taxi|pay|myaccount|support|classroom)\."
)
_NOBODY = {"referrer_host": "", "search_engine": ""}


class Referrers:
    """Remembers what the last referrers were."""

    def __init__(self, limit: int = REFERRERS) -> None:
        self._known: Recent[str, dict[str, str]] = Recent(limit)

    def facts(self, referrer: str) -> dict[str, str]:
        """referrer_host and search_engine, "" where there is none; not to be changed."""
        if not referrer:
            return _NOBODY
        # Referrers have queries of their own: what is remembered is what stands before the path.
        key = referrer[:LONGEST_HOST]
        end = key.find("/", key.find("://") + 3)
        key = key[:end] if end > 0 else key
        return self._known.get(key) or self._known.put(key, _read(key))


def _read(referrer: str) -> dict[str, str]:
    host = host_of(referrer)
    return {"referrer_host": host, "search_engine": search_engine(host)}


def host_of(referrer: str) -> str:
    """The host of an address in lower case, without port and user; "" when there is none."""
    found = _HOST.match(referrer.strip())
    return found[1].lower().rstrip(".")[:LONGEST_HOST] if found else ""


def search_engine(host: str) -> str:
    """One of SEARCH_ENGINES, or ""."""
    if not host or _NOT_SEARCH.match(host):
        return ""
    return next((name for name, pattern in _ENGINES.items() if pattern.fullmatch(host)), "")


class Languages:
    """Remembers what the last Accept-Language headers prefer."""

    def __init__(self, limit: int = LANGUAGES) -> None:
        self._known: Recent[str, dict[str, str]] = Recent(limit)

    def facts(self, header: str) -> dict[str, str]:
        """language; nothing when the client names none. Not to be changed."""
        if not header:
            return _SILENT
        return self._known.get(header) or self._known.put(header, _spoken(header))


_SILENT: dict[str, str] = {}


def _spoken(header: str) -> dict[str, str]:
    language = preferred(header)
    return {"language": language} if language else {}


def preferred(header: str) -> str:
    """`de-AT,de;q=0.9,en;q=0.8` → "de": the language of the highest weight, the first of equals; "" for none.

    RFC 9110, 12.5.4; a weight that is none counts as 0. At most 16 of them are looked at.
    """
    best, most = "", 0.0
    for part in header.split(",", 16)[:16]:
        tag, _, parameters = part.partition(";")
        language = tag.strip().lower().partition("-")[0]
        if not (2 <= len(language) <= 3 and language.isascii() and language.isalpha()):
            continue
        weight = _weight(parameters)
        if weight > most:
            best, most = language, weight
    return best


_WEIGHT = re.compile(r"\s*q\s*=\s*([01](?:\.\d{0,3})?)\s*", re.ASCII)


def _weight(parameters: str) -> float:
    if not parameters.strip():
        return 1.0
    found = _WEIGHT.fullmatch(parameters)
    return float(found[1]) if found else 0.0
