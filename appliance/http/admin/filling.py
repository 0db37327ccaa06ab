"""A named list filled with a body of text/plain, taken in as it arrives: a million entries in one request.

Beside Quart, which would hold the whole body. Who may not is told before anything is read; a client that is
still sending is read to its end first, or it would not see why.
"""

from __future__ import annotations

from urllib.parse import parse_qsl

import trio

from appliance.errors import Refused, Unavailable, WeirError
from appliance.http.admin.dispatch import STATUS, Dispatch, revision_in, shape
from appliance.http.admin.gate import FILLING, App, Fields, Receive, Scope, Send, fields_of, fills
from appliance.model.catalog import Entity
from appliance.operations.lines import LARGEST, Blocks
from appliance.operations.registry import encode
from appliance.operations.routes import payload

BLOCK_SECONDS = 30.0
MOST_AT_ONCE = 4
"""Each holds about 3 MiB; the next is told to try again."""


class Left(Unavailable):
    """The client is gone."""


class Filling:
    """ASGI: requests that fill a list are answered here, all others by `pages`."""

    def __init__(self, pages: App, dispatch: Dispatch) -> None:
        self._pages = pages
        self._dispatch = dispatch
        self._at_once = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        fields = fields_of(scope) if scope["type"] == "http" else {}
        if not fields or not fills(scope, fields):
            await self._pages(scope, receive, send)
            return
        body = _Body(receive)
        headers: list[tuple[bytes, bytes]] = []
        try:
            answer, status = await self._filled(scope, fields, body), 200
            if isinstance(answer, Entity):
                headers.append((b"etag", b'"%d"' % answer.revision))
        except Left:
            return
        except WeirError as fault:
            answer, status = shape(fault), STATUS.get(fault.code, 500)
            if status == 401:
                headers.append((b"www-authenticate", b"Bearer"))
            await body.rest()
        data = encode(answer) + b"\n"
        headers += [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(data))]
        if not body.ended:
            headers.append((b"connection", b"close"))
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": data})

    async def _filled(self, scope: Scope, fields: Fields, body: _Body) -> object:
        match = FILLING.fullmatch(str(scope["path"]))
        assert match is not None
        number, verb = match.groups()
        name = f"lists.{verb}"
        caller = await self._dispatch.caller(scope, "rest")
        query = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        asked: dict[str, object] = {}
        if b"if-match" in fields:
            asked["revision"] = revision_in(fields[b"if-match"][0].decode("latin-1"))
        found = payload(self._dispatch.operations[name], number, query, asked)
        if self._at_once >= MOST_AT_ONCE:
            raise Unavailable("other lists are being filled; try again")
        self._at_once += 1
        try:
            return await self._dispatch.call(name, found, caller, entries=body.blocks())
        finally:
            self._at_once -= 1


class _Body:
    """A request's body as it arrives. `ended`: all of it has."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._bytes = 0
        self.ended = False

    async def blocks(self) -> Blocks:
        """Raises Refused when it stands still, Left when the client does not wait for an answer."""
        while not self.ended:
            yield await self._next()

    async def rest(self) -> None:
        """Read on to the end, as far as that is worth it."""
        try:
            while not self.ended and self._bytes <= LARGEST:
                await self._next()
        except (Refused, Left):
            return

    async def _next(self) -> bytes:
        with trio.move_on_after(BLOCK_SECONDS):
            message = await self._receive()
            if message["type"] != "http.request":
                raise Left("the client is gone")
            self.ended = not message.get("more_body", False)
            block: bytes = message.get("body", b"")
            self._bytes += len(block)
            return block
        raise Refused(f"nothing of the body came for {BLOCK_SECONDS:g} s")
