"""Transparent links: the visible next hop of a click, as Google asks for it. Off unless the source allows it.

The one way in which a request names where its visitor goes (design.md, promise 6): to hosts that the source
lists, or with an HMAC that only its operator can make. Read strictly, so that no browser sees another host.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Iterator, Mapping
from urllib.parse import quote

from appliance.errors import FieldProblem
from appliance.model.catalog import Source
from appliance.model.rules import Transparent

NEVER = ("url", "redirect_url")
"""Parameters that are never followed, whatever a source says: every open redirect is called so."""
SIGNATURE = "hmac"
MAX_HOSTS = 1_000
LONGEST = 2_048
_HOST = r"(?:[a-z0-9](?:[a-z0-9-]{0,62})\.)+[a-z][a-z0-9-]{1,62}"
_URL = re.compile(rf"(https?)://({_HOST})(?::(\d{{1,5}}))?(?:[/?#][!-~]*)?", re.ASCII | re.IGNORECASE)
_PATTERN = re.compile(rf"(?:\*\.)?{_HOST}", re.ASCII)
# What stands in URLs as it is; all else a browser would encode itself, or stumble over.
_KEPT = "!#$%&'()*+,/:;=?@[]~"
_PORTS = {"": 0, "80": 1, "443": 1}


class Hop:
    """What a source's transparent links may name."""

    __slots__ = ("_below", "_hosts", "_secret", "param")

    def __init__(self, rule: Transparent, secret: str) -> None:
        self.param = rule.param
        self._secret = secret.encode()
        self._hosts = frozenset(host for host in rule.hosts if not host.startswith("*"))
        self._below = tuple(host[1:] for host in rule.hosts if host.startswith("*."))

    def follow(self, params: Mapping[str, str]) -> str | None:
        """The next hop; "" when one is named that is not allowed, None when none is named."""
        given = params.get(self.param)
        if not given:
            return None
        if len(given) > LONGEST:
            return ""
        url = quote(given, safe=_KEPT, errors="replace")
        read = _URL.fullmatch(url)
        if read is None:
            return ""
        host = read[2].lower()
        if (read[3] or "") in _PORTS and (host in self._hosts or host.endswith(self._below or ("\0",))):
            return url
        return url if self._is_signed(given, params.get(SIGNATURE, "")) else ""

    def _is_signed(self, url: str, given: str) -> bool:
        if not self._secret or len(given) != 64 or not given.isascii():
            return False
        true = hmac.new(self._secret, url.encode("utf-8", "surrogatepass"), "sha256").hexdigest()
        return hmac.compare_digest(true, given.lower())


def compile_hop(source: Source | None) -> Hop | None:
    """None where nothing that is not the catalog's is followed."""
    if source is None or source.transparent is None or source.transparent.param.lower() in NEVER:
        return None
    return Hop(source.transparent, source.secret)


def check_hop(source: Source) -> Iterator[FieldProblem]:
    """Every fault of what a source allows its links to name."""
    rule = source.transparent
    if rule is None:
        return
    if not re.fullmatch(r"[A-Za-z0-9_.-]{1,64}", rule.param, re.ASCII):
        yield FieldProblem("transparent.param", "a parameter's name: 1 to 64 of A-Z, a-z, 0-9, _, . and -")
    elif rule.param.lower() in (*NEVER, SIGNATURE):
        yield FieldProblem("transparent.param", f"{', '.join((*NEVER, SIGNATURE))} are never followed")
    if len(rule.hosts) > MAX_HOSTS:
        yield FieldProblem("transparent.hosts", f"at most {MAX_HOSTS} hosts")
    for index, host in enumerate(rule.hosts[:MAX_HOSTS]):
        if not _PATTERN.fullmatch(host):
            words = "a host's name in lower case such as shop.example.com, or *.example.com for all below it"
            yield FieldProblem(f"transparent.hosts[{index}]", words)
    if not rule.hosts and not source.secret:
        yield FieldProblem("transparent.hosts", "hosts that may be gone to, or a secret that signs links")
    if source.secret and len(source.secret) < 16:
        yield FieldProblem("secret", "at least 16 characters")
