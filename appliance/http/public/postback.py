"""Inbound postbacks at the door: find the network, have it proven, keep every field but the secret."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from appliance.http.public import bodies, buyers, proofs, replies
from appliance.http.public.buyers import NOBODY
from appliance.http.public.request import Request
from appliance.model.places import value_at
from appliance.model.table import NetworkEntry
from appliance.partners.report import Identity
from appliance.routing.visit import read_query

REPEAT = replies.text(503, "The postback could not be recorded; please repeat it.\n", b"Retry-After: 30\r\n")
_MACRO = re.compile(r"\{([a-z_]{1,32})\}")
_PLAIN = re.compile(r"[A-Za-z0-9._:@+-]{1,128}")
"""What a reply may repeat of a postback: nothing that means something to whoever reads the reply."""


@dataclass
class Found:
    """What a postback request holds. `status` is the reply's; `network` is None when nothing is recorded."""

    status: int = 200
    reason: str = ""
    network: NetworkEntry | None = None
    params: dict[str, str] = field(default_factory=dict)
    who: Identity = NOBODY
    """Of whom it speaks, which `params` leave out."""


def refusal(found: Found) -> replies.Reply:
    return replies.text(found.status, f"{found.reason}\n")


def accepted(found: Found, identifier: str) -> replies.Reply:
    """What a network is told of a postback that is in the journal: `OK` and its id, or its own reply."""
    network = found.network
    if network is None or not network.reply:
        return replies.text(200, f"OK {identifier}\n")

    def value(match: re.Match[str]) -> str:
        match match[1]:
            case "id":
                return identifier
            case "transaction" | "transaction_id":
                given = _first(found.params, network.transaction_params)
            case "click_id":
                given = _first(found.params, network.click_id_params)
            case "nothing":
                return ""
            case _:
                return match[0]
        return given if _PLAIN.fullmatch(given) else ""

    text = _MACRO.sub(value, network.reply)
    kind = replies.JSON if network.reply.startswith(('{"', "[")) else replies.TEXT
    return replies.content(200, kind, text.encode("utf-8", "replace"))


def read(
    slug: str | None, query: bytes, request: Request, networks: Mapping[str, NetworkEntry], address: str
) -> Found:
    """Read one postback. `slug` is None at /api/postbacks, where the field `network` names it.

    `address` is the sender's. One that a signature proves to be the network's own is taken as it is: what is
    missing in it the core tells, and a network that tries its connection is told OK.
    """
    sent = _sent(query, request)
    addressed = slug is None
    if slug is None:
        slug = bodies.text(sent.body.pop("network", "")) or sent.url.get("network", "")
        sent.url.pop("network", None)
        if not slug and not sent.fault:
            return Found(400, "The field network is missing: it names the affiliate network's slug.")
    network = networks.get(slug)
    if network is None or not network.active:
        return Found(404, "There is no such affiliate network.")
    if not proofs.admits(network, address):
        found, _ = kept(proofs.unproven(network, sent), network)
        return Found(403, "This address may not send postbacks of this network.", network, found)
    proof = proofs.prove(network, sent)
    if addressed:
        proof.fields.pop("network", None)
    params, who = kept(proof.fields, network, proof.personal)
    if proof.refusal:
        return Found(403, proof.refusal, network, params)
    if proof.fault:
        return Found(400, proof.fault, network, params)
    if not (network.signature or network.layout or _names_anything(params, network)):
        names = ", ".join(network.click_id_params)
        return Found(400, f"The click id is missing: expected one of {names}.", network, params)
    return Found(200, "", network, params, who)


def _sent(query: bytes, request: Request) -> proofs.Sent:
    url = read_query(query.decode("utf-8", "replace"))
    sent = proofs.Sent(request, query, url, {})
    if request.method == b"POST" and request.body:
        body = bodies.read(request.body, request.headers.get(b"content-type", b""))
        if isinstance(body, str):
            sent.fault = body
        else:
            sent.body = body
    return sent


def kept(
    fields: Mapping[str, Any],
    network: NetworkEntry,
    personal: Mapping[str, Any] | None = None,
    places: buyers.Places | None = None,
) -> tuple[dict[str, str], Identity]:
    """What of them the journal may have, and who bought, which it may have sealed.

    `personal` are the fields from before what is the buyer's was left out, where that was done already;
    `places` where who bought stands, if not where the network's template says.
    """
    plain = dict(fields)
    where = network.buyer if places is None else places
    who = buyers.take(plain, where)
    if personal is not None:
        who = buyers.take(dict(personal), where)
    if not network.secrets:
        params = bodies.texts(plain.items(), lambda value: False)
    else:
        params = bodies.texts(plain.items(), lambda value: proofs.is_misplaced(value, network))
    if network.layout:
        params, visitor = buyers.visitor(network, params, time.time_ns() // 1_000)
        who = visitor if who == NOBODY else who
    return params, who


def _names_anything(params: Mapping[str, str], network: NetworkEntry) -> bool:
    """Whether it says of which click, or of which transaction that was reported before, it speaks."""
    return bool(_first(params, network.click_id_params) or _first(params, network.transaction_params))


def _first(params: Mapping[str, str], names: tuple[str, ...]) -> str:
    return next((value for name in names if (value := (value_at(name, params) or "").strip())), "")
