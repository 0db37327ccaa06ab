"""Landing pages: what a visitor carries from one to its exits, and where an exit leads.

The outgoing click is a click of its own: decided here like any other, with the landing's click as its parent.
What it needs of that click (whose it was, which page, the tracking fields) travels sealed in a cookie or in
the page's URL ({lp_token}), so that any edge can go on with it, after a restart too, without asking the core;
the newest of them are kept on disk too, for visitors who lost it and know their click's id.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

import msgspec
from msgspec import Struct

from appliance.model.events import Verdict
from appliance.model.ids import click_time_ms
from appliance.routing import verdicts
from appliance.routing.back import back
from appliance.routing.carrying import PURPOSE
from appliance.routing.choose import choose
from appliance.routing.decision import Decision
from appliance.routing.seals import opened
from appliance.routing.state import State
from appliance.routing.table import CompiledCampaign, CompiledStream, RoutingTable
from appliance.routing.visit import Leaving, Visit

LIFE_MS = 7 * 24 * 3_600_000
"""How long after its click a landing page lets its visitor out."""
COOKIE = "weir_lp"
PAGES_KEPT = 3
MARK = "~"
"""Between the pages of a cookie."""
LONGEST_COOKIE = 3_600
"""Characters: browsers drop a cookie of more than 4,096 bytes with its name."""
_NONE: tuple[Verdict, ...] = ()


class Landings(Protocol):
    """The visits of landing pages that are remembered for those who carry nothing but a click's id."""

    def keep(self, click_id: str, sealed: str) -> None: ...

    def find(self, click_id: str) -> str:
        """What was kept; "" for none."""


class Carried(Struct, frozen=True, array_like=True):
    """The click of a landing page, as far as its exits need it."""

    click_id: str
    campaign_id: int
    stream_id: int
    landing_id: int
    link_id: int = 0
    source_click_id: str = ""
    currency: str = ""
    subs: dict[int, str] = {}
    utm: dict[str, str] = {}
    click_ids: dict[str, str] = {}


_decode = msgspec.msgpack.Decoder(Carried).decode


def carried(key: bytes, tokens: Iterable[str], click_id: str, now_ms: int) -> Carried | None:
    """The first of the tokens that is ours, not too old and of this click; "" is any click."""
    for token in tokens:
        payload = opened(key, PURPOSE, token)
        if payload is None:
            continue
        try:
            found = _decode(payload)
        except msgspec.MsgspecError:
            continue  # of another version
        born = click_time_ms(found.click_id)
        if born is not None and now_ms - born < LIFE_MS and click_id in ("", found.click_id):
            return found
    return None


def kept(newest: str, cookie: str) -> str:
    """The cookie's next value: the newest page first, then the ones before it, as far as they fit."""
    former = (token for token in cookie.split(MARK, PAGES_KEPT)[:PAGES_KEPT] if token and token != newest)
    tokens = [newest, *former][:PAGES_KEPT]
    while len(tokens) > 1 and sum(map(len, tokens)) + len(tokens) > LONGEST_COOKIE:
        tokens.pop()
    return MARK.join(tokens)


def leave(
    table: RoutingTable,
    campaign: CompiledCampaign,
    visit: Visit,
    leaving: Leaving,
    state: State,
    draw: int,
    now_us: int,
) -> Decision:
    """Where the exit of a landing page leads; trafficback when there is none that is open.

    A page that its stream does not lead to any more lets out whom it still has.
    """
    stream_id, landing_id, number = leaving
    if not campaign.active:
        return back(table, campaign, visit, verdicts.CAMPAIGN_PAUSED, draw, _NONE, _NONE, stream_id)
    exits = _exits(campaign, stream_id, landing_id)
    if not 1 <= number <= len(exits):
        return back(table, campaign, visit, verdicts.NO_DESTINATION, draw, _NONE, _NONE, stream_id)
    return choose(table, campaign, exits[number - 1], visit, state, draw, now_us, _NONE)


def _exits(campaign: CompiledCampaign, stream_id: int, landing_id: int) -> Sequence[CompiledStream]:
    found = campaign.exits.get((stream_id, landing_id))
    if found is not None:
        return found
    return next((exits for (_, page), exits in campaign.exits.items() if page == landing_id), ())
