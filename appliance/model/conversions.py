"""What is known of the click behind a conversion, of the conversion itself, and of postbacks that wait."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from msgspec import Struct

from appliance.model.deliveries import Delivery
from appliance.model.entries import EntryRecord
from appliance.model.events import ConversionEvent, CostAdjustment, PostbackLogEvent

Position = tuple[int, int, int]
"""Where a received postback stands: (edge, epoch, seq). Unique for ever."""

Stamp = tuple[int, int, int, int]
"""When a postback arrived, made unique: (at_us, edge, epoch, seq). Later news have the greater stamp."""

CORE_EDGE = -1
"""The edge of what the core itself received."""


def entered_position(id: str) -> Position:
    """Where a postback stands that came through no edge's journal: by its `id` (32 hex digits) alone, so that
    what is entered twice is one, and its row in the warehouse says the same."""
    return CORE_EDGE, int(id[:15], 16), int(id[15:30], 16)


NEVER: Stamp = (0, 0, 0, 0)


class ClickFacts(Struct, frozen=True, kw_only=True):
    """The dimensions a conversion copies from its click; times in unix microseconds.

    `source_click_id` is its id at the traffic source; it cost `cost` micro-units of `currency`. `click_ids`
    is {} unless an ad platform put an id of its own into the link; then it has these ids by the parameter
    that brought them (`fbclid`, `ttclid`, …), and beside them, as far as they are known, what was said of
    consent (`consent`, `gdpr`, `gdpr_consent`, `us_privacy`, `gpp`, `gpp_sid`, `gpc`), the visitor's
    `country` (ISO, capitals) and the `page` that he came to (routing/platform_clicks.py).
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
    click_ids: dict[str, str] = {}


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


class Said(Struct, frozen=True, array_like=True):
    """What one postback said of its conversion. `payout` in `currency`, "" where it named none; `word` is the
    network's own for `status`; `policy` is what was to become of a further postback of this claim;
    `happened_us` when it happened in the network's word, 0 where that says nothing usable."""

    stamp: Stamp
    status: str
    word: str
    payout: int | None = None
    currency: str = ""
    event_type: str = ""
    upsell: str = ""
    policy: str = "edit"
    happened_us: int = 0


class Told(Struct, frozen=True, array_like=True):
    """What postbacks come to, from the `first` stamp to the `last`: all in the network's words.

    `returned` (in `returned_in`) is what a refund or a chargeback takes back; None for all of it.
    `happened_us` is the first one's.
    """

    first: Stamp
    last: Stamp
    status: str
    word: str
    payout: int | None
    currency: str
    returned: int | None
    returned_in: str
    event_type: str
    upsell: str
    policy: str
    happened_us: int = 0


class Conversion(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A conversion as the ledger knows it now. Stored for ever: append fields with defaults only.

    It follows from what its postbacks said (`base`, then `history`, in the order of their stamps) and from
    what was fixed when it began, or when its click was found: `transitions`, `fallback` (the currency where
    none is named), `unit` (the one it counts in, "" for its own), `rates` ("day from to" → the rate used, ""
    where there was none) and `terms`, what its source asked for it: None for nothing. attribution/history.py
    is the function. Without `base` and `history`, from before they were kept, the other fields are the base.

    `event_type` and `upsell` are the first postback's; `at_us` is when it says that it happened, or its
    arrival. `payout` and `currency` are what it counts in; where a `rate` was used, the network's own are in
    `original_payout` and `original_currency`. `payout` is None while no postback named one; `returned` is
    what a refund or a chargeback took of it, None for all.
    Until its click is `attributed`, `click` has only the id that was named. `claim` is what its postbacks
    share with those of other conversions, where each makes one of its own; all of these but the earliest
    can be marked as `repeated`. A `void` one counts nothing: its postbacks belong to other conversions now.
    `sealed` is the latest that a postback brought of the buyer's identity (stores/identity_keys.py).
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
    history: tuple[Said, ...] = ()
    base: Told | None = None
    transitions: Mapping[str, tuple[str, ...]] = {}
    fallback: str = ""
    unit: str = ""
    rates: Mapping[str, str] = {}
    upsell: str = ""
    returned: int | None = None
    original_payout: int | None = None
    original_currency: str = ""
    rate: str = ""
    attributed: bool = True
    claim: str = ""
    repeated: bool = False
    void: bool = False
    sealed: bytes = b""


def forbidden(now: str, status: str, transitions: Mapping[str, tuple[str, ...]]) -> bool:
    """Whether the network's rules keep a conversion that is `now` from becoming that."""
    return status != now and status not in transitions.get(now, (status,))


def statuses_of(it: Conversion) -> Iterator[tuple[Stamp, str]]:
    """What it was from each postback of its history on, oldest first: the status that attribution/history.py
    makes of it and of those before."""
    told = it.base if it.base is not None else next(iter(it.history), None)
    if told is None:
        return
    now, moves = told.status, told.policy not in ("ignore", "event_id", "increment")
    for said in it.history:
        if moves and not forbidden(now, said.status, it.transitions):
            now = said.status
        yield said.stamp, now


class WaitingPostback(Struct, frozen=True, kw_only=True):
    """A postback whose click is not known (yet). `told` says that its outcome was logged: `waiting`, or
    `conversion` where it was `recorded` without its click.

    `attempts` counts the lookups that answered without the click; while it is 0, `due_us` is "now".
    """

    position: Position
    click_id: str
    due_us: int
    deadline_us: int
    event: PostbackLogEvent
    attempts: int = 0
    told: bool = False
    recorded: bool = False


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
    entries: Sequence[EntryRecord] = ()
    """Orders that this carries out; each counts once."""
    firsts: Mapping[str, str] = {}
    """Claim → the earliest of its conversions, where each postback makes one of its own; "" for none."""


class LedgerSizes(NamedTuple):
    """How much the ledger holds that is meant to leave it again."""

    waiting: int
    waiting_bytes: int
    outbox: int
    outbox_bytes: int
