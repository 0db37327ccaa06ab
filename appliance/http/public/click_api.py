"""POST /api/click: a program asks where its visitor goes, and sends him there itself. JSON in and out.

The caller proves itself with its campaign's secret, compared as a digest in constant time. Here alone,
and from such a caller alone, `ip` and `ua` are what the request says they are. Keitaro's field names are
understood beside ours; whoever sends its `info`, `kversion` or `format: keitaro` is answered in its words.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode, urlsplit

import msgspec

from appliance.http.public import answers, cookies
from appliance.http.public.request import Request, plain_address
from appliance.routing import verdicts
from appliance.routing.decision import Decision
from appliance.routing.table import CompiledCampaign, RoutingTable
from appliance.routing.visit import Visit, is_declared_bot, read_query

LARGEST = 64 * 1024
MOST_HEADERS = 100
LONGEST_HEADER = 8_192
_OWN = {
    "token": "token", "secret": "token", "campaign": "campaign", "ip": "ip", "ua": "ua", "user_agent": "ua",
    "language": "language", "referrer": "referrer", "referer": "referrer", "host": "host",
    "original_host": "host", "method": "method", "original_method": "method", "headers": "headers",
    "original_headers": "headers", "cookies": "cookies", "params": "params", "query": "params", "uri": "uri",
    "prefetch": "prefetch", "x_requested_with": "x_requested_with", "info": "info", "kversion": "kversion",
    "version": "kversion", "format": "format", "log": "log", "force_redirect_offer": "force_redirect_offer",
    "request_id": "request_id",
}  # fmt: skip
"""Field of a request → what it is to us. Every other field is a parameter of the click."""
_decode = msgspec.json.Decoder(dict[str, Any]).decode
_YES = (True, 1, "1", "true")
_TEXTS = ("ua", "language", "referrer", "host", "method", "uri", "x_requested_with", "request_id")


@dataclass
class Asked:
    """What a request holds. `fault` says why it cannot be used, with its status."""

    status: int = 200
    fault: str = ""
    fields: dict[str, Any] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    """Of the fields, as the caller wrote them."""
    params: dict[str, str] = field(default_factory=dict)

    @property
    def in_keitaros_words(self) -> bool:
        fields = self.fields
        return fields.get("format") == "keitaro" or "kversion" in fields or fields.get("info") in _YES


def read(request: Request) -> Asked:
    """The request's body, JSON or a form, with its fields under our names. Nothing is checked yet."""
    kind = request.headers.get(b"content-type", b"").partition(b";")[0].strip().lower()
    if len(request.body) > LARGEST:
        return Asked(413, f"a body has at most {LARGEST // 1024} KiB")
    given: Mapping[str, Any]
    if kind == b"application/x-www-form-urlencoded":
        given = read_query(request.body.decode("utf-8", "replace"))
    else:
        try:
            given = _decode(request.body or b"{}")
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return Asked(400, "the body is one JSON object, or a form")
    asked = Asked()
    for name, value in given.items():
        own = _OWN.get(name)
        if own is not None:
            if value is not None and own not in asked.fields:
                asked.fields[own], asked.names[own] = value, name
        elif value is not None:
            asked.params[_tracking(name)] = _text(value)
    bearer = request.header(b"authorization", 1_024)
    if bearer[:7].lower() == "bearer " and "token" not in asked.fields:
        asked.fields["token"] = bearer[7:].strip()
    return asked


def campaign_of(asked: Asked, table: RoutingTable) -> CompiledCampaign | None:
    """Whose secret the caller has: the campaign that it names, or the only one with this secret."""
    token = asked.fields.get("token")
    named = asked.fields.get("campaign")
    digest = hashlib.sha256((token if isinstance(token, str) else "").encode("utf-8", "surrogatepass"))
    found: CompiledCampaign | None
    if named and not isinstance(named, str):
        found = None
    elif named:
        found = table.by_slug.get(named) or table.by_public_id.get(named)
    else:
        # Looked up by digest: how long that takes says nothing of a secret that nobody can steer towards.
        found = table.by_secret.get(digest.digest())
    wanted = found.secret if found is not None else b""
    matches = hmac.compare_digest(digest.digest(), wanted or bytes(digest.digest_size))
    return found if matches and wanted and token else None


