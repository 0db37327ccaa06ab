"""One parsed HTTP request of the public port, and what it says about the client's address."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence
from functools import lru_cache

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_FORWARDED_FOR = re.compile(r'for=(?:"([^"]*)"|([^;,\s]*))', re.IGNORECASE)
# How many hops of a forwarding header are looked at, from the right: real chains have two or three.
_MAX_HOPS = 32


class Request:
    """Method, target, headers (names in lower case) and body; `refusal` is set when it is unusable."""

    __slots__ = ("body", "headers", "keep_alive", "method", "old", "refusal", "target")

    def __init__(self) -> None:
        self.method = b""
        self.target = b""
        self.headers: dict[bytes, bytes] = {}
        self.body = b""
        self.keep_alive = True
        self.old = False
        """HTTP/1.0."""
        self.refusal: tuple[int, str] | None = None

    def header(self, name: bytes, limit: int) -> str:
        """A header as text, cut to `limit`; bytes that are no UTF-8 become U+FFFD."""
        value = self.headers.get(name)
        return value[:limit].decode("utf-8", "replace") if value else ""


def trusted_networks(cidrs: Sequence[str]) -> tuple[Network, ...]:
    return tuple(ipaddress.ip_network(cidr, strict=False) for cidr in cidrs)


@lru_cache(maxsize=8192)
def is_trusted(address: str, networks: tuple[Network, ...]) -> bool:
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return False
    return any(ip.version == network.version and ip in network for network in networks)


@lru_cache(maxsize=8192)
def _hop(text: str) -> str | None:
    """One hop as an address: `1.2.3.4`, `1.2.3.4:567`, `[::1]:80`; None when it is no address (`unknown`)."""
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        return plain_address(text)
    except ValueError:
        return None


@lru_cache(maxsize=8192)
def plain_address(text: str) -> str:
    """The canonical text of an address; an IPv4 address mapped into IPv6 as IPv4. Raises ValueError."""
    ip = ipaddress.ip_address(text.partition("%")[0])
    if ip.version == 6 and ip.ipv4_mapped is not None:
        return str(ip.ipv4_mapped)
    return str(ip)


def client_address(peer: str, request: Request, trusted: tuple[Network, ...]) -> str:
    """Who is asking: the peer, or behind trusted proxies the rightmost hop that is not one of them.

    Headers of peers that are not trusted are ignored, and so is everything left of an unreadable hop.
    """
    if not trusted or not is_trusted(peer, trusted):
        return peer
    forwarded = request.headers.get(b"x-forwarded-for")
    if forwarded is not None:
        hops = forwarded.decode("latin-1").rsplit(",", _MAX_HOPS)
    else:
        standard = request.headers.get(b"forwarded")
        if standard is None:
            return peer
        found = _FORWARDED_FOR.findall(standard.decode("latin-1"))
        hops = [quoted or bare for quoted, bare in found]
    nearest = peer
    for text in reversed(hops[-_MAX_HOPS:]):
        hop = _hop(text)
        if hop is None:
            break
        nearest = hop
        if not is_trusted(hop, trusted):
            break
    return nearest
