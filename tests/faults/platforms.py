"""The platforms phase: reports to a Meta that loses answers, kill -9 of the core, events bad in forty ways.

Nine in ten events come by POST /api/events, the others are conversions by postbacks. Every good event is
counted by the double exactly once, every bad one refused with its own label, and no good event is in more
than four requests, apart from those whose answer was lost: on its way, or with the life that had asked.
"""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

from tests.faults.tally import Tally
from tests.journeys.board import Board
from tests.platforms.account import Account, Told, counts, told
from tests.platforms.meta import INVISIBLE
from tests.platforms.meta_process import MetaProcess, figures
from tests.platforms.ways import Line, label_of_meta, lines, number_of
from tests.progress import wait_until_reached
from tests.rig import Weir, alive, wait_for
from tests.wire import Address, exchange

LOST = 0.05
BAD = 0.01
PER_REQUEST = 1_000
BY_POSTBACK = 0.1
PER_CLICK = 20
IN_FLIGHT = 10
"""Requests that one account may have under way, by actors/reporter.Limits: so many a kill can lose."""
MOST_REQUESTS = 4
PATIENT = 400.0
"""Seconds without any progress: what a killed life had under way is leased for two minutes."""
NOBODYS = "its click has no id of Meta's: nobody is told"
NO_CONSENT = "No consent"


class Site(Protocol):
    """A Weir at a fixed address (run.py), with outbound.allow for loopback."""

    data: Path
    weir: Weir
    address: Address


class Sender(threading.Thread):
    """What networks report: interpreted events in requests of a thousand, repeated until they are taken."""

    def __init__(self, account: Account, site: Site, made: Sequence[Line]) -> None:
        super().__init__(daemon=True)
        self._account, self._site, self._made = account, site, made
        self.sent = 0
        self.fault: BaseException | None = None

    def run(self) -> None:
        try:
            for start in range(0, len(self._made), PER_REQUEST):
                piece = self._made[start : start + PER_REQUEST]
                answer = self._account.send([each.json for each in piece], self._site.address, 600)
                assert (answer["taken"], answer["refused"]) == (len(piece), []), answer
                self.sent += len(piece)
        except BaseException as fault:
            self.fault = fault


