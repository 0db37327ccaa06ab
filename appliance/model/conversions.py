"""What is known of the click behind a conversion, of the conversion itself, and of postbacks that wait."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from msgspec import Struct

from appliance.model.deliveries import Delivery
from appliance.model.events import ConversionEvent, CostAdjustment, PostbackLogEvent

Position = tuple[int, int, int]
"""Where a received postback stands: (edge, epoch, seq). Unique for ever."""

Stamp = tuple[int, int, int, int]
"""When a postback arrived, made unique: (at_us, edge, epoch, seq). Later news have the greater stamp."""

NEVER: Stamp = (0, 0, 0, 0)


class ClickFacts(Struct, frozen=True, kw_only=True):
    """The dimensions a conversion copies from its click; times in unix microseconds.

    `source_click_id` is its id at the traffic source; it cost `cost` micro-units of `currency`.
    """

    id: str
    at_us: int
    campaign_id: int = 0
    stream_id: int = 0
    destination_id: int = 0
    source_id: int = 0
    network_id: int = 0
    link_id: int = 0
    subs: dict[int, str] = {}
    utm: dict[str, str] = {}
    source_click_id: str = ""
    cost: int = 0
    currency: str = ""


class Counted(NamedTuple):
    """What a conversion counts for now (or by how much a revision changes that), and for whom."""

    id: str
    revision: int
    destination_id: int
    at_us: int
    conversions: int
    revenue: int
    currency: str


class Terms(Struct, frozen=True, kw_only=True):
    """What a source asks for a conversion: cpa `amount` micro-units of `currency`, revshare `amount`
    millionths of a per cent of its revenue."""

    kind: str
    amount: int
    currency: str


class Conversion(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A conversion as the ledger knows it now. Stored for ever: append fields with defaults only.

    Status, payout and currency each remember the stamp of the postback that said so, so that postbacks
    which arrive out of order end in the state of the ordered ones. `payout` is None while no postback
    named one. `click`, `event_type`, `transaction_id` and `at_us` are the first postback's and never
    change: every revision counts under the same dimensions and in the same hour. Neither do `terms`, what
    its source asked for it then: None for nothing.
    """

    id: str
    revision: int
    network_id: int
    transaction_id: str
    event_type: str
    at_us: int
    known_us: int
    status: str
    original_status: str
    status_stamp: Stamp
    payout: int | None
    payout_stamp: Stamp
    currency: str
    currency_stamp: Stamp
    click: ClickFacts
    terms: Terms | None = None


class WaitingPostback(Struct, frozen=True, kw_only=True):
    """A postback whose click is not known (yet). `told` says that its outcome `waiting` was logged.

    `attempts` counts the lookups that answered without the click; while it is 0, `due_us` is "now".
    """

    position: Position
    click_id: str
    due_us: int
    deadline_us: int
    event: PostbackLogEvent
    attempts: int = 0
    told: bool = False


SettledRecord = PostbackLogEvent | ConversionEvent | CostAdjustment
"""What became of a postback, what that changed of a conversion, and of its cost."""


class Settlement(NamedTuple):
    """What one batch did; the ledger stores all of it or nothing.

    `offsets` maps (edge, epoch) to the last number consumed, `waiting` is put or replaced, `settled` waits
    no longer, `records` go to the outbox in this order, `deliveries` to their targets; one whose id was
    stored before is left as it is.
    """

    offsets: Mapping[tuple[int, int], int] = {}
    conversions: Sequence[Conversion] = ()
    waiting: Sequence[WaitingPostback] = ()
    settled: Sequence[Position] = ()
    records: Sequence[SettledRecord] = ()
    deliveries: Sequence[Delivery] = ()


class LedgerSizes(NamedTuple):
    """How much the ledger holds that is meant to leave it again."""

    waiting: int
    waiting_bytes: int
    outbox: int
    outbox_bytes: int
