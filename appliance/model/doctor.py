"""What the doctor looks at and what it finds: faults of postbacks, networks and campaigns, by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from msgspec import Struct

from appliance.model.conversions import Conversion
from appliance.model.events import PostbackLogEvent


class Observed(NamedTuple):
    """What one pass of the conversions came to.

    `received` arrived with it and `refused` were turned away at the door; `waited` arrived earlier. All of
    these are as the edge wrote them. `processed` says what became of them, `conversions` are those that
    changed. `clicks`: (time, network → clicks of that network until then).
    """

    received: Sequence[PostbackLogEvent] = ()
    refused: Sequence[PostbackLogEvent] = ()
    waited: Sequence[PostbackLogEvent] = ()
    processed: Sequence[PostbackLogEvent] = ()
    conversions: Sequence[Conversion] = ()
    clicks: Sequence[tuple[int, Mapping[int, int]]] = ()


class Finding(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A fault that was seen, `count` times from `first_us` to `last_us` (unix microseconds).

    `code` is one of attribution/ailments.py. It belongs to a network or to a campaign; `about` is what in it:
    a field, a word, a pair of currencies. `example` is the last one seen, masked: it holds no secret and no
    whole value of a person. `muted`: an operator wants to hear no more of it.
    """

    id: str
    code: str
    first_us: int
    last_us: int
    count: int
    network_id: int = 0
    campaign_id: int = 0
    source_id: int = 0
    destination_id: int = 0
    about: str = ""
    example: str = ""
    muted: bool = False
