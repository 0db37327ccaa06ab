"""Which texts are addresses: of a socket, a host, a mailbox, the web. Pure; a wrong one raises ValueError."""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import urlsplit

_LABEL = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)")
_MAILBOX = re.compile(r"[^@\s,;:<>()\[\]\\\"]{1,64}")
LONGEST_NAME = 253
"""Characters of a host name; RFC 1035's 255 octets less the root's."""


def host_port(text: str) -> tuple[str, int]:
    """`"127.0.0.1:8080"`, `"[::1]:0"` or `":8080"` → (host, port). Raises ValueError saying what is wrong."""
    host, colon, port = text.rpartition(":")
    if not colon or not port.isdigit() or int(port) > 65535:
        raise ValueError("expected HOST:PORT, for example 127.0.0.1:8080 or [::]:8080")
    host = host.removeprefix("[").removesuffix("]") or "0.0.0.0"  # noqa: S104  ":8080" means everywhere
    try:
        ipaddress.ip_address(host)
    except ValueError:
        if host != "localhost":
            raise ValueError("the host must be an IP address or localhost") from None
        host = "127.0.0.1"
    return host, int(port)


def host_name(text: str) -> str:
    """A domain as DNS has it: `"Go.Example.COM"` → `"go.example.com"`, `"bücher.example"` → `"xn--…"`.

    Raises ValueError saying what is wrong.
    """
    name = text.strip().lower().removesuffix(".")
    if not name.isascii():
        name = _punycode(name)
    labels = name.split(".")
    if len(labels) < 2 or len(name) > LONGEST_NAME or not all(map(_LABEL.fullmatch, labels)):
        raise ValueError("expected a host name, for example go.example.com: no scheme, port or path")
    if labels[-1].isdigit():
        raise ValueError("expected a host name, for example go.example.com, not an IP address")
    return name


def _punycode(name: str) -> str:
    """Python's codec knows IDNA 2003, which turns ß into ss and so may name somebody else's domain."""
    try:
        encoded = name.encode("idna")
        if encoded.decode("idna") == name:
            return encoded.decode("ascii")
    except UnicodeError:
        pass
    raise ValueError("write this name the way DNS has it, beginning with xn--")


def mailbox(text: str) -> str:
    """A mail address, roughly: something, an @, a host name; that is lower-cased. Raises ValueError."""
    local, at, domain = text.strip().rpartition("@")
    if not at or not _MAILBOX.fullmatch(local) or not local.isprintable():
        raise ValueError("expected a mail address, for example you@example.com")
    try:
        return f"{local}@{host_name(domain)}"
    except ValueError:
        raise ValueError("expected a mail address, for example you@example.com") from None


def is_url(text: str) -> bool:
    """True for an absolute http(s) URL that may stand in a header."""
    try:
        split = urlsplit(text)
        clean = text.isprintable() and " " not in text  # urlsplit drops line ends
        return clean and split.scheme in ("http", "https") and bool(split.hostname) and split.port != 0
    except ValueError:  # "http://[": urlsplit refuses some texts by raising
        return False


def is_origin(text: str) -> bool:
    """True for scheme, host and maybe a port of the web, as a browser's Origin header has them."""
    return is_url(text) and re.fullmatch(r"https?://[^/?#@\\]+/?", text.lower()) is not None


def is_smtp_url(text: str) -> bool:
    """True for smtp:// (587, STARTTLS where offered) and smtps:// (465) with a host."""
    try:
        split = urlsplit(text)
        clean = text.isprintable() and " " not in text and split.path in ("", "/") and split.port != 0
        return clean and split.scheme in ("smtp", "smtps") and bool(split.hostname)
    except ValueError:
        return False


def is_loopback(address: str) -> bool:
    """True for an address of this machine alone; False for what is no address."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped is not None:
        found = found.ipv4_mapped
    return found.is_loopback
