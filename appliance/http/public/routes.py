"""The public surface, as a menu. Everything else answers 404; a wrong method answers 405."""

from __future__ import annotations

import html
import re
import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Protocol
from urllib.parse import quote

from appliance.http.public import answers, cookies, events, exits, postback, replies, script
from appliance.http.public.buyers import NOBODY
from appliance.http.public.callers import Callers
from appliance.http.public.connection import Pieces, Unsure
from appliance.http.public.events import Events
from appliance.http.public.incoming import MAX_BODY
from appliance.http.public.pixel import Pixel
from appliance.http.public.replies import Reply
from appliance.http.public.request import Network, Request, client_address
from appliance.model.catalog import Link, Page
from appliance.model.table import NetworkEntry
from appliance.partners.report import Identity
from appliance.routing import verdicts
from appliance.routing.arrival import read_headers
from appliance.routing.clicked import COOKIE as CLICKED
from appliance.routing.decision import Decision
from appliance.routing.landings import Carried, carried
from appliance.routing.table import CompiledCampaign, RoutingTable
from appliance.routing.visit import Visit, read_query

ROUTES = (
    "GET /",
    "GET /c/{campaignSlug}",
    "GET /go/{campaignPublicId}",
    "GET /r/{publicToken}",
    "GET /tb/{campaignSlug}",
    "GET|POST /pb/{network}",
    "POST /api/postbacks",
    "POST /api/events",
    "GET /lp",
    "GET /lp/{clickId}/{n}",
    "GET /m/{sealed}",
    "POST /api/click",
    "GET /t.js",
    "POST /api/track",
    "GET /px/{network}.gif",
    "GET /js/{network}.js",
    "POST /js/{network}",
    "GET /p/{pageSlug}",
    "GET /feeds/{token}.csv",
    "GET /healthz",
    "GET /readyz",
)
"""docs/reference/http.md lists these (a test checks); HEAD is answered wherever GET is."""

_DOORS = {b"c": "c", b"go": "go", b"r": "r", b"tb": "tb"}
_NOT_FOUND = replies.text(404, "There is nothing at this address.\n")
_READING = (b"GET", b"HEAD")
_NO_LANDING = replies.text(404, "The visit of the landing page that this leads out of is not known here.\n")
_ONLY_GET = replies.text(405, "Only GET and HEAD are answered here.\n", b"Allow: GET, HEAD\r\n")
_REQUEST_ID = re.compile(r"[A-Za-z0-9._:@=+/-]{1,128}")
_PAGE_MACRO = re.compile(r"\{(origin|(?:query|encoded)\.([A-Za-z0-9_.-]{1,64}))\}")
_HOST = re.compile(r"[A-Za-z0-9.\-:\[\]_]{1,255}")
_PAGE_HEADERS = (
    b"Content-Security-Policy: default-src 'none'; style-src 'unsafe-inline'; img-src data:\r\n"
    b"X-Content-Type-Options: nosniff\r\nReferrer-Policy: no-referrer\r\n"
)
_FEED_HEADERS = b"Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n"


class Root(Protocol):
    """What GET / answers (config.Public)."""

    @property
    def root_status(self) -> int: ...
    @property
    def root_text(self) -> str: ...
    @property
    def root_redirect(self) -> str: ...


class Routing(Protocol):
    """The router, as the routes use it."""

    table: RoutingTable

    def click(
        self, visit: Visit, campaign: CompiledCampaign | None = None, link: Link | None = None
    ) -> Decision | None: ...

    def exit(self, visit: Visit, carried: Carried, number: int) -> Decision | None: ...

    def landing_of(self, click_id: str) -> str: ...

    def interpreted(
        self,
        ad_account_id: int,
        events: Sequence[tuple[str, str, str, tuple[str, str, str]]],
        request_id: str,
    ) -> None: ...

    def postback(
        self, network: NetworkEntry, method: str, params: dict[str, str], address: str, request_id: str,
        refusal: str = "", who: Identity = NOBODY,
    ) -> str: ...  # fmt: skip


