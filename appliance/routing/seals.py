"""Texts that a visitor carries for us and cannot change: payload and HMAC-SHA256, fit for a URL and a cookie.

Whoever has the key makes and opens them: any edge, before and after a restart, without the core.
"""

from __future__ import annotations

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error

_MAC_BYTES = 16
LONGEST = 6_000
"""Characters of a sealed text; a longer one is not even looked at."""


def seal(key: bytes, purpose: bytes, payload: bytes) -> str:
    """`payload` under the key, for one purpose only; "" without a key, for then anybody could make it."""
    if not key:
        return ""
    mac = _mac(key, purpose, payload)
    return urlsafe_b64encode(mac + payload).rstrip(b"=").decode()


def opened(key: bytes, purpose: bytes, text: str) -> bytes | None:
    """The payload of a text that `seal` made for this purpose; None for any other."""
    if not key or len(text) > LONGEST or not text.isascii():
        return None
    try:
        whole = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (Base64Error, ValueError):
        return None
    mac, payload = whole[:_MAC_BYTES], whole[_MAC_BYTES:]
    return payload if hmac.compare_digest(mac, _mac(key, purpose, payload)) else None


def _mac(key: bytes, purpose: bytes, payload: bytes) -> bytes:
    return hmac.digest(key, purpose + b"\0" + payload, "sha256")[:_MAC_BYTES]
