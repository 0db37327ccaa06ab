"""The sealed text that a landing page's visitor carries to its exits (routing/landings.py opens it)."""

from __future__ import annotations

import msgspec

from appliance.routing.macros import Ids
from appliance.routing.seals import seal
from appliance.routing.visit import Visit

PURPOSE = b"landing"
LONGEST_TOKEN = 1_700
"""Characters: two of them fit into a cookie, one into any URL."""
_encode = msgspec.msgpack.Encoder().encode


def token(key: bytes, visit: Visit, ids: Ids) -> str:
    """What this visitor carries; "" without a key. Values that do not fit stay behind, the longest first."""
    subs, utm, click_ids = dict(visit.subs), dict(visit.utm), visit.click_ids
    source_click_id = visit.source_click_id
    while True:
        payload = _encode(
            (
                visit.click_id, ids.campaign_id, ids.stream_id, ids.destination_id, visit.link_id,
                source_click_id, visit.currency, subs, utm, *((click_ids,) if click_ids else ()),
            )
        )  # fmt: skip
        made = seal(key, PURPOSE, payload)
        if len(made) <= LONGEST_TOKEN:
            return made
        if subs and (not utm or max(map(len, subs.values())) >= max(map(len, utm.values()))):
            del subs[max(subs, key=lambda number: (len(subs[number]), number))]
        elif utm:
            del utm[max(utm, key=lambda name: (len(utm[name]), name))]
        elif click_ids:
            click_ids = {}
        else:
            source_click_id = ""