class Routes:
    """Answers requests. Synchronous: the connection waits for the journal afterwards, once per slice."""

    def __init__(
        self,
        routing: Routing,
        root: Root,
        trusted: tuple[Network, ...],
        ready: Callable[[], bool],
        feed: Callable[[str], bytes | None] = lambda token: None,
    ) -> None:
        """`feed` has the file that a token opens, a few milliseconds of reading at most; None for none."""
        self._routing = routing
        self._trusted = trusted
        self._ready = ready
        self._feed = feed
        self._callers = Callers(routing)
        self._pixel = Pixel(routing)
        self.events = Events(routing)
        self.requests = 0
        self.statuses: Counter[int] = Counter()
        if root.root_redirect:
            self._root = replies.redirect(root.root_redirect)
        else:
            self._root = replies.text(root.root_status, root.root_text)

    def counted(self, status: int) -> None:
        """One reply was sent."""
        self.statuses[status] += 1

    def largest(self, request: Request) -> int:
        """Only accounts that we know may send more than a megabyte."""
        path = request.target.partition(b"?")[0]
        return events.LARGEST if path == events.PATH and self.events.account(request) else MAX_BODY

    def answer(self, request: Request, peer: str) -> Reply | Unsure | Pieces:
        self.requests += 1
        target = request.target
        if not target.startswith(b"/"):
            target = _path_of(target)
        path, _, query = target.partition(b"?")
        head, _, key = path[1:].partition(b"/")
        door = _DOORS.get(head)
        if door is not None and key and b"/" not in key:
            if request.method not in (b"GET", b"HEAD"):
                return _ONLY_GET
            return self._click(door, key, query, request, peer)
        if head == b"pb" and key and b"/" not in key:
            return self._postback(key.decode("latin-1"), query, request, peer)
        if path == b"/api/postbacks":
            return self._postback(None, query, request, peer)
        if head == b"lp" and (key.count(b"/") == 1 or path == b"/lp"):
            return self._exit(key, query, request, peer) if request.method in _READING else _ONLY_GET
        if path == events.PATH:
            caller = client_address(peer, request, self._trusted)
            return self.events.answer(request, caller, query, self._request_id(request))
        if path == b"/api/click":
            caller = client_address(peer, request, self._trusted)
            return self._callers.click(request, caller, self._request_id(request))
        if path == b"/api/track":
            reply, visit = self._callers.track(request, lambda visit: self._fill(visit, request, peer))
            if visit is not None and visit.sets:
                reply.head += _cookie_lines(visit)
            return reply
        if head in (b"px", b"js") and key and b"/" not in key:
            return self._page_says(head, key.decode("latin-1"), query, request, peer)
        return self._rest(path, head, key, query, request)

    def _page_says(self, head: bytes, key: str, query: bytes, request: Request, peer: str) -> Reply | Unsure:
        """A conversion that a page reports, or the script with which it does."""
        address, request_id = client_address(peer, request, self._trusted), self._request_id(request)
        if head == b"js":
            if key.endswith(".js"):
                return self._pixel.source(key.removesuffix(".js"), request)
            return self._pixel.script(key, request, address, request_id)
        if not key.endswith(".gif"):
            return _NOT_FOUND
        return self._pixel.image(key.removesuffix(".gif"), query, request, address, request_id)

    def _click(self, door: str, key: bytes, query: bytes, request: Request, peer: str) -> Reply:
        text = query.partition(b"#")[0].decode("utf-8", "replace")
        visit = Visit(door, key.decode("latin-1"), text, read_query(text))
        self._fill(visit, request, peer)
        decision = self._routing.click(visit)
        if decision is None:
            return _NOT_FOUND
        if decision.answer is None and not visit.sets and decision.kind != verdicts.TO_REPLY:
            return replies.redirect(decision.url)
        return self._shown(answers.shown(decision, self._routing.table.settings.seal), visit)

    def _exit(self, key: bytes, query: bytes, request: Request, peer: str) -> Reply:
        """The way out of a landing page: its click is named, or known from the visitor's cookie."""
        text = query.partition(b"#")[0].decode("utf-8", "replace")
        seen = cookies.read(request.headers.get(b"cookie", b""))
        asked = exits.read(key.decode("latin-1"), text, read_query(text), seen)
        if asked is None:
            return _NOT_FOUND
        routing = self._routing
        seal, now_ms = routing.table.settings.seal, time.time_ns() // 1_000_000
        found = carried(seal, asked.tokens, asked.click_id, now_ms)
        if found is None and asked.click_id:
            found = carried(seal, (routing.landing_of(asked.click_id),), asked.click_id, now_ms)
        if found is None:
            return _NO_LANDING
        visit = Visit("lp", "", asked.query, read_query(asked.query))
        self._fill(visit, request, peer)
        decision = routing.exit(visit, found, asked.number)
        return _NO_LANDING if decision is None else self._shown(answers.shown(decision), visit)

    def _shown(self, seen: answers.Shown, visit: Visit) -> Reply:
        headers = seen.headers
        if visit.sets:
            headers += _cookie_lines(visit)
        if seen.location:
            return replies.moved(seen.status, seen.location, headers)
        return replies.content(seen.status, seen.content_type, seen.body, headers)

    def _fill(self, visit: Visit, request: Request, peer: str) -> None:
        """What the request's own headers say of the visitor."""
        headers = request.headers
        address = client_address(peer, request, self._trusted) if self._trusted else peer
        read_headers(visit, headers, address, request.method == b"HEAD")
        if b"cookie" in headers:
            visit.cookies = cookies.read(headers[b"cookie"])
        if b"x-request-id" in headers:
            visit.request_id = self._request_id(request)

    def _postback(self, slug: str | None, query: bytes, request: Request, peer: str) -> Reply | Unsure:
        if slug is None and request.method != b"POST":
            return replies.text(405, "Send a postback here by POST.\n", b"Allow: POST\r\n")
        if request.method not in (b"GET", b"HEAD", b"POST"):
            return replies.text(405, "Send a postback by GET or POST.\n", b"Allow: GET, HEAD, POST\r\n")
        address = client_address(peer, request, self._trusted)
        found = postback.read(slug, query, request, self._routing.table.networks, address)
        if found.network is None or request.method == b"HEAD":
            return postback.refusal(found) if found.status != 200 else replies.text(200, "OK\n")
        method = request.method.decode("ascii")
        identifier = self._routing.postback(
            found.network, method, found.params, address, self._request_id(request), found.reason, found.who
        )
        if found.status != 200:
            return postback.refusal(found)
        return Unsure(postback.accepted(found, identifier), postback.REPEAT)

    def _request_id(self, request: Request) -> str:
        given = request.headers.get(b"x-request-id")
        if given is None:
            return ""
        text = given.decode("latin-1")
        return text if _REQUEST_ID.fullmatch(text) else ""

    def _rest(self, path: bytes, head: bytes, key: bytes, query: bytes, request: Request) -> Reply:
        reply: Reply | None = None
        if path == b"/":
            reply = self._root
        elif path == b"/healthz":
            reply = replies.text(200, "ok\n")
        elif path == b"/readyz":
            reply = replies.text(200, "ready\n") if self._ready() else replies.text(503, "not ready\n")
        elif path == b"/t.js":
            reply = script.FILE
        elif head == b"m":
            seen = answers.second(self._routing.table.settings.seal, key.decode("latin-1"))
            if seen is not None:
                reply = replies.content(seen.status, seen.content_type, seen.body, seen.headers)
        elif head == b"p":
            page = self._routing.table.pages.get(key.decode("latin-1"))
            if page is not None:
                reply = _page(page, query, request)
        elif head == b"feeds" and key.endswith(b".csv"):
            feed = self._feed(key.decode("latin-1").removesuffix(".csv"))
            if feed is not None:
                reply = replies.content(200, b"text/csv; charset=utf-8", feed, _FEED_HEADERS)
        if reply is None:
            return _NOT_FOUND
        return reply if request.method in (b"GET", b"HEAD") else _ONLY_GET


