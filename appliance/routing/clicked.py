"""The cookie by which a visitor's own browser knows his clicks: for the conversion pixel and script.

It holds the newest click that each network got of him, newest first: `id.network~id.network`. A campaign asks
for it (`click_cookie_days`); a visitor who says that he does not want to be followed gets none.
"""

from __future__ import annotations

from collections.abc import Iterator

from appliance.model.ids import click_time_ms
from appliance.routing.decision import Decision
from appliance.routing.visit import Visit

COOKIE = "weir_click"
MOST = 6
"""Networks; some 45 characters each."""
MARK = "~"
_DENIALS = frozenset({"gpc", "denied", "deny", "no", "none", "false", "0"})


def remember(visit: Visit, decision: Decision) -> None:
    """Let the browser keep the click that was decided, where it led somewhere and its visitor agrees."""
    if not decision.destination_id or _unwilling(visit):
        return
    cookie = kept(visit.click_id, decision.network_id, visit.cookies.get(COOKIE, ""))
    visit.sets = (*visit.sets, (COOKIE, cookie, decision.campaign.cookie_seconds))


def _unwilling(visit: Visit) -> bool:
    """What the page says of his consent counts; where it says nothing, Global Privacy Control does."""
    consent = visit.signals.get("consent", "")
    if consent:
        return consent.strip().lower() in _DENIALS
    return visit.headers.get(b"sec-gpc") == b"1"


def kept(click_id: str, network_id: int, cookie: str) -> str:
    """The cookie's next value."""
    former = [(id_, network) for id_, network in _clicks(cookie) if network != network_id]
    return MARK.join(f"{id_}.{network}" for id_, network in [(click_id, network_id), *former][:MOST])


def clicked(cookie: str, network_id: int) -> str:
    """The click that a conversion of this network is owed to; "" when the cookie knows none.

    Of a click whose destination names no network it cannot be said that it was another's.
    """
    known = list(_clicks(cookie))
    for wanted in (network_id, 0):
        for id_, network in known:
            if network == wanted:
                return id_
    return ""


def _clicks(cookie: str) -> Iterator[tuple[str, int]]:
    """(click id, network id), newest first; what is none of ours is passed over."""
    for text in cookie.split(MARK, MOST)[:MOST]:
        id_, _, network = text.partition(".")
        if click_time_ms(id_) is not None and (not network or (network.isascii() and network.isdigit())):
            yield id_, int(network[:18] or 0)
