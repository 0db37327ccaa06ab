"""What conversions need of each journal record, and a bounded memory of recent clicks.

A click is decoded only as far as its dimensions: most records of a journal are clicks that nobody will ever
ask for, and the rest of such a record (user agent, query, decision inputs) is twice as long.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import msgspec
from msgspec import Struct

from appliance.model.conversions import ClickFacts
from appliance.model.events import PostbackLogEvent
from appliance.model.heads import (
    ClickTold,
    ConversionHead,
    HealthHead,
    IdentityHead,
    InterpretedHead,
    TrafficbackHead,
)
from appliance.model.wire import decoder

_decode = decoder(
    ClickTold
    | PostbackLogEvent
    | IdentityHead
    | TrafficbackHead
    | ConversionHead
    | HealthHead
    | InterpretedHead
)


class _Packed(Struct, frozen=True, array_like=True):
    """ClickFacts without its id, as the index keeps them: 340 bytes of memory per click, key included.

    An id of `click_ids` that is the source's id of the click is "" here: most are.
    """

    at_us: int
    campaign_id: int
    stream_id: int
    destination_id: int
    source_id: int
    network_id: int
    link_id: int
    subs: dict[int, str]
    utm: dict[str, str]
    source_click_id: str
    cost: int
    currency: str
    click_ids: dict[str, str]


_pack = msgspec.msgpack.Encoder().encode
_unpack = msgspec.msgpack.Decoder(_Packed).decode


class Taken(NamedTuple):
    """A piece of a journal as conversions see it; `broken` records were no records of ours.

    `refused` are postbacks that the door turned away, `networks` how many clicks each network got.
    """

    last: int
    clicks: list[tuple[str, bytes]]
    postbacks: list[tuple[int, PostbackLogEvent]]
    broken: int
    newest_us: int
    refused: list[PostbackLogEvent]
    networks: Mapping[int, int]


def take(entries: Sequence[tuple[int, bytes]], upto: int | None = None) -> Taken:
    """Sort a read of a journal, up to and including the number `upto`.

    A record that does not decode is counted and passed over: the publisher sets it aside where it is seen.
    """
    last = newest_us = broken = 0
    clicks: list[tuple[str, bytes]] = []
    postbacks: list[tuple[int, PostbackLogEvent]] = []
    refused: list[PostbackLogEvent] = []
    networks: dict[int, int] = {}
    for seq, body in entries:
        if upto is not None and seq > upto:
            break
        last = seq
        try:
            record = _decode(body)
        except msgspec.MsgspecError:
            broken += 1
            continue
        if isinstance(record, ClickTold):
            newest_us = record.at_us
            clicks.append((record.id, _packed(record)))
            networks[record.network_id] = networks.get(record.network_id, 0) + 1
        elif isinstance(record, PostbackLogEvent):
            newest_us = record.at_us
            if record.stage == "received":
                postbacks.append((seq, record))
            elif record.stage == "refused":
                refused.append(record)
    return Taken(last, clicks, postbacks, broken, newest_us, refused, networks)


def _packed(click: ClickTold) -> bytes:
    told = click.click_ids
    if told:
        source = click.source_click_id
        told = {name: "" if value == source else value for name, value in told.items()}
    return _pack(
        _Packed(
            click.at_us,
            click.campaign_id,
            click.stream_id,
            click.destination_id,
            click.source_id,
            click.network_id,
            click.link_id,
            click.subs,
            click.utm,
            click.source_click_id,
            click.cost,
            click.currency,
            told,
        )
    )


class RecentClicks:
    """The last `capacity` clicks by id. Full: the oldest goes out, counted; it is found in the warehouse."""

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.evicted = 0
        self._packed: dict[str, bytes] = {}
        self._order: deque[str] = deque()

    def __len__(self) -> int:
        return len(self._packed)

    def put(self, clicks: Sequence[tuple[str, bytes]]) -> None:
        """Add clicks as `take` gave them, oldest first."""
        for click_id, packed in clicks:
            if click_id not in self._packed:
                self._order.append(click_id)
                self._packed[click_id] = packed
        while len(self._packed) > self.capacity:
            del self._packed[self._order.popleft()]
            self.evicted += 1

    def get(self, click_id: str) -> ClickFacts | None:
        packed = self._packed.get(click_id)
        if packed is None:
            return None
        it = _unpack(packed)
        return ClickFacts(
            id=click_id,
            at_us=it.at_us,
            campaign_id=it.campaign_id,
            stream_id=it.stream_id,
            destination_id=it.destination_id,
            source_id=it.source_id,
            network_id=it.network_id,
            link_id=it.link_id,
            subs=it.subs,
            utm=it.utm,
            source_click_id=it.source_click_id,
            cost=it.cost,
            currency=it.currency,
            click_ids={name: value or it.source_click_id for name, value in it.click_ids.items()},
        )
