"""Records → what the live feed counts and shows. Pure: bytes and values in, groups and JSON out.

A second may hold thousands of records and a frame shows a few dozen. So each record is decoded only as far
as its dimensions, counted by them, and put into words only if a frame shows it, once for all watchers.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import NamedTuple

import msgspec

from appliance.model.conversions import SettledRecord
from appliance.model.events import ClickEvent, ConversionEvent, PostbackLogEvent, decode
from appliance.model.heads import ClickHead, IdentityHead, InterpretedHead, TrafficbackHead
from appliance.model.live import Topic, Wish
from appliance.model.money import amount
from appliance.model.wire import decoder

_decode = decoder(ClickHead | PostbackLogEvent | IdentityHead | TrafficbackHead | InterpretedHead)
_json = msgspec.json.Encoder(decimal_format="number").encode

COUNTS = ("clicks", "uncounted", "conversions", "changes", "postbacks")
Record = ClickEvent | ConversionEvent | PostbackLogEvent


class Key(NamedTuple):
    """What a record is filtered by; 0 where it has none."""

    topic: Topic
    campaign: int
    stream: int
    destination: int
    source: int
    network: int


class Item:
    """One record that may be shown; put into words once for those who see money and once for others."""

    __slots__ = ("_record", "_words", "at_us", "topic")

    def __init__(self, topic: Topic, at_us: int, record: bytes | Record) -> None:
        self.topic = topic
        self.at_us = at_us
        self._record = record
        self._words: dict[bool, msgspec.Raw] = {}

    def words(self, money: bool) -> msgspec.Raw:
        found = self._words.get(money)
        if found is None:
            record = self._record
            if isinstance(record, bytes):
                full = decode(record)
                assert isinstance(full, ClickEvent)
                record = self._record = full
            found = self._words[money] = msgspec.Raw(_json(shown(record, money)))
        return found


@dataclass(slots=True)
class Group:
    """Records with one key: how many, and the newest of them."""

    counts: dict[str, int] = field(default_factory=dict)
    events: int = 0
    items: list[Item] = field(default_factory=list)

    def add(self, item: Item, keep: int, **counts: int) -> None:
        self.events += 1
        for name, value in counts.items():
            self.counts[name] = self.counts.get(name, 0) + value
        if len(self.items) >= 2 * keep:  # halved at once: cheaper than a step for each
            del self.items[:keep]
        self.items.append(item)


Groups = dict[Key, Group]


def take(bodies: Iterable[bytes], keep: int, into: Groups) -> int:
    """Count the records of a journal into `into`, `keep` to twice as many of each group for showing.

    Returns how many were no records of ours; the publisher sets those aside where they are seen.
    """
    broken = 0
    for body in bodies:
        try:
            record = _decode(body)
        except msgspec.MsgspecError:
            broken += 1
            continue
        if isinstance(record, ClickHead):
            key = Key(
                "clicks",
                record.campaign_id,
                record.stream_id,
                record.destination_id,
                record.source_id,
                record.network_id,
            )
            group = into.get(key) or into.setdefault(key, Group())
            if record.counted and record.door != "lp":  # that visit was counted on its way in
                group.add(Item("clicks", record.at_us, body), keep, clicks=1)
            else:
                group.add(Item("clicks", record.at_us, body), keep, uncounted=1)
        elif isinstance(record, PostbackLogEvent):
            key = Key("postbacks", 0, 0, 0, 0, record.network_id)
            group = into.get(key) or into.setdefault(key, Group())
            # Without what nobody is shown: a postback's record may be a megabyte.
            small = msgspec.structs.replace(record, params={}, address="", sealed=b"")
            group.add(Item("postbacks", record.at_us, small), keep, postbacks=1)
    return broken


def take_settled(records: Iterable[SettledRecord], keep: int, into: Groups) -> None:
    """The same for what the core made of postbacks: revisions of conversions, and outcomes; costs are not
    shown."""
    for record in records:
        if isinstance(record, ConversionEvent):
            key = Key(
                "conversions",
                record.campaign_id,
                record.stream_id,
                record.destination_id,
                record.source_id,
                record.network_id,
            )
            group = into.get(key) or into.setdefault(key, Group())
            changes = int(record.entered >= 0)  # who leaves a place enters another: one change
            group.add(
                Item("conversions", record.known_us, record), keep, conversions=record.count, changes=changes
            )
        elif isinstance(record, PostbackLogEvent):
            key = Key("postbacks", 0, 0, 0, 0, record.network_id)
            group = into.get(key) or into.setdefault(key, Group())
            if record.stage == "received":  # it was entered, and came through no journal
                small = msgspec.structs.replace(record, params={}, sealed=b"")
                group.add(Item("postbacks", record.known_us, small), keep, postbacks=1)
            else:
                group.add(Item("postbacks", record.known_us, record), keep)


def wanted(key: Key, wish: Wish) -> bool:
    """Whether whoever has this wish gets records with this key.

    A postback belongs to no campaign yet, so whoever is limited to some gets none.
    """
    if key.topic not in wish.topics:
        return False
    conditions = (
        (wish.campaigns, key.campaign),
        (wish.streams, key.stream),
        (wish.destinations, key.destination),
        (wish.sources, key.source),
        (wish.networks, key.network),
    )
    return all(some is None or number in some for some, number in conditions)


def choose(items: Sequence[Item], room: int) -> list[Item]:
    """At most `room` of the items, oldest first: every topic has its part, and of each the newest come."""
    ordered = sorted(items, key=lambda item: item.at_us)
    if len(ordered) <= room:
        return ordered
    by_topic: dict[str, list[Item]] = {}
    for item in ordered:
        by_topic.setdefault(item.topic, []).append(item)
    chosen: list[Item] = []
    left = room
    rarest_first = sorted(by_topic.values(), key=len)
    for place, some in enumerate(rarest_first):
        part = min(len(some), left // (len(rarest_first) - place))
        chosen += some[len(some) - part :]
        left -= part
    return sorted(chosen, key=lambda item: item.at_us)


def shown(record: Record, money: bool) -> dict[str, object]:
    """One record as a frame shows it."""

    def paid(value: int) -> object:
        return amount(value) if money else None

    if isinstance(record, ClickEvent):
        return {
            "topic": "clicks", "id": record.id, "at": iso(record.at_us),
            "campaign_id": record.campaign_id, "stream_id": record.stream_id,
            "destination_id": record.destination_id, "source_id": record.source_id,
            "network_id": record.network_id, "link_id": record.link_id,
            "decision": record.decision, "reason": record.reason, "counted": record.counted,
            "cost": paid(record.cost), "currency": record.currency, "facts": record.inputs.facts,
        }  # fmt: skip
    if isinstance(record, ConversionEvent):
        return {
            "topic": "conversions", "id": record.id, "at": iso(record.known_us),
            "revision": record.revision, "happened": iso(record.at_us),
            "status": record.status, "event_type": record.event_type, "count": record.count,
            "revenue": paid(record.revenue), "hold": paid(record.hold), "currency": record.currency,
            "transaction_id": record.transaction_id, "network_id": record.network_id,
            "click_id": record.click_id, "campaign_id": record.campaign_id, "stream_id": record.stream_id,
            "destination_id": record.destination_id, "source_id": record.source_id,
        }  # fmt: skip
    # Its parameters may hold the payout and personal data: postbacks.list has them.
    return {
        "topic": "postbacks", "id": record.id, "at": iso(record.known_us or record.at_us),
        "stage": record.stage, "outcome": record.outcome, "reason": record.reason,
        "network_id": record.network_id, "method": record.method, "click_id": record.click_id,
        "transaction_id": record.transaction_id, "conversion_id": record.conversion_id,
    }  # fmt: skip


def iso(at_us: int) -> str:
    """Unix microseconds → ISO 8601, UTC, milliseconds."""
    seconds, rest = divmod(at_us, 1_000_000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest // 1000:03d}Z"
