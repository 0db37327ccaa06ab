"""What caps are measured by: a journal's counted clicks by destination and second, and the ledger's."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from appliance.model.conversions import Counted
from appliance.model.events import ConversionEvent, CostAdjustment
from appliance.model.heads import ClickPrice
from appliance.model.usage import Took
from appliance.model.wire import decoder

_decode = decoder(ClickPrice)
_decode_settled = decoder(ConversionEvent | CostAdjustment)
_SECOND = 1_000_000
# How msgpack writes a tag, after the array's header of one or three bytes.
_TAG = b"\xacclick_events"
_SETTLED_TAGS = (b"\xb1conversion_events", b"\xb0cost_adjustments")


def counted_clicks(entries: Iterable[tuple[int, bytes]]) -> list[Took]:
    """What destinations took in a piece of a journal. A record that does not decode is no click of theirs."""
    found: dict[tuple[int, int, str], list[int]] = {}
    for _, body in entries:
        if not (body.startswith(_TAG, 1) or body.startswith(_TAG, 3)):
            continue
        try:
            click = _decode(body)
        except msgspec.MsgspecError:
            continue  # the publisher sets it aside where it is seen
        if click.counted and click.destination_id:
            key = (click.destination_id, click.at_us // _SECOND, click.currency)
            counts = found.setdefault(key, [0, 0])
            counts[0] += 1
            counts[1] += click.cost
    return [
        Took(destination, second, 1, currency, clicks, cost)
        for (destination, second, currency), (clicks, cost) in found.items()
    ]


def settled(entries: Iterable[tuple[int, bytes]]) -> tuple[list[Took], list[Counted]]:
    """What the core's outbox holds for caps: the cost of conversions and of corrections, and conversions.

    A record that does not decode is left out, as above.
    """
    costs: list[Took] = []
    changes: list[Counted] = []
    for _, body in entries:
        if not (body.startswith(_SETTLED_TAGS, 1) or body.startswith(_SETTLED_TAGS, 3)):
            continue
        try:
            it = _decode_settled(body)
        except msgspec.MsgspecError:
            continue
        if isinstance(it, CostAdjustment):
            if it.destination_id:
                costs.append(Took(it.destination_id, it.at_us // _SECOND, 1, it.currency, 0, it.cost))
        else:
            changes.append(
                Counted(it.id, it.revision, it.destination_id, it.at_us, it.count, it.revenue, it.currency)
            )
    return costs, changes
