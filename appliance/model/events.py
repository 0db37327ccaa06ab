"""The five event records and what travels beside them, as they stand in a journal for ever.

Encoded as msgpack arrays: [tag, v, fields…]. To change one: append fields with defaults, never reorder,
never reuse; tests/guards/old_records holds encoded old records that must always decode. Times are unix
microseconds, UTC. Money is micro-units. Ids of catalog entities are 0 when there is none.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal

import msgspec
from msgspec import Struct

from appliance.model.heads import ClickDimensions
from appliance.model.wire import decoder

Verdict = tuple[int, str, int]
"""(stream or destination id, verdict code of routing/verdicts, index of the rule that failed or -1)."""


class DecisionInputs(Struct, frozen=True, array_like=True):
    """What a decision consumed beyond the catalog (design.md, promise 2). Later versions append.

    `facts` are those that were detected, by name (routing/facts.py); one that is missing could not be known.
    `turn` is the stream's turn of a round robin, -1 without. `weights` are what the core's ranks or
    posteriors gave each target (0: not ranked); () when the catalog's own were used. `cookie` is what the
    visitor's cookie named: "stream" or "stream.destination". `tests` are the results of tests that looked
    at what no event keeps (the full address, headers): rule key → held.
    """

    v: int = 1
    kernel: int = 0
    draw: int = 0
    streams: tuple[Verdict, ...] = ()
    destinations: tuple[Verdict, ...] = ()
    facts: Mapping[str, str] = {}
    turn: int = -1
    weights: tuple[int, ...] = ()
    cookie: str = ""
    tests: dict[str, bool] = {}


class ClickEvent(ClickDimensions, frozen=True, array_like=True, tag="click_events"):
    """One visit of a tracked link and what was decided; heads.py has its first fields.

    `address` is cut to /24 or /48.
    `url_hash` are the first 8 bytes of the SHA-256 of where the visitor was sent, 0 for nowhere. `parent_id`
    is the click of the landing page, or of the campaign before, that this one came from. `landing_id` is the
    landing page among the destinations that it was sent to or, through exit number `exit_number`, came from.
    `hops` counts the campaigns before this one. `signals` are what the tracking script found on the page:
    fbp, fbc, page, consent. `taught` is what the edge remembers of the visitor: (keyed hash, value) pairs.
    """

    source_click_id: str
    cost: int
    currency: str
    user_agent: str
    referrer: str
    language: str
    host: str
    address: str
    query: str
    request_id: str
    inputs: DecisionInputs
    url_hash: int = 0
    parent_id: str = ""
    landing_id: int = 0
    exit_number: int = 0
    hops: int = 0
    signals: Mapping[str, str] = {}
    taught: tuple[tuple[bytes, int], ...] = ()


class ClickIdentity(Struct, frozen=True, array_like=True, tag="click_identity"):
    """The full address of a click, kept apart with its own short retention."""

    v: int
    click_id: str
    at_us: int
    address: str


OWN_DOORS = ("pixel", "script", "entered")
"""Methods of what came through doors of ours (http/public/pixel.py, operations): its fields are called by our
names, whatever the network's template says."""


class PostbackLogEvent(Struct, frozen=True, array_like=True, tag="postback_log_events"):
    """An inbound postback: once as `received` (raw, from an edge), once as what became of it (the core).

    `params` and `body` never hold the secret. `stage` is received, refused or processed; `outcome` is
    "" while received, else one of conversion, duplicate, waiting, attributed, click_unknown, refused.
    """

    v: int
    id: str
    at_us: int
    stage: Literal["received", "refused", "processed"]
    outcome: str
    reason: str
    network_id: int
    method: str
    params: dict[str, str]
    address: str
    request_id: str
    click_id: str = ""
    transaction_id: str = ""
    conversion_id: str = ""
    known_us: int = 0


class ConversionEvent(Struct, frozen=True, array_like=True, tag="conversion_events"):
    """One revision of a conversion: the *change* it makes, so that a report is a sum.

    `at_us` is when the conversion happened (in its first postback's words, or its arrival), `known_us` when
    we learned of this revision. `count`, `revenue`, `hold`, `original_payout` (what the network named, in
    `original_currency`) and `entered` are differences: a conversion that changes its status, currency, hour
    or click leaves with one revision (`entered` -1) and enters with another (1), so that the sum of `entered`
    with a status is the number of conversions that have it. `rate` is what made `currency` of the original
    one, "" for nothing. `repeated`: an earlier one has the same claim. `v` 1 has none of these.
    """

    v: int
    id: str
    revision: int
    at_us: int
    known_us: int
    status: str
    original_status: str
    event_type: str
    count: int
    revenue: int
    hold: int
    currency: str
    transaction_id: str
    network_id: int
    click_id: str
    click_at_us: int
    campaign_id: int
    stream_id: int
    destination_id: int
    source_id: int
    link_id: int
    subs: dict[int, str]
    utm: dict[str, str]
    entered: int = 0
    repeated: bool = False
    upsell: str = ""
    original_payout: int = 0
    original_currency: str = ""
    rate: str = ""


class TrafficbackEvent(Struct, frozen=True, array_like=True, tag="trafficback_events"):
    """A click that no destination took, with the reason and how deep the chain of trafficbacks is."""

    v: int
    click_id: str
    at_us: int
    revision: int
    campaign_id: int
    stream_id: int
    source_id: int
    reason: str
    depth: int
    url: str


class DestinationHealthEvent(Struct, frozen=True, array_like=True, tag="destination_health_events"):
    """A change of a destination's health, as the healthcheck saw it."""

    v: int
    at_us: int
    destination_id: int
    before: str
    after: str
    status: int
    latency_us: int
    error: str


class CostAdjustment(Struct, frozen=True, array_like=True, tag="cost_adjustments"):
    """A part of a correction of cost: `cost` micro-units are added (or taken away) among these clicks.

    All parts of one correction carry its `id`. `at_us` is the time of the first of the clicks that the part
    stands for. Written by the core, never by an edge. What a conversion costs (attribution/charge.py) has the
    conversion's id and time, and `click_id`, `subs` and `utm` of its click.
    """

    v: int
    id: str
    at_us: int
    known_us: int
    campaign_id: int
    stream_id: int
    destination_id: int
    source_id: int
    network_id: int
    link_id: int
    cost: int
    currency: str
    author: str
    note: str
    subs: dict[int, str] = {}
    utm: dict[str, str] = {}
    click_id: str = ""


Event = (
    ClickEvent
    | ClickIdentity
    | PostbackLogEvent
    | ConversionEvent
    | TrafficbackEvent
    | DestinationHealthEvent
    | CostAdjustment
)
TOPICS = (
    "click_events",
    "conversion_events",
    "postback_log_events",
    "trafficback_events",
    "destination_health_events",
)

encode = msgspec.msgpack.Encoder().encode
decode: Callable[[bytes], Event] = decoder(Event)
"""Bytes → one Event; raises msgspec.DecodeError or ValidationError for what is no record of ours."""
