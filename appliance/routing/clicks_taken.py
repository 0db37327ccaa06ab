"""A journal's counted clicks by destination and second: what caps are measured by."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from appliance.model.heads import ClickDimensions
from appliance.model.usage import Took
from appliance.model.wire import decoder


class _Click(ClickDimensions, frozen=True, array_like=True, tag="click_events"):
    """With what it cost; decoding skips the rest."""

    source_click_id: str
    cost: int
    currency: str


_decode = decoder(_Click)
_TAG = b"\xacclick_events"
"""How msgpack writes the tag, after the array's header of one or three bytes."""


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
            key = (click.destination_id, click.at_us // 1_000_000, click.currency)
            counts = found.setdefault(key, [0, 0])
            counts[0] += 1
            counts[1] += click.cost
    return [
        Took(destination, second, 1, currency, clicks, cost)
        for (destination, second, currency), (clicks, cost) in found.items()
    ]
