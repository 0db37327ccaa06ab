"""One postback understood: which conversion it speaks of and what it says about it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from msgspec import Struct

from appliance.attribution import amounts, normalize, times
from appliance.attribution.history import COUNTING, TAKEN_BACK, happened
from appliance.attribution.template import Fields, extract
from appliance.model.catalog import Duplicates, Network, Template
from appliance.model.conversions import Position, Stamp
from appliance.model.events import OWN_DOORS, PostbackLogEvent
from appliance.model.ids import click_time_ms, name_of

# Longer transaction ids are no ids; networks' own stay below 100 characters.
LONGEST_TRANSACTION = 512
LONGEST_WORD = 100
_HOUR_US = 3_600_000_000
_DAY_US = 24 * _HOUR_US
# How long before its postback a conversion may have happened that names no click to be measured by.
_LONGEST_AGO_US = 400 * _DAY_US
UNKNOWN_WORD = "status: unknown word, taken as hold: "
"""What the word follows in the notes of a postback."""
_NONE = Network(slug="")


class Statement(Struct, frozen=True, kw_only=True):
    """What one postback says. `currency` is "" when it named none; then a new conversion takes `fallback`.

    `claim` is what it shares with others under the policies create and repeat, where each postback makes a
    conversion of its own. `accept`: it is recorded without its click while that is not known, for which it
    waits `wait_us`, None for the usual time. `sealed`: who bought.
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
    happened_us: int = 0
    sealed: bytes = b""


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
    fields = extract(None if event.method in OWN_DOORS else template, event.params)
    click_id = fields.click_id.lower()  # ours are lower-case hex; some networks capitalise what they store
    transaction_id = fields.transaction_id
    if click_id and click_time_ms(click_id) is None:
        return Unusable("click_id: not one of our click ids", click_id[:LONGEST_WORD], transaction_id)
    if not click_id and not transaction_id:
        return Unusable("click_id: missing" + "".join(f"; {note}" for note in fields.notes))
    if len(transaction_id) > LONGEST_TRANSACTION:
        return Unusable(f"transaction_id: longer than {LONGEST_TRANSACTION} characters", click_id)
    rules = network if network is not None else _NONE
    usual = rules.currency or currency
    money = _money(fields, usual)
    if isinstance(money, normalize.Wrong):
        return Unusable(money.reason, click_id, transaction_id)
    payout, named, note = money
    reading = normalize.status(fields.status, fields.lists, rules.status_words)
    status = reading.status
    notes = [*fields.notes, note]
    if not reading.known:
        notes.append(UNKNOWN_WORD + fields.status[:LONGEST_WORD].replace(";", ","))
    if payout is not None and payout < 0:
        if status in COUNTING:
            notes.append(f"payout: below zero, so {status} is taken as a refund of it")
            status = "refund"
        # What a rejection takes back is no payout.
        payout = -payout if status in TAKEN_BACK else None
    happened_us, note = _time(fields.time, event.at_us, click_id)
    notes.append(note)
    event_type = (fields.event_type or reading.event_type)[:LONGEST_WORD]
    upsell = fields.upsell[:LONGEST_WORD]
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
        status=status,
        original_status=fields.status[:LONGEST_WORD],
        payout=payout,
        currency=named,
        fallback=usual,
        stamp=(event.at_us, *position),
        notes=tuple(filter(None, notes)),
        claim=claim,
        policy=policy,
        upsell=upsell,
        transitions=rules.transitions,
        accept=rules.unknown_click == "accept",
        wait_us=None if rules.click_wait_hours is None else int(rules.click_wait_hours * _HOUR_US),
        happened_us=happened_us,
        sealed=event.sealed,
    )


def _money(fields: Fields, usual: str) -> tuple[int | None, str, str] | normalize.Wrong:
    """(micro-units, currency, note)."""
    amount = amounts.read(fields.payout, fields.notation)
    if isinstance(amount, normalize.Wrong):
        return amount
    named = normalize.currency(fields.currency)
    if not isinstance(named, normalize.Wrong):
        named = amounts.currency(amount, named, usual)
    if isinstance(named, normalize.Wrong):
        return named
    return (None, named, "") if amount is None else (amount.value, named, amount.note)


def _time(text: str, arrival_us: int, click_id: str) -> tuple[int, str]:
    """(when it happened or 0, note): between its click and its arrival, or the arrival is what counts.

    A clock that is ahead, or a time without its zone, is no news within a day.
    """
    if not text:
        return 0, ""
    at = times.read(text)
    if at is None:
        return 0, "time: not understood; its arrival counts"
    if at >= arrival_us:
        return 0, "time: more than a day after its arrival, which counts" if at > arrival_us + _DAY_US else ""
    since = (click_time_ms(click_id) or 0) * 1_000 if click_id else arrival_us - _LONGEST_AGO_US
    at = happened(at, arrival_us, since)
    if at == arrival_us:
        return 0, f"time: {'before its click' if click_id else 'too long ago'}; its arrival counts"
    return at, ""
