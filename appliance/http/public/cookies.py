"""First-party cookies of the public port: read as texts, written as one header line each."""

from __future__ import annotations

import re

LONGEST = 4_000
MOST = 50
_VALUE = re.compile(r"[A-Za-z0-9_.~:-]{0,4000}", re.ASCII)
"""What our own cookies hold; any other value is somebody else's."""


def read(header: bytes) -> dict[str, str]:
    """Name → value of a Cookie header: the first of a name, at most 50, none that we could not have set."""
    found: dict[str, str] = {}
    for pair in header.decode("latin-1").split(";", MOST)[:MOST]:
        name, _, value = pair.strip().partition("=")
        if name and name not in found and _VALUE.fullmatch(value):
            found[name] = value
    return found


def line(name: str, value: str, seconds: int, secure: bool, everywhere: bool = False) -> bytes:
    """A Set-Cookie header line. Lax: it comes along when a visitor follows a link here from another site.
    `everywhere`: also when another site's page asks for an image here, which browsers allow over https only.
    """
    if not _VALUE.fullmatch(value):
        raise ValueError(f"the cookie {name} cannot hold this")
    end = "Lax" if not secure else "None; Secure" if everywhere else "Lax; Secure"
    text = f"Set-Cookie: {name}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite={end}\r\n"
    return text.encode("ascii")
