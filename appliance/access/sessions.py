"""Sessions as signed tokens (JWT, HS256 and nothing else). Pure: the clock is an argument.

The signature only proves that Weir made it; whether the session still is, and what its user may do, is
looked up at every request.
"""

from __future__ import annotations

import hmac
from typing import NamedTuple

import jwt

from appliance.errors import Unauthenticated
from appliance.model.identity import Session

LIFE_US = 12 * 3_600_000_000
LONGEST_US = 30 * 24 * 3_600_000_000
"""A session that is renewed again and again ends after this all the same."""
MOST_PER_USER = 20
"""Sessions of one user; signing in once more ends the oldest."""
LOCAL_US = 3_600_000_000
MOST_LOCAL = 32
"""Sessions of programs on this machine: how long, and how many; one more ends the oldest."""
_ALGORITHM = "HS256"
_SECOND = 1_000_000


class Claims(NamedTuple):
    """What a genuine token says."""

    session: str
    user_id: int


def key_for(secret: bytes, purpose: str) -> bytes:
    """A key of its own for each purpose, from the installation's one secret."""
    return hmac.new(secret, f"weir {purpose}".encode(), "sha256").digest()


def expiry_us(started_us: int, now_us: int) -> int:
    """When a token made now ends, of a session that began at `started_us`; not after now: it is over."""
    return min(now_us + LIFE_US, started_us + LONGEST_US)


def write(session: Session, now_us: int, key: bytes) -> str:
    claims = {
        "sid": session.id,
        "sub": str(session.user_id),
        "iat": now_us // _SECOND,
        "exp": session.expires_us // _SECOND,
    }
    return jwt.encode(claims, key, _ALGORITHM)


def read(token: str, now_us: int, key: bytes) -> Claims:
    """Raises Unauthenticated for whatever is forged, torn or expired."""
    try:
        # Time is checked below, by the caller's clock.
        claims = jwt.decode(
            token,
            key,
            algorithms=[_ALGORITHM],
            options={"require": ["sid", "sub", "iat", "exp"], "verify_exp": False, "verify_iat": False},
        )
        session, user, expires = claims["sid"], claims["sub"], claims["exp"]
        if not isinstance(session, str) or not user.isdecimal() or not isinstance(expires, int):
            raise jwt.InvalidTokenError
    except (jwt.PyJWTError, ValueError, AttributeError):
        raise Unauthenticated("this is no session of this Weir; sign in again") from None
    if expires * _SECOND <= now_us:
        raise Unauthenticated("the session has expired; sign in again")
    return Claims(session, int(user))
