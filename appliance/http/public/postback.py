"""Inbound postbacks at the door: find the network, check its secret, keep every field but the secret."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from appliance.http.public import replies
from appliance.http.public.request import Request
from appliance.model.table import NetworkEntry
from appliance.routing.visit import read_query

MAX_FIELDS = 256
MAX_FIELD = 2_048
REPEAT = replies.text(503, "The postback could not be recorded; please repeat it.\n", b"Retry-After: 30\r\n")
_decode_json = msgspec.json.Decoder().decode


@dataclass
class Found:
    """What a postback request holds. `status` is the reply's; `network` is None when nothing is recorded."""

    status: int = 200
    reason: str = ""
    network: NetworkEntry | None = None
    params: dict[str, str] = field(default_factory=dict)


def refusal(found: Found) -> replies.Reply:
    return replies.text(found.status, f"{found.reason}\n")


def read(slug: str | None, query: bytes, request: Request, networks: Mapping[str, NetworkEntry]) -> Found:
    """Read one postback. `slug` is None at /api/postbacks, where the field `network` names it."""
    params = read_query(query.decode("utf-8", "replace"))
    fault = ""
    if request.method == b"POST" and request.body:
        body = _read_body(request)
        if isinstance(body, str):
            fault = body
        else:
            params.update(body)  # the body is what the network composed; the URL is what was pasted
    if slug is None:
        slug = params.pop("network", "")
        if not slug and not fault:
            return Found(400, "The field network is missing: it names the affiliate network's slug.")
    network = networks.get(slug)
    if network is None or not network.active:
        return Found(404, "There is no such affiliate network.")
    given = _take_secret(params, network.secret_params, request)
    if network.secrets:  # in a field of another name, by somebody's mistake, it would be kept too
        params = {name: value for name, value in params.items() if not _is_secret(value, network.secrets)}
    params = {name[:128]: value[:MAX_FIELD] for name, value in list(params.items())[:MAX_FIELDS]}
    if network.secrets and not _is_secret(given, network.secrets):
        missing = "The secret is missing" if not given else "The secret is wrong"
        return Found(403, f"{missing}.", network, params)
    if fault:
        return Found(400, fault, network, params)
    if not any(params.get(name) for name in network.click_id_params):
        names = ", ".join(network.click_id_params)
        return Found(400, f"The click id is missing: expected one of {names}.", network, params)
    return Found(200, "", network, params)


def _read_body(request: Request) -> dict[str, str] | str:
    """The body's fields as text, or a sentence that says why it cannot be read."""
    kind = request.headers.get(b"content-type", b"").partition(b";")[0].strip().lower()
    if kind == b"application/x-www-form-urlencoded" or (not kind and request.body.lstrip()[:1] != b"{"):
        return read_query(request.body.decode("utf-8", "replace"))
    if kind not in (b"", b"application/json", b"text/json", b"text/plain"):
        return "The body must be application/json or application/x-www-form-urlencoded."
    try:
        value = _decode_json(request.body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return "The body is not valid JSON."
    if not isinstance(value, dict):
        return "The JSON body must be one object."
    return {str(name): _text(item) for name, item in list(value.items())[:MAX_FIELDS] if item is not None}


def _text(value: Any) -> str:
    """A JSON value as the text a URL would have carried; what is nested stays JSON."""
    if isinstance(value, str):
        return value
    return msgspec.json.encode(value).decode()


def _take_secret(params: dict[str, str], names: tuple[str, ...], request: Request) -> str:
    """Remove the secret from the fields, so that it reaches no journal and no log."""
    found = ""
    for name in names:
        value = params.pop(name, "")
        found = found or value
    if not found:
        scheme, _, credentials = request.header(b"authorization", 1024).partition(" ")
        if scheme.lower() == "bearer":
            found = credentials.strip()
    return found


def _is_secret(given: str, digests: tuple[bytes, ...]) -> bool:
    """Compared as digests, in constant time, all of them."""
    digest = hashlib.sha256(given.encode("utf-8", "surrogatepass")).digest()
    matched = False
    for wanted in digests:
        matched |= hmac.compare_digest(digest, wanted)
    return matched
