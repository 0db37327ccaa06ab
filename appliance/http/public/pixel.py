"""Conversions that a page reports: as an image (GET /px/{network}.gif), by script (POST /js/{network}).

The click is named, or known from the cookie that it left. A page cannot prove who it is: what anybody may
send here anybody could have invented, so that networks whose postbacks prove something are refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import msgspec

from appliance.attribution.template import ALIASES, is_macro
from appliance.http.public import bodies, buyers, convert_script, cookies, postback, proofs, replies, script
from appliance.http.public.buyers import NOBODY
from appliance.http.public.connection import Unsure
from appliance.http.public.replies import JSON, Reply
from appliance.http.public.request import Request
from appliance.model.events import OWN_DOORS
from appliance.model.table import NetworkEntry
from appliance.partners.report import Identity
from appliance.routing.clicked import COOKIE, clicked
from appliance.routing.table import RoutingTable
from appliance.routing.visit import read_query

PIXEL, SCRIPT = OWN_DOORS[:2]
LARGEST = 16 * 1024
GIF = bytes.fromhex("47494638396101000100800000ffffff00000021f90401000000002c00000000010001000002024401003b")
"""One transparent pixel."""
UNKNOWN = "There is no such affiliate network."
CLOSED = (
    "Postbacks of this network prove who sends them, which a page cannot do;"
    " make a network without secret, signature and addresses for the pixel and the script."
)
NO_CLICK = "No click is known of this visitor: name click_id, or have the campaign keep it in a cookie."
_NOT_RECORDED = "The conversion could not be recorded; please repeat it."
_ALLOW = b"Allow: GET, HEAD\r\n"
_ALLOW_POST = b"Allow: POST, OPTIONS\r\n"
_json = msgspec.json.Encoder().encode


class Recording(Protocol):
    """The router, as these doors use it."""

    table: RoutingTable

    def postback(
        self, network: NetworkEntry, method: str, params: dict[str, str], address: str, request_id: str,
        refusal: str = "", who: Identity = NOBODY,
    ) -> str: ...  # fmt: skip


class Pixel:
    """Answers pages. What it accepts is in the journal first, like every postback."""

    def __init__(self, routing: Recording) -> None:
        self._routing = routing

    def image(
        self, slug: str, query: bytes, request: Request, address: str, request_id: str
    ) -> Reply | Unsure:
        """The pixel. It is always an image: a page must not look broken because of us."""
        if request.method not in (b"GET", b"HEAD"):
            return _image(405, "Only GET and HEAD are answered here.", _ALLOW)
        fields: dict[str, Any] = dict(read_query(query.decode("utf-8", "replace")))
        found = self._read(slug, fields, query, request)
        if found.network is None:
            return _image(found.status, found.reason)
        if request.method == b"HEAD":
            return _image(200)
        self._record(found, PIXEL, address, request_id)
        if found.reason:
            return _image(found.status, found.reason)
        return Unsure(_image(200), _image(503, _NOT_RECORDED))

    def source(self, slug: str, request: Request) -> Reply:
        """The script, for a network whose conversions it can report."""
        if request.method not in (b"GET", b"HEAD"):
            return replies.text(405, "Only GET and HEAD are answered here.\n", _ALLOW)
        network = self._routing.table.networks.get(slug)
        if network is None or not network.active:
            return replies.text(404, f"{UNKNOWN}\n")
        return convert_script.FILE if not _closed(network) else replies.text(403, f"{CLOSED}\n")

    def script(self, slug: str, request: Request, address: str, request_id: str) -> Reply | Unsure:
        """What the script sends."""
        cors = script.cors(request)
        if request.method == b"OPTIONS":
            return script.preflight(request)
        if request.method != b"POST":
            return _told(405, {"error": "Send a conversion here by POST."}, cors + _ALLOW_POST)
        body = bodies.read_json(request.body) if len(request.body) <= LARGEST else "at most 16 KiB"
        if isinstance(body, str):
            return _told(400, {"error": body}, cors)
        found = self._read(slug, body, b"", request)
        if found.network is not None:
            self._record(found, SCRIPT, address, request_id)
        if found.reason:
            return _told(found.status, {"error": found.reason}, cors)
        return Unsure(_told(200, {"recorded": True}, cors), _told(503, {"error": _NOT_RECORDED}, cors))

    def _read(self, slug: str, fields: dict[str, Any], query: bytes, request: Request) -> postback.Found:
        network = self._routing.table.networks.get(slug)
        if network is None or not network.active:
            return postback.Found(404, UNKNOWN)
        own = bodies.text(fields.pop(COOKIE, ""))
        # Whatever the network's own names for it are: nothing that looks like a secret is kept.
        sent = proofs.Sent(
            request, query, {}, {name: fields[name] for name in fields if name not in _SECRETS}
        )
        params, who = postback.kept(proofs.unproven(network, sent), network, places=buyers.OWN)
        if _closed(network):
            return postback.Found(403, CLOSED, network, params)
        if not _first(params, "click_id"):
            seen = cookies.read(request.headers.get(b"cookie", b"")).get(COOKIE, "")
            click = clicked(seen, network.id) or clicked(own, network.id)
            if click:
                for name in ALIASES["click_id"]:
                    params.pop(name, None)
                params["click_id"] = click
            elif not _first(params, "transaction_id"):
                return postback.Found(200, NO_CLICK, network, params)
        return postback.Found(200, "", network, params, who)

    def _record(self, found: postback.Found, door: str, address: str, request_id: str) -> None:
        assert found.network is not None
        self._routing.postback(
            found.network, door, found.params, address, request_id, found.reason, found.who
        )


_SECRETS = frozenset(ALIASES["secret"])


def _closed(network: NetworkEntry) -> bool:
    return bool(network.secrets or network.signature or network.allow)


def _first(params: Mapping[str, str], field: str) -> str:
    """What names it, which no macro does that nobody replaced."""
    values = (params.get(name, "").strip() for name in ALIASES[field])
    return next((value for value in values if value and not is_macro(value)), "")


def _image(status: int, reason: str = "", extra: bytes = b"") -> Reply:
    why = f"X-Weir-Reason: {reason}\r\n".encode("ascii") if reason else b""
    return replies.content(
        status, b"image/gif", GIF, b"Cross-Origin-Resource-Policy: cross-origin\r\n" + why + extra
    )


def _told(status: int, answer: object, headers: bytes) -> Reply:
    return replies.content(status, JSON, _json(answer), headers)
