"""Standard Webhooks 1.0.0: the headers that let a receiver check who sent a request, and that it is new."""

from __future__ import annotations

import base64
import binascii
import hmac

PREFIX = "whsec_"


def key(secret: str) -> bytes | None:
    """The key in `whsec_…`, 24 to 64 bytes in base64; None when it is none."""
    try:
        found = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        return None
    return found if 24 <= len(found) <= 64 else None


def headers(id: str, at: int, body: bytes, secrets: str) -> dict[str, str]:
    """`id` names the message at every attempt, `at` is the attempt's unix time in seconds.

    Several secrets, parted by blanks, sign each for themselves: receivers change theirs one by one.
    """
    content = f"{id}.{at}.".encode() + body
    signatures = [
        "v1," + base64.b64encode(hmac.digest(found, content, "sha256")).decode()
        for secret in secrets.split()
        if (found := key(secret)) is not None
    ]
    return {"webhook-id": id, "webhook-timestamp": str(at), "webhook-signature": " ".join(signatures)}
