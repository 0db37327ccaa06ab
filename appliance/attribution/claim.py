"""One postback understood: which conversion it speaks of and what it says about it."""

from __future__ import annotations

from hashlib import blake2b
from typing import NamedTuple

from msgspec import Struct

from appliance.attribution import normalize
from appliance.attribution.template import extract
from appliance.model.catalog import Network, Template
from appliance.model.conversions import Position, Stamp
from appliance.model.events import PostbackLogEvent
from appliance.model.ids import click_time_ms

# Longer transaction ids are no ids; networks' own stay below 100 characters.
LONGEST_TRANSACTION = 512
LONGEST_WORD = 100


class Statement(Struct, frozen=True, kw_only=True):
    """What one postback says. `currency` is "" when it named none; then a new conversion takes `fallback`."""

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


class Unusable(NamedTuple):
    """A postback that can never become a conversion, and why."""

    reason: str
    click_id: str = ""
    transaction_id: str = ""


def conversion_id(network_id: int, transaction_id: str, click_id: str, event_type: str | None = None) -> str:
    """The claim as a name: 32 hex digits of network and transaction, or of network and click without one.

    The same claim gives the same id in every replay. Passing `event_type` makes it part of the claim, for
    networks that report several events under one transaction id.
    """
    kind, subject = ("transaction", transaction_id) if transaction_id else ("click", click_id)
    parts = [str(network_id), kind, subject] + ([] if event_type is None else [event_type])
    digest = blake2b(digest_size=16)
    for part in parts:
        raw = part.encode("utf-8", "surrogatepass")
        digest.update(len(raw).to_bytes(4, "big") + raw)
    return digest.hexdigest()


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
    return Statement(
        conversion_id=conversion_id(event.network_id, transaction_id, click_id),
        network_id=event.network_id,
        click_id=click_id,
        transaction_id=transaction_id,
        event_type=fields.event_type[:LONGEST_WORD],
        status=reading.status,
        original_status=fields.status[:LONGEST_WORD],
        payout=payout,
        currency=named,
        fallback=(network.currency if network is not None else "") or currency,
        stamp=(event.at_us, *position),
        notes=notes,
    )
