"""Who may send a postback: by address, by secret, or by a signature over what was sent."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from appliance.attribution import signatures
from appliance.http.public import bodies
from appliance.http.public.request import Network as Range
from appliance.http.public.request import Request, is_trusted, trusted_networks
from appliance.model.table import NetworkEntry
from appliance.routing.visit import read_query

SIGNATURE_HEADERS = (
    b"x-signature", b"x-signature-256", b"x-hub-signature-256", b"x-signature-sha256", b"x-hmac-sha256",
    b"x-webhook-signature",
)  # fmt: skip
SIGNATURE_PARAMS = ("signature", "hmac")
"""Where an HMAC may stand: a header, else a parameter of the URL, which is not part of what it signs."""

_SHORTEST = 4
"""Of what is looked at as a secret in the wrong place."""


@dataclass
class Sent:
    """What came: the URL's parameters, the body's fields, and why there are none when it cannot be read."""

    request: Request
    query: bytes
    url: dict[str, str]
    body: dict[str, Any]
    fault: str = ""


@dataclass
class Proof:
    """The fields that may be kept, and why the postback is refused, if it is."""

    fields: dict[str, Any]
    refusal: str = ""
    fault: str = ""
    """Why the body of a postback that is its network's cannot be read."""
    personal: Mapping[str, Any] | None = None
    """The fields with what is the buyer's own, where `fields` leave that out."""


def admits(network: NetworkEntry, address: str) -> bool:
    """Whether this address may send for the network."""
    return not network.allow or _is_listed(address, network.allow)


@lru_cache(maxsize=8192)
def _is_listed(address: str, allow: tuple[str, ...]) -> bool:
    return is_trusted(address, _ranges(allow))


@lru_cache(maxsize=256)
def _ranges(allow: tuple[str, ...]) -> tuple[Range, ...]:
    return trusted_networks(allow)


def prove(network: NetworkEntry, sent: Sent) -> Proof:
    """Take the secret out of what was sent, and see whether it is its network's."""
    match network.signature:
        case "":
            return _by_secret(network, sent)
        case "hmac_sha256":
            return _by_hmac(network, sent)
        case "digistore24":
            return _by_sha_sign(network, sent)
        case "clickbank_ins":
            return _by_decrypting(network, sent)
        case unknown:  # a table of a newer Weir
            return Proof(_unproven(network, sent), f"This Weir does not know the signature {unknown}.")


def unproven(network: NetworkEntry, sent: Sent) -> dict[str, Any]:
    """What may be kept of a postback that nobody looked into."""
    return _by_secret(network, sent).fields if not network.signature else _unproven(network, sent)


def is_secret(given: str, digests: tuple[bytes, ...]) -> bool:
    """Compared as digests, in constant time, all of them."""
    digest = hashlib.sha256(given.encode("utf-8", "surrogatepass")).digest()
    matched = False
    for wanted in digests:
        matched |= hmac.compare_digest(digest, wanted)
    return matched


def is_misplaced(value: str, network: NetworkEntry) -> bool:
    """Whether a field's value is one of the network's secrets, by somebody's mistake.

    Asked of every value: a look at digests that nobody can choose need not take constant time.
    """
    if len(value) < _SHORTEST:
        return False
    return hashlib.sha256(value.encode("utf-8", "surrogatepass")).digest() in network.secrets


def _by_secret(network: NetworkEntry, sent: Sent) -> Proof:
    """Each place where the secret may be is emptied, so that it reaches no journal and no log."""
    names = network.secret_params
    given = [*_taken(sent.url, names), *_taken(sent.body, names), *_in_headers(sent.request, names)]
    fields = bodies.merged(sent.url, sent.body)
    right = not network.secrets
    for each in given:
        right |= is_secret(each, network.secrets)
    if right:
        return Proof(fields, fault=sent.fault)
    if any(given):
        return Proof(fields, "The secret is wrong.")
    for name, value in fields.items():
        if isinstance(value, str) and is_misplaced(value, network):
            where = ", ".join(names)
            return Proof(fields, f"The secret is in {name[:40]}; it is looked for in {where}.")
    return Proof(fields, "The secret is missing.")


