"""API tokens: how a secret looks, what is stored of it, when it has expired. Pure."""

from __future__ import annotations

import re
from datetime import datetime
from hashlib import sha256

from appliance.model.catalog import Token

PREFIX = "weir_"
SECRET_BYTES = 32
_SECRET = re.compile(r"weir_[A-Za-z0-9_-]{43}", re.ASCII)
_HINT = len(PREFIX) + 4


def is_secret(text: str) -> bool:
    return _SECRET.fullmatch(text) is not None


def digest(secret: str) -> str:
    """256 random bits need no salt and no slow hash."""
    return sha256(secret.encode()).hexdigest()


def hint(secret: str) -> str:
    """Enough to tell one's tokens apart, 24 bits less to guess."""
    return secret[:_HINT]


def expired(token: Token, now_us: int) -> bool:
    if not token.expires_at:
        return False
    try:
        ends = datetime.fromisoformat(token.expires_at)
    except ValueError:
        return True
    return ends.tzinfo is None or ends.timestamp() * 1e6 <= now_us
