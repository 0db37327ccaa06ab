"""The cookies by which a visitor is known again: who he is, and where a campaign keeps him.

Set where a campaign asks for them, never else. They hold ids only, and are checked before they are used: a
visitor may write into them what he likes, and gets no further than to streams and destinations that he may
have anyway.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

VISITOR = "weir_v"
"""32 hexadecimal digits at random, for a year."""
STICKY = "weir_s"
"""With the campaign's id behind it: "stream" or "stream.destination"."""
VISITOR_SECONDS = 365 * 24 * 3600
_VISITOR = re.compile(r"[A-Za-z0-9_-]{16,40}", re.ASCII)
_STICKY = re.compile(r"[0-9]{1,18}(\.[0-9]{1,18})?", re.ASCII)


def visitor_of(cookies: Mapping[str, str]) -> str:
    """Who the visitor says he is; "" for nobody or no id of ours."""
    value = cookies.get(VISITOR, "")
    return value if _VISITOR.fullmatch(value) else ""


def sticky_of(cookies: Mapping[str, str], campaign_id: int) -> str:
    """What a campaign's cookie names; "" for nothing or nonsense."""
    value = cookies.get(f"{STICKY}{campaign_id}", "")
    return value if _STICKY.fullmatch(value) else ""
