"""Clicks that come as calls: of a program (POST /api/click), of the tracking script (POST /api/track)."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Protocol

import msgspec

from appliance.http.public import click_api, replies, script
from appliance.http.public.pace import Pace
from appliance.http.public.replies import JSON, Reply
from appliance.http.public.request import Request
from appliance.model.catalog import Link
from appliance.routing.decision import Decision
from appliance.routing.table import CompiledCampaign, RoutingTable
from appliance.routing.visit import Visit

# One busy web server in front of us asks a thousand times a second; whoever guesses secrets has 20 a minute.
CALLS_PER_SECOND, CALLS_AT_ONCE = 2_000.0, 4_000
GUESSES_PER_SECOND, GUESSES_AT_ONCE = 20 / 60, 20
LONGEST_QUERY = 8 * 1024
_json = msgspec.json.Encoder().encode
_ONLY_POST = b"Allow: POST\r\n"
_ONLY_POST_OR_ASK = b"Allow: POST, OPTIONS\r\n"
_UNKNOWN = "There is no such campaign, or this is not its secret."


class Deciding(Protocol):
    """The router, as these doors use it."""

    table: RoutingTable

    def click(
        self, visit: Visit, campaign: CompiledCampaign | None = None, link: Link | None = None
    ) -> Decision | None: ...


class Callers:
    """Answers calls. Everything it answers is in the journal first, like every click."""

    def __init__(
        self, routing: Deciding, clock_us: Callable[[], int] = lambda: time.monotonic_ns() // 1_000
    ) -> None:
        self._routing = routing
        self._clock_us = clock_us
        self._calls = Pace(CALLS_PER_SECOND, CALLS_AT_ONCE)
        self._guesses = Pace(GUESSES_PER_SECOND, GUESSES_AT_ONCE)

    def click(self, request: Request, caller: str, request_id: str) -> Reply:
        """One click of the click API. Who is too fast, or guessed too often, is not even compared."""
        if request.method != b"POST":
            return _refused(405, "Send a click here by POST.", _ONLY_POST)
        now = self._clock_us()
        wait = self._calls.take(caller, now) or self._guesses.wait_us(caller, now)
        if wait:
            seconds = math.ceil(wait / 1_000_000)
            return _refused(429, "Too many requests; try again later.", b"Retry-After: %d\r\n" % seconds)
        asked = click_api.read(request)
        if asked.fault:
            return _refused(asked.status, asked.fault)
        campaign = click_api.campaign_of(asked, self._routing.table)
        if campaign is None:
            self._guesses.take(caller, now)
            return _refused(403, _UNKNOWN)
        visit = click_api.visit_of(asked, campaign, caller, request_id)
        if isinstance(visit, str):
            return _refused(400, visit)
        if len(visit.query) > LONGEST_QUERY:
            return _refused(400, f"the parameters of a click have at most {LONGEST_QUERY // 1024} KiB")
        decision = self._routing.click(visit, campaign)
        if decision is None:
            return _refused(403, _UNKNOWN)
        cookies = {name: value for name, value, _ in visit.sets}
        tell = click_api.in_keitaros_words if asked.in_keitaros_words else click_api.told
        return replies.content(200, JSON, _json(tell(visit, decision, cookies)))

    def track(self, request: Request, fill: Callable[[Visit], None]) -> tuple[Reply, Visit | None]:
        """One click of the tracking script; the visit for its cookies. `fill` adds what the request says."""
        cors = script.cors(request)
        if request.method == b"OPTIONS":
            return script.preflight(request), None
        if request.method != b"POST":
            return _refused(405, "Send a click here by POST.", cors + _ONLY_POST_OR_ASK), None
        found = script.read(request.body)
        if isinstance(found, str):
            return _refused(400, found, cors), None
        token, visit = found
        referrer = visit.referrer
        fill(visit)
        visit.referrer = referrer  # the request's own is the page, which the script tells whole
        table = self._routing.table
        link = None
        if token:
            campaign, link = table.campaign("r", token)
        else:
            campaign = table.by_slug.get(visit.key) or table.by_public_id.get(visit.key)
        decision = self._routing.click(visit, campaign, link) if campaign is not None else None
        if decision is None:
            return _refused(404, "There is no such campaign.", cors), None
        answer = {"click_id": visit.click_id, "lp_token": decision.landing}
        return replies.content(200, JSON, _json(answer), cors), visit


def _refused(status: int, why: str, headers: bytes = b"") -> Reply:
    return replies.content(status, JSON, _json({"error": why}), headers)