def _cookie_lines(visit: Visit) -> bytes:
    """The cookies that a campaign asked for."""
    secure = visit.headers.get(b"x-forwarded-proto") == b"https"
    return b"".join(
        cookies.line(name, value, seconds, secure, everywhere=name == CLICKED)
        for name, value, seconds in visit.sets
    )


def _path_of(target: bytes) -> bytes:
    """The path of an absolute-form target (a proxy's `GET http://host/path`); the target itself if none."""
    for scheme in (b"http://", b"https://"):
        if target[: len(scheme)].lower() == scheme:
            _, slash, rest = target[len(scheme) :].partition(b"/")
            return slash + rest if slash else b"/"
    return target


def _page(page: Page, query: bytes, request: Request) -> Reply:
    """An operator's page with `{origin}`, `{query.NAME}` and `{encoded.NAME}` put in, escaped for HTML.

    `encoded` is percent-encoded too: for a URL, or for a command line that a visitor may copy.
    """
    params = read_query(query.decode("utf-8", "replace"))
    host = request.header(b"host", 255)
    origin = f"http://{host}" if _HOST.fullmatch(host) else ""
    if request.headers.get(b"x-forwarded-proto") == b"https":
        origin = origin.replace("http://", "https://", 1)

    def value(match: re.Match[str]) -> str:
        kind, name = match.group(1, 2)
        if kind == "origin":
            return html.escape(origin)
        text = params.get(name, "")[:512]
        return quote(text, safe="") if kind.startswith("encoded") else html.escape(text)

    body = _PAGE_MACRO.sub(value, page.body)
    return replies.content(200, page.content_type.encode("latin-1"), body.encode(), _PAGE_HEADERS)