class Sales(threading.Thread):
    """Conversions: twenty postbacks a click; some clicks are guilty, have no id of Meta's or no consent."""

    def __init__(
        self, site: Site, board: Board, slug: str, count: int, first: int, dice: random.Random
    ) -> None:
        super().__init__(daemon=True)
        self._site = site
        self.labels: dict[str, str] = {}
        self.untold: set[str] = set()
        self.fault: BaseException | None = None
        self._paths: list[str] = []
        bad = list(_bad_clicks(dice, max(2, round(count * BAD))))
        for place in range(max(1, count // PER_CLICK)):
            click = board.visit(f"/c/{slug}?fbclid=goodx{first + place}").query["c"]
            self._add(click, place, PER_CLICK, "")
        for place, (query, label) in enumerate(bad):
            query = query.format(number=first + 1_000_000 + place)
            self._add(board.visit(f"/c/{slug}{query}").query["c"], 1_000_000 + place, 1, label)

    def _add(self, click: str, place: int, count: int, label: str) -> None:
        for number in range(count):
            sale = f"sale-{place}-{number}"
            if label == NOBODYS:
                self.untold.add(sale)
            else:
                self.labels[sale] = label
            self._paths.append(f"/pb/network?click_id={click}&transaction_id={sale}&payout=1.25")

    def run(self) -> None:
        try:
            for path in self._paths:
                while not self._sent(path):
                    time.sleep(0.02)
        except BaseException as fault:
            self.fault = fault

    def _sent(self, path: str) -> bool:
        try:
            return exchange(self._site.address, path, timeout=60).status == 200
        except (OSError, ValueError):
            return False


def _bad_clicks(dice: random.Random, count: int) -> Iterator[tuple[str, str]]:
    """(query of the click, label) of so many bad sales."""
    for place in range(count):
        match place % 4:
            case 0:
                yield "", NOBODYS
            case 1:
                yield "?fbclid=goodx{number}&consent=denied", NO_CONSENT
            case _:
                subcode = dice.choice(INVISIBLE)
                yield f"?fbclid=guilty{subcode}x{{number}}", label_of_meta(subcode)


def reporting(site: Site, folder: Path, kills: int, count: int, dice: random.Random) -> Tally:
    """Raises AssertionError when an event is not counted once, or not refused with its label."""
    site.weir.wait_ready()
    began = time.monotonic()
    with MetaProcess(folder, lose=LOST, seed=dice.randrange(10**6)) as meta:
        try:
            board = Board(site.weir)
            account = Account(board, meta.url)
            account.subscribe()
            board.call("networks.create", name="Network", slug="network", currency="USD")
            slug = board.campaign({"to": ["offer"]})
            by_postback = round(count * BY_POSTBACK)
            made = list(lines(count - by_postback, time.time_ns() // 1_000, BAD, dice))
            sales = Sales(site, board, slug, by_postback, len(made), dice)
            sender = Sender(account, site, made)
            expected = sum(not line.seen for line in made) + len(sales.labels)
            sender.start()
            sales.start()
            for number in range(kills):
                goal = (number + 1) * count // (kills + 2)
                wait_until_reached(
                    "events that Meta has heard of", lambda: _settled(site, account), goal,
                    lambda: _how(site, account, sender, sales), PATIENT,
                )  # fmt: skip
                time.sleep(dice.uniform(0.0, 1.0))
                _kill_core(site)
            wait_until_reached(
                "events that are settled", lambda: _settled(site, account), expected,
                lambda: _how(site, account, sender, sales), PATIENT,
            )  # fmt: skip
            sender.join()
            sales.join()
            assert sender.fault is None and sales.fault is None, (sender.fault, sales.fault)
            wait_for("nothing pending", lambda: not counts(site.data, account.target)["pending"], PATIENT)
            seen = _labels_of_unsent(board)
            site.weir.stop()
        finally:
            site.weir.end()
        heard = meta.heard()
    found = told(site.data, account.target)
    _check_events(found, made, sales.labels)
    assert seen == Counter(line.label for line in made if line.seen), seen
    most, unheard = _check_meta(found, heard, kills)
    shown = figures(heard)
    labels = Counter(each.reason for each in found if each.state == "dead") + seen
    for line in (
        f"{kills} kills of the core, {len(made) + len(sales.labels):,} events, {labels.total():,} bad, "
        f"{len(sales.untold)} that are nobody's; "
        f"{time.monotonic() - began:.0f} s",
        f"{shown.requests:,} requests at a Meta that lost {shown.lost:,} of its answers; {unheard} more were "
        "lost with the life that had asked",
        f"{len(shown.counted):,} good events, each counted exactly once; most requests for one: {most}",
        f"refused: {', '.join(f'{number} x {label}' for label, number in labels.most_common())}",
    ):
        print(f"platforms: {line}", flush=True)
    return Tally()


def _check_events(found: Sequence[Told], made: Sequence[Line], sales: dict[str, str]) -> None:
    """One delivery for each event, with its end."""
    wanted = {f"line {line.number}": line.label for line in made if not line.seen}
    wanted |= {f"sale {sale}": label for sale, label in sales.items()}
    ends = Counter(_name(each) for each in found)
    assert set(ends) == set(wanted), (
        f"{len(set(wanted) - set(ends))} events were never made, {len(set(ends) - set(wanted))} invented: "
        f"{sorted(set(wanted) ^ set(ends))[:5]}"
    )
    doubled = [name for name, number in ends.items() if number > 1]
    assert not doubled, f"{len(doubled)} events have more than one delivery: {doubled[:5]}"
    wrong = [
        (name, each.state, each.reason)
        for each in found
        if (name := _name(each)) and (each.state, each.reason if wanted[name] else "")
        != (("dead", wanted[name]) if wanted[name] else ("delivered", ""))
    ]  # fmt: skip
    assert not wrong, f"{len(wrong)} events have a wrong end: {wrong[:5]}"


def _name(each: Told) -> str:
    sale = each.report.order_id
    return f"sale {sale}" if sale else f"line {number_of(each.report.click_ids['fbclid'])}"


def _check_meta(found: Sequence[Told], heard: Sequence[dict[str, Any]], kills: int) -> tuple[int, int]:
    """(most requests of a good event, requests whose answers were lost with a life)."""
    good = {each.report.event_id: each for each in found if each.state == "delivered"}
    known = {trace for each in found for trace in each.traces}
    counted: Counter[str] = Counter()
    asked: Counter[str] = Counter()
    unheard = 0
    for line in heard:
        assert line["verdict"] != "turned away", line
        counted.update(event_id for _, event_id in line["counted"])
        if line["lost"]:
            continue
        if line["trace"] not in known:
            unheard += 1
            continue
        asked.update(event_id for _, event_id in line["events"] if event_id in good)
    assert set(counted) == set(good), (
        f"{len(set(good) - set(counted))} good events are unknown to Meta, {len(set(counted) - set(good))} "
        f"that it counted are not delivered: {sorted(set(good) ^ set(counted))[:5]}"
    )
    doubled = [event_id for event_id, number in counted.items() if number > 1]
    assert not doubled, f"{len(doubled)} events were counted more than once: {doubled[:5]}"
    assert unheard <= kills * IN_FLIGHT, f"{unheard} answers are not among the attempts, after {kills} kills"
    most = max(asked.values(), default=0)
    assert most <= MOST_REQUESTS, f"a good event was in {most} requests: {asked.most_common(3)}"
    return most, unheard


def _settled(site: Site, account: Account) -> int:
    """Deliveries that have come to their end."""
    time.sleep(0.2)
    found = counts(site.data, account.target)
    return found.total() - found["pending"]


def _how(site: Site, account: Account, sender: Sender, sales: Sales) -> str:
    return (
        f"{dict(counts(site.data, account.target))}, {sender.sent} sent; {sender.fault!r}, {sales.fault!r}; "
        f"log: {site.weir.log.read_text()[-2000:]}"
    )


def _labels_of_unsent(board: Board) -> Counter[str]:
    """What interpreted events were refused with before anything was sent, by the reports."""
    board.shipped()
    items = board.call("events.summary", group_by="invalid_reason")["items"]
    return Counter({item["value"]: item["rows"] for item in items if item["value"]})


def _kill_core(site: Site) -> None:
    pid = wait_for("a core to kill", lambda: site.weir.children().get("core"), 60)
    site.weir.kill("core")
    wait_for("the core dead", lambda: not alive(pid))
