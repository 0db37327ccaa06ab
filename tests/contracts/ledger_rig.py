"""A ledger that is closed, killed and opened again, and what is put into it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec

from appliance.attribution import status
from appliance.attribution.claim import Statement
from appliance.model.conversions import ClickFacts, Conversion, Settlement, WaitingPostback
from appliance.model.costs import CostOrder
from appliance.model.events import ConversionEvent, CostAdjustment, PostbackLogEvent
from appliance.ports import Ledger
from appliance.stores.sqlite.ledger import SqliteLedger
from tests.guards.record_old import filled

NOW_MS = 1_767_225_600_000


class Killed(BaseException):
    """The process ends here, as far as the ledger can tell."""


class Place:
    """A ledger that can be closed or killed and opened again."""

    def __init__(self, directory: Path) -> None:
        self.path = directory / "ledger.db"
        self.opened: list[SqliteLedger] = []
        self.now_ms = NOW_MS

    def open(self, step: Callable[[str], None] | None = None) -> Ledger:
        ledger = SqliteLedger(self.path, lambda: self.now_ms, step)
        self.opened.append(ledger)
        return ledger

    def close(self) -> None:
        for ledger in self.opened:
            ledger.close()


def postback(seq: int) -> PostbackLogEvent:
    return PostbackLogEvent(
        1, f"p{seq}", NOW_MS * 1000 + seq, "received", "", "", 1, "GET", {"cid": f"c{seq}"}, "", "r"
    )


def conversion(seq: int) -> Conversion:
    said = Statement(
        conversion_id=f"k{seq}", network_id=1, click_id=f"c{seq}", transaction_id=f"t{seq}", event_type="",
        status="sale", original_status="", payout=2_000_000, currency="USD", fallback="USD",
        stamp=(seq, 0, 1, seq),
    )  # fmt: skip
    return status.begin(said, ClickFacts(id=f"c{seq}", at_us=1, subs={3: "x"}), 5).conversion


def waiting(seq: int, due: int = 10, attempts: int = 0, click: str = "") -> WaitingPostback:
    return WaitingPostback(
        position=(0, 1, seq), click_id=click or f"c{seq}", due_us=due, deadline_us=1000 + seq,
        event=postback(seq), attempts=attempts,
    )  # fmt: skip


def batch(seq: int) -> Settlement:
    """One postback becomes a conversion, the next one waits, the previous one waits no longer."""
    return Settlement(
        offsets={(0, 1): seq},
        conversions=[conversion(seq)],
        waiting=[waiting(seq + 1)],
        settled=[(0, 1, seq)],
        records=[postback(seq), sold(f"c{seq}", seq)],
    )


def sold(click_id: str, destination_id: int, count: int = 1) -> ConversionEvent:
    event = filled(ConversionEvent)
    assert isinstance(event, ConversionEvent)
    return msgspec.structs.replace(event, click_id=click_id, destination_id=destination_id, count=count)


def state(ledger: Ledger) -> tuple[object, ...]:
    ids = [f"k{seq}" for seq in range(1, 20)]
    return (
        dict(ledger.offsets()),
        sorted(ledger.conversions(ids)),
        sorted(w.position for w in ledger.due(10**9, 100, 100)),
        [entry.body for log in ledger.outboxes() for entry in log.read(0, 100)],
        list(ledger.converted(0, 100)),
    )


def order(id: str = "invoice-1", amount: int = 5) -> CostOrder:
    return CostOrder(
        id=id, campaign_id=1, from_us=1, to_us=9, amount=amount, currency="USD", note="", author="me",
        known_us=7,
    )  # fmt: skip


def part(id: str, cost: int) -> CostAdjustment:
    return CostAdjustment(1, id, 2, 7, 1, 0, 0, 0, 0, 0, cost, "USD", "me", "")
