"""One postback understood: which conversion it speaks of and what it says about it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from msgspec import Struct

from appliance.attribution import normalize
from appliance.attribution.template import extract
from appliance.model.catalog import Duplicates, Network, Template
from appliance.model.conversions import Position, Stamp
from appliance.model.events import PostbackLogEvent
from appliance.model.ids import click_time_ms, name_of

# Longer transaction ids are no ids; networks' own stay below 100 characters.
LONGEST_TRANSACTION = 512
LONGEST_WORD = 100
_HOUR_US = 3_600_000_000
_NONE = Network(slug="")


class Statement(Struct, frozen=True, kw_only=True):
    """What one postback says. `currency` is "" when it named none; then a new conversion takes `fallback`.

    `claim` is what it shares with others under the policies create and repeat, where each postback makes a
    conversion of its own. `accept`: it is recorded without its click while that is not known, for which it
    waits `wait_us`, None for the usual time.
    """

    conversion_id: str
    network_id: int
    click_id: str
    transaction_id: str
    event_type: str
    status: normalize.Status
    original_status: str
    payout: int | None
    currency: str
    fallback: str
    stamp: Stamp
    notes: tuple[str, ...] = ()
    claim: str = ""
    policy: Duplicates = "edit"
    upsell: str = ""
    transitions: Mapping[str, tuple[str, ...]] = {}
    accept: bool = False
    wait_us: int | None = None


class Unusable(NamedTuple):
    """A postback that can never become a conversion, and why."""

    reason: str
    click_id: str = ""
    transaction_id: str = ""


def conversion_id(network_id: int, transaction_id: str, click_id: str, *more: str) -> str:
    """The claim as a name: 32 hex digits of network and transaction, or of network and click without one.

    The same claim gives the same id in every replay. `more` is part of it too: where a network reports
    several events under one transaction id, each says what it is ("type:deposit", "upsell:2").
    """
    kind, subject = ("transaction", transaction_id) if transaction_id else ("click", click_id)
    return name_of(str(network_id), kind, subject, *more)


def understand(
    event: PostbackLogEvent,
    position: Position,
    network: Network | None,
    template: Template | None,
    currency: str,
) -> Statement | Unusable:
    """Read a received postback by its network's template. `currency` is what counts when nobody names one."""
    fields = extract(template, event.params)
    click_id = fields.click_id.lower()  # ours are lower-case hex; some networks capitalise what they store
    transaction_id = fields.transaction_id
    if click_id and click_time_ms(click_id) is None:
        return Unusable("click_id: not one of our click ids", click_id[:LONGEST_WORD], transaction_id)
    if not click_id and not transaction_id:
        return Unusable("click_id: missing" + "".join(f"; {note}" for note in fields.notes))
    if len(transaction_id) > LONGEST_TRANSACTION:
        return Unusable(f"transaction_id: longer than {LONGEST_TRANSACTION} characters", click_id)
    payout = normalize.payout(fields.payout)
    if isinstance(payout, normalize.Wrong):
        return Unusable(payout.reason, click_id, transaction_id)
    named = normalize.currency(fields.currency)
    if isinstance(named, normalize.Wrong):
        return Unusable(named.reason, click_id, transaction_id)
    reading = normalize.status(fields.status)
    notes = fields.notes if reading.known else (*fields.notes, "status: unknown word, taken as hold")
    event_type, upsell = fields.event_type[:LONGEST_WORD], fields.upsell[:LONGEST_WORD]
    rules = network if network is not None else _NONE
    policy = rules.duplicates_by_type.get(event_type, rules.duplicates)
    more: list[str] = []
    if "event_type" in rules.claim_by and event_type:
        more.append(f"type:{event_type}")
    if "upsell" in rules.claim_by and upsell:
        more.append(f"upsell:{upsell}")
    if policy == "event_id":
        if fields.event_id:
            more.append(f"event:{fields.event_id[:LONGEST_TRANSACTION]}")
        else:  # nothing tells it from another of the same claim
            policy = "edit"
    claim = conversion = conversion_id(event.network_id, transaction_id, click_id, *more)
    if policy in ("create", "repeat"):
        more.append("at:" + ":".join(map(str, position)))
        conversion = conversion_id(event.network_id, transaction_id, click_id, *more)
    return Statement(
        conversion_id=conversion,
        network_id=event.network_id,
        click_id=click_id,
        transaction_id=transaction_id,
        event_type=event_type,
        status=reading.status,
        original_status=fields.status[:LONGEST_WORD],
        payout=payout,
        currency=named,
        fallback=(network.currency if network is not None else "") or currency,
        stamp=(event.at_us, *position),
        notes=notes,
        claim=claim,
        policy=policy,
        upsell=upsell,
        transitions=rules.transitions,
        accept=rules.unknown_click == "accept",
        wait_us=None if rules.click_wait_hours is None else int(rules.click_wait_hours * _HOUR_US),
    )
