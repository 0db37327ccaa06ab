"""REST: every operation at its route (operations/routes.py), JSON in, JSON out."""

from __future__ import annotations

import functools
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import aclosing
from datetime import datetime
from typing import Any

import msgspec
import trio
from msgspec import structs
from quart import Response, request
from quart_trio import QuartTrio
from werkzeug.routing import BaseConverter, Map

from appliance.errors import FieldProblem, Refused, TooMany, WeirError
from appliance.http.admin.credentials import COOKIE
from appliance.http.admin.dispatch import STATUS, Dispatch, revision_in, shape
from appliance.http.admin.openapi import document
from appliance.model.catalog import Entity
from appliance.operations.downloads import Download
from appliance.operations.registry import Operation, encode
from appliance.operations.routes import Route, payload, route_of
from appliance.operations.session import SignedIn

View = Callable[..., Awaitable[Response]]


class WrongType(Refused):
    """The body is no JSON by its own account. Send it as application/json."""


def mount(app: QuartTrio, dispatch: Dispatch, version: str) -> None:
    """Add every operation's route, and the document that describes them."""
    offered = dispatch.offered("rest")

    @functools.cache
    def described() -> bytes:
        """Made when first asked for: it takes a tenth of a second."""
        return encode(document(offered, version))

    @app.get("/api/openapi.json")
    async def openapi() -> Response:
        return Response(await trio.to_thread.run_sync(described), content_type="application/json")

    app.url_map.converters["not"] = _Segment
    paths = [route_of(each).path for each in offered]
    for each in offered:
        route = route_of(each)
        rule = route.path.replace("{id}", f"<not({_words(route.path, paths)}):segment>")
        app.add_url_rule(rule, each.name, _view(each, route, dispatch), methods=[route.method])


class _Segment(BaseConverter):
    """A path's field, but for words that are paths of their own: their `Allow` names their methods only."""

    def __init__(self, map: Map, *words: str) -> None:
        super().__init__(map)
        self.regex = "".join(rf"(?!{re.escape(word)}\Z)" for word in words) + "[^/]+"


def _words(path: str, paths: Iterable[str]) -> str:
    """What stands in `paths` where this one has its field, as arguments of a converter."""
    before, _, after = path.partition("{id}")
    found = [each.removeprefix(before).removesuffix(after) for each in paths
             if each.startswith(before) and each.endswith(after) and each != path]  # fmt: skip
    return ", ".join(f"'{word}'" for word in sorted(found) if word and not {"/", "{"} & set(word))


def _view(each: Operation, route: Route, dispatch: Dispatch) -> View:
    names = {field.encode_name for field in structs.fields(each.request)}
    versioned, texts = "revision" in names, "text" in names

    async def view(segment: str = "") -> Response:
        data = await request.get_data() if route.body else b""
        assert isinstance(data, bytes)
        caller = await dispatch.caller(request.scope, "rest", anyone=each.permission == "anyone")
        body = _body(data, texts) if data else {}
        if versioned and isinstance(body, dict) and "If-Match" in request.headers:
            body.setdefault("revision", revision_in(request.headers["If-Match"]))
        asked = payload(each, segment, request.args.items(multi=True), body)
        response = _answered(await dispatch.call(each.name, asked, caller), route.status)
        if each.name == "session.sign_out":
            response.delete_cookie(COOKIE, path="/", httponly=True, samesite="Strict")
        return response

    return view


async def asked() -> object:
    """The JSON body of the request at hand, {} for none. Raises Refused."""
    data = await request.get_data()
    assert isinstance(data, bytes)
    return _body(data, False) if data else {}


def _body(data: bytes, texts: bool) -> object:
    """`texts`: a body of text/plain is the field `text`."""
    if texts and request.mimetype == "text/plain":
        try:
            return {"text": data.decode()}
        except UnicodeDecodeError as fault:
            raise Refused("the request is wrong", [FieldProblem("(body)", f"is no UTF-8: {fault}")]) from None
    if request.mimetype != "application/json":
        raise WrongType("the body has to be application/json")
    try:
        return msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as fault:
        raise Refused("the request is wrong", [FieldProblem("(body)", f"is no JSON: {fault}")]) from None


def _answered(answer: object, status: int) -> Response:
    """An entity has its revision as ETag, a session becomes the browser's cookie, a download is streamed."""
    if isinstance(answer, Download):
        return _streamed(answer)
    response = json(answer, status)
    if isinstance(answer, Entity):
        response.headers["ETag"] = f'"{answer.revision}"'
    elif isinstance(answer, SignedIn):
        response.set_cookie(
            COOKIE,
            answer.token,
            expires=datetime.fromisoformat(answer.expires_at),
            path="/",
            secure=request.scheme == "https",
            httponly=True,
            samesite="Strict",
        )
    return response


def _streamed(download: Download) -> Response:
    async def blocks() -> AsyncIterator[bytes]:
        async with aclosing(download.blocks) as found:
            async for block in found:
                yield block

    response = Response(blocks(), content_type=download.media_type)
    # However long it takes; a client that takes nothing is cut by the listener.
    response.timeout = None
    response.headers["Content-Disposition"] = f'attachment; filename="{download.filename}"'
    return response


def refused(fault: WeirError) -> Response:
    """An error as every route of the admin port answers it."""
    status = 415 if isinstance(fault, WrongType) else STATUS.get(fault.code, 500)
    response = json(shape(fault), status)
    if status == 401:
        response.headers["WWW-Authenticate"] = "Bearer"
    if isinstance(fault, TooMany):
        response.headers["Retry-After"] = str(fault.retry_after)
    return response


def json(answer: Any, status: int = 200) -> Response:
    return Response(encode(answer) + b"\n", status=status, content_type="application/json")
