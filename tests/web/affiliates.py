"""Affiliate networks of every kind, as the core's table brings them to an edge, and an edge that has them."""

from __future__ import annotations

import json
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

from appliance.attribution.template import names
from appliance.model.catalog import Network, Template
from appliance.model.events import PostbackLogEvent
from appliance.model.table import Part
from appliance.routing.holdings import Holdings
from appliance.routing.parts import compile_part
from tests.pure.test_signatures import SECRET
from tests.web.front import Front, front

PATHS: dict[str, tuple[str, ...]] = {
    "click_id": ("$.order.refs[0].click", "cid"), "transaction_id": ("$.order.id",),
    "secret": ("$.auth.token", "api_token"),
}  # fmt: skip
VENDOR: dict[str, tuple[str, ...]] = {
    "click_id": ("$.trackingCodes[0]",), "transaction_id": ("receipt",), "payout": ("totalAccountAmount",),
}  # fmt: skip
NETWORKS = [
    Network(id=1, slug="open"),
    Network(id=2, slug="turning", secret="the-old-secret", secrets=("the-new-secret", "one-more-secret")),
    Network(id=3, slug="fenced", allow=("127.0.0.2", "203.0.113.0/24", "2001:db8::/32")),
    Network(id=4, slug="signed", signature="hmac_sha256", secrets=("hmac-old", "hmac-new")),
    Network(id=5, slug="digistore", signature="digistore24", secret="secret", reply="OK"),
    Network(id=6, slug="clickbank", signature="clickbank_ins", secret=SECRET.decode(), template_id=2),
    Network(id=7, slug="nested", secret="nested-secret", template_id=1),
    Network(id=8, slug="echo", reply="OK {transaction}|{click_id}|{id}"),
    Network(id=9, slug="silent", reply="{nothing}"),
    Network(id=10, slug="json", reply='{"status":"ok","transaction":"{transaction_id}"}'),
]


def parts() -> list[Part]:
    """The networks as the core's table brings them to an edge."""
    holdings = Holdings()
    templates = [Template(id=1, mapping=PATHS), Template(id=2, mapping=VENDOR)]
    for network in NETWORKS:
        holdings.put("network", network)
    for template in templates:
        holdings.put("template", template)
    part, left_out = compile_part("network", holdings, names)
    assert part is not None and not left_out
    return [part]


def door(path: Path) -> AbstractAsyncContextManager[Front]:
    """An edge that believes its own machine's X-Forwarded-For."""
    return front(path, parts=parts(), trusted_proxies=("127.0.0.1/32",))


def last(edge: Front) -> PostbackLogEvent:
    return edge.events(PostbackLogEvent)[-1]


def json_of(**fields: Any) -> bytes:
    return json.dumps(fields).encode()