def visit_of(asked: Asked, campaign: CompiledCampaign, caller: str, request_id: str) -> Visit | str:
    """The visit that the caller tells of, or a sentence that says what is wrong with it."""
    fields, params = asked.fields, dict(asked.params)
    for own in _TEXTS:
        if not isinstance(fields.get(own, ""), str):
            return f"{asked.names[own]} is a text"
    more = fields.get("params")
    if isinstance(more, str):
        params = read_query(more.lstrip("?")) | params
    elif isinstance(more, dict):
        params = {_tracking(str(n)): _text(v) for n, v in more.items() if v is not None} | params
    elif more is not None:
        return "params is an object, or a query string"
    try:
        params = read_query(urlsplit(fields.get("uri", "")).query) | params
    except ValueError:
        return "uri cannot be read"
    headers = _headers(fields.get("headers"))
    if headers is None:
        return f"{asked.names['headers']} is an object of texts, at most {MOST_HEADERS}"
    query = urlencode(params, errors="replace")
    visit = Visit("api", campaign.slug, query, read_query(query))
    visit.address = caller
    if (given := fields.get("ip")) is not None:
        try:
            visit.address = plain_address(given if isinstance(given, str) else "")
        except ValueError:
            return "ip is an IPv4 or IPv6 address, as text"
    visit.headers = headers
    visit.user_agent = _said(fields, "ua", headers, b"user-agent", 1_024)
    visit.referrer = _said(fields, "referrer", headers, b"referer", 2_048)
    visit.language = _said(fields, "language", headers, b"accept-language", 255)
    visit.host = _said(fields, "host", headers, b"host", 255)
    visit.request_id = request_id or _said(fields, "request_id", {}, b"", 128)
    for name, field_name in (
        (b"user-agent", "ua"),
        (b"accept-language", "language"),
        (b"referer", "referrer"),
    ):
        if fields.get(field_name):
            headers[name] = _text(fields[field_name])[:2_048].encode("utf-8", "replace")
    if fields.get("x_requested_with"):
        headers[b"x-requested-with"] = _text(fields["x_requested_with"])[:255].encode("utf-8", "replace")
    given_cookies = _object(fields.get("cookies"))
    if given_cookies is None:
        return "cookies is an object of texts"
    if given_cookies:
        text = "; ".join(f"{name}={value}" for name, value in list(given_cookies.items())[: cookies.MOST])
        visit.cookies = cookies.read(text.encode("latin-1", "replace"))
    elif b"cookie" in headers:
        visit.cookies = cookies.read(headers[b"cookie"])
    flags = [("head", fields.get("method") == "HEAD"), ("prefetch", fields.get("prefetch") in _YES)]
    flags.append(("bot", bool(visit.user_agent) and is_declared_bot(visit.user_agent)))
    visit.flags = tuple(name for name, is_so in flags if is_so)
    return visit


def told(visit: Visit, decision: Decision, given: Mapping[str, str]) -> dict[str, Any]:
    """The answer: what was decided, and what to send to the visitor. `given` are cookies for him."""
    seen = answers.shown(decision)
    headers = {"Location": seen.location} if seen.location else {}
    return {
        "click_id": visit.click_id,
        "campaign_id": decision.campaign.id,
        "stream_id": decision.stream_id,
        "destination_id": decision.destination_id,
        "decision": decision.kind,
        "reason": decision.reason,
        "counted": decision.counted,
        "url": decision.url,
        "status": seen.status,
        "headers": headers,
        "content_type": "" if seen.location else seen.content_type.decode("ascii"),
        "body": seen.body.decode("utf-8"),
        "cookies": dict(given),
        "lp_token": decision.landing,
    }


def in_keitaros_words(visit: Visit, decision: Decision, given: Mapping[str, str]) -> dict[str, Any]:
    """The same as Keitaro's click API (version 3) says it; ids are Weir's."""
    seen = answers.shown(decision)
    landing = bool(decision.landing_id)
    unique = {name: visit.facts.get(f"unique_{name}") == "1" for name in ("campaign", "stream")}
    return {
        "body": seen.body.decode("utf-8"),
        "headers": [f"Location: {seen.location}"] if seen.location else [],
        "status": seen.status,
        "contentType": "" if seen.location else seen.content_type.decode("ascii"),
        "cookies": dict(given),
        "cookies_ttl": 7 * 24,
        "uniqueness_cookie": "",
        "info": {
            "campaign_id": decision.campaign.id,
            "stream_id": decision.stream_id,
            "landing_id": decision.destination_id if landing else 0,
            "offer_id": 0 if landing else decision.destination_id,
            "sub_id": visit.click_id,
            "token": decision.landing,
            "type": decision.answer.kind
            if decision.answer is not None
            else _TYPES.get(decision.kind, "http"),
            "url": decision.url,
            "is_bot": "bot" in visit.flags,
            "uniqueness": {**unique, "global": False},
        },
        "log": [],
    }


_TYPES = {verdicts.TO_REPLY: "show_text", verdicts.TO_CAMPAIGN: "campaign"}


def _tracking(name: str) -> str:
    """Keitaro's names of tracking parameters as ours."""
    if name.startswith("sub_id_") and name[7:].isdigit():
        return "sub" + name[7:]
    return "external_click_id" if name == "external_id" else name


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "1" if value else "0"
    return msgspec.json.encode(value).decode()


def _said(
    fields: Mapping[str, Any], name: str, headers: Mapping[bytes, bytes], header: bytes, most: int
) -> str:
    """A field as text, else the header that says the same."""
    value = fields.get(name)
    if value is not None:
        return _text(value)[:most].encode("utf-8", "replace").decode("utf-8")
    return headers.get(header, b"")[:most].decode("utf-8", "replace")


def _object(given: Any) -> dict[str, Any] | None:
    """An object, or its JSON in a form; {} for nothing, None for anything else."""
    if isinstance(given, str) and given:
        try:
            given = _decode(given)
        except (msgspec.MsgspecError, RecursionError):
            return None
    given = given or {}
    return given if isinstance(given, dict) else None


def _headers(given: Any) -> dict[bytes, bytes] | None:
    """Headers with their names in lower case; None for what is no object of them, or too many."""
    fields = _object(given)
    if fields is None or len(fields) > MOST_HEADERS:
        return None
    found: dict[bytes, bytes] = {}
    for name, value in fields.items():
        text = ", ".join(map(_text, value)) if isinstance(value, list) else _text(value)
        found[name.lower().encode("utf-8", "replace")] = text.encode("utf-8", "replace")[:LONGEST_HEADER]
    return found
