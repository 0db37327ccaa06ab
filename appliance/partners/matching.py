"""How well a platform can find the people behind events: an estimate by the identifiers that were sent.

No platform says how it computes its own figure. Ours follows what Meta writes of it: an e-mail address, a
phone number and the click's id tell the most, where somebody lives and what he browses with the least.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

_WEIGHTS: Mapping[str, float] = MappingProxyType(
    {
        "email": 3.0, "phone": 2.0, "click": 2.5, "browser": 1.5, "external": 1.5, "address": 1.0,
        "agent": 0.5, "name": 0.5, "birth": 0.5, "place": 0.25,
    }
)  # fmt: skip
_CLASSES: Mapping[str, str] = {
    word: kind
    for kind, words in {
        "email": "em email emailAddress email_sha256",
        "phone": "ph phone phoneNumber",
        "click": "fbc ttclid gclid gbraid wbraid msclkid sc_click_id click_id oppref click-id ob_click_id",
        "browser": "fbp ttp sc_cookie1",
        "external": "external_id",
        "address": "client_ip_address clientIpAddress ip ipAddress",
        "agent": "client_user_agent clientUserAgent user_agent userAgent",
        "name": "fn ln first_name last_name",
        "birth": "db ge",
        "place": "ct st zp country city state zip_code",
    }.items()
    for word in words.split()
}
MOST = 10.0


def quality(identifiers: Mapping[str, int], measured: int) -> float | None:
    """0 to 10, with one decimal, by identifier → in how many of `measured` events it was; None for none.

    Names of one class count as the commonest of them: two names of a person are no two persons.
    """
    if measured <= 0:
        return None
    share: dict[str, float] = {}
    for name, count in identifiers.items():
        kind = _CLASSES.get(name)
        if kind is not None:
            share[kind] = max(share.get(kind, 0.0), min(1.0, count / measured))
    return round(min(MOST, sum(_WEIGHTS[kind] * part for kind, part in share.items())), 1)
