"""The event records and what travels beside them, as they stand in a journal for ever.

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
    page, consent; before `click_ids` there were, also fbp and fbc. `click_ids` is what ad platforms are told
    (routing/platform_clicks.py). `taught` is what the edge remembers of the visitor: (keyed hash, value)
    pairs.
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
    click_ids: Mapping[str, str] = {}


class ClickIdentity(Struct, frozen=True, array_like=True, tag="click_identity"):
    """Who made a click, kept apart with its own short retention: `sealed` (stores/identity_keys.py).

    `address` is "" since then; records from before have it in full.
    """

    v: int
    click_id: str
    at_us: int
    address: str
    sealed: bytes = b""


OWN_DOORS = ("pixel", "script", "entered")
"""Methods of what came through doors of ours (http/public/pixel.py, operations): its fields are called by our
names, whatever the network's template says."""


class PostbackLogEvent(Struct, frozen=True, array_like=True, tag="postback_log_events"):
    """An inbound postback: once as `received` (raw, from an edge), once as what became of it (the core).

    `params` and `body` never hold the secret. `stage` is received, refused or processed; `outcome` is
    "" while received, else one of conversion, duplicate, waiting, attributed, click_unknown, refused.
    `sealed` is what it brought of the buyer's identity (stores/identity_keys.py), which `params` leave out.
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
    sealed: bytes = b""


class InterpretedReceived(Struct, frozen=True, array_like=True, tag="interpreted_received", gc=False):
    """An interpreted event as an account sent it to POST /api/events.

    `line` is its JSON object as it was, without `ip` and `user_agent`: these are `sealed`
    (stores/identity_keys.py), b"" where it had neither; from `v` 2 on with the place that the line names. All
    lines of one request carry its `request_id`. Shipped nowhere: the interpreter reads it in the journal.
    """

    v: int
    id: str
    at_us: int
    ad_account_id: int
    line: str
    sealed: bytes
    request_id: str


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


class ReportConversion(Struct, frozen=True, array_like=True, tag="report_conversions", gc=False):
    """What an interpreted event said, and what of it was reported. Written by the core, never by an edge.

    `at_us` is the click's time, `known_us` when we read it. `conversions`, `revenue` (micro-units of USD),
    `lander_visitors` and `lander_searches` are the totals that it named; `reported_…` what was added by the
    `reports` deliveries of this revision, so that their sums are what was reported. `lost` names what went
    down. `invalid_reason` is "" where it is `valid`. `address` is cut to /24 or /48.
    """

    v: int
    id: str
    revision: int
    at_us: int
    known_us: int
    intake: str
    network: str
    nw_account_id: str
    nw_account_name: str
    nw_campaign_id: str
    nw_campaign_name: str
    traffic_source: str
    pixel_id: str
    campaign_id: str
    campaign_name: str
    adset_id: str
    adset_name: str
    ad_id: str
    ad_name: str
    session_id: str
    keyword_clicked: str
    ts_click_id: str
    user_agent: str
    address: str
    country_code: str
    region: str
    city: str
    domain_name: str
    category: str
    vertical: str
    conversions: int
    revenue: int
    lander_visitors: int
    lander_searches: int
    reported_conversions: int
    reported_amount: int
    reports: int
    valid: bool
    invalid_reason: str
    lost: str


Event = (
    ClickEvent
    | ClickIdentity
    | PostbackLogEvent
    | ConversionEvent
    | TrafficbackEvent
    | DestinationHealthEvent
    | CostAdjustment
    | InterpretedReceived
    | ReportConversion
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