def _taken(fields: dict[str, Any], names: Iterable[str]) -> Iterable[str]:
    for name in names:
        value = bodies.take(fields, name)
        if value is not None:
            yield bodies.text(value)


def _in_headers(request: Request, names: tuple[str, ...]) -> Iterable[str]:
    """`Authorization: Bearer …`, and for a parameter `key` the headers Key and X-Key."""
    scheme, _, credentials = request.header(b"authorization", 1024).strip().partition(" ")
    if credentials and scheme.lower() == "bearer":
        yield credentials.strip()
    for header in _headers_named(names):
        if header in request.headers and (value := request.header(header, 1024).strip()):
            yield value


@lru_cache(maxsize=256)
def _headers_named(names: tuple[str, ...]) -> tuple[bytes, ...]:
    plain = [name.lower().replace("_", "-").encode("utf-8", "replace") for name in names]
    return tuple(each for header in plain for each in (header, b"x-" + header))


def _by_hmac(network: NetworkEntry, sent: Sent) -> Proof:
    """Signed is the body, or the query of a postback without one; nothing else that was sent is believed."""
    request = sent.request
    given = next((found for name in SIGNATURE_HEADERS if (found := request.header(name, 256).strip())), "")
    for name in SIGNATURE_PARAMS:
        given = given or sent.url.get(name, "")
    posted = request.method == b"POST" and request.body
    message = request.body if posted else _unsigned(sent.query)
    if not given:
        return Proof(_unproven(network, sent), "The signature is missing.")
    if not signatures.hmac_sha256_holds(network.keys, message, given):
        return Proof(_unproven(network, sent), "The signature is wrong.")
    if not posted:
        return Proof({name: value for name, value in sent.url.items() if name not in SIGNATURE_PARAMS})
    # By what it holds: how a body is to be read is not signed.
    body = bodies.read_json(request.body) if bodies.is_json(request.body) else bodies.read_form(request.body)
    return Proof({}, fault=body) if isinstance(body, str) else Proof(body)


def _unsigned(query: bytes) -> bytes:
    """The query as it was sent, without the signature."""
    names = set(SIGNATURE_PARAMS)
    pairs = query.split(b"&", bodies.MAX_FIELDS)  # no more are read
    return b"&".join(pair for pair in pairs if not read_query(pair.decode("latin-1")).keys() & names)


def _by_sha_sign(network: NetworkEntry, sent: Sent) -> Proof:
    form = bodies.read_form(sent.request.body)
    if isinstance(form, str) or not any(form.get(name) for name in signatures.SHA_SIGN):
        return Proof(_unproven(network, sent), "The signature is missing: sha_sign in a form.")
    signed = signatures.digistore24(network.keys, form)
    if signed is None:
        return Proof(_unproven(network, sent), "The signature is wrong.")
    return Proof(signatures.impersonal(signed), personal=signed)


def _by_decrypting(network: NetworkEntry, sent: Sent) -> Proof:
    body = bodies.read_json(sent.request.body)
    if isinstance(body, str) or not {"notification", "iv"} <= body.keys():
        why = "There is no notification: expected JSON with notification and iv."
        return Proof(_unproven(network, sent), why)
    order = signatures.clickbank(network.keys, body["notification"], body["iv"])
    if order is None:
        return Proof(_unproven(network, sent), "The notification cannot be read with the network's secret.")
    plain = {name: item for name, item in signatures.impersonal(order).items() if item is not None}
    return Proof(plain, personal=order)


def _unproven(network: NetworkEntry, sent: Sent) -> dict[str, Any]:
    """What is kept of what nobody vouches for: no signature, nothing encrypted, nothing about the buyer."""
    fields: Mapping[str, Any] = bodies.merged(sent.url, sent.body)
    if network.signature != "hmac_sha256":
        fields = signatures.impersonal(fields)
    left_out = {*SIGNATURE_PARAMS, *signatures.SHA_SIGN, "notification", "iv", *network.secret_params}
    return {name: value for name, value in fields.items() if name not in left_out}
