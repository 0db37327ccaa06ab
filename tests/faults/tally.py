"""What was answered against what the warehouse holds, click by click and sale by sale."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.faults.networks import Postback
from tests.rig import ROOT
from tests.visitors import Visit

SHOWN = 5
"""Examples printed of each kind of fault."""


@dataclass
class Tally:
    """Figures of one phase, or of several added up. `faults` is empty when all is well."""

    answered: int = 0
    reported: int = 0
    unrecorded: int = 0
    lost: int = 0
    doubled: int = 0
    unanswered: int = 0
    unanswered_recorded: int = 0
    sales: int = 0
    converted: int = 0
    postbacks: int = 0
    orphans: int = 0
    """Sales of clicks that are declared unrecorded: their postbacks wait for a click that never comes."""
    faults: list[str] = field(default_factory=list)

    def __add__(self, other: Tally) -> Tally:
        return Tally(*(getattr(self, name) + getattr(other, name) for name in self.__dataclass_fields__))

    def closing_line(self) -> str:
        return (
            f"answered={self.answered} reported={self.reported} unrecorded={self.unrecorded} "
            f"lost={self.lost} doubled={self.doubled}"
        )

    def sales_line(self) -> str:
        return (
            f"sales={self.sales} converted={self.converted} postbacks answered={self.postbacks} "
            f"sales of unrecorded clicks={self.orphans}; clicks sent "
            f"without an answer={self.unanswered}, of those recorded={self.unanswered_recorded}"
        )


Held = dict[str, dict[str, list[Any]]]


def held_by(data: Path) -> Held:
    """The warehouse of a stopped data directory, read by another process."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.faults.dump", str(data)], capture_output=True, text=True, cwd=ROOT
    )
    if done.returncode:
        raise AssertionError(f"the warehouse of {data} cannot be read: {done.stderr[-2000:]}")
    held: Held = json.loads(done.stdout)
    return held


def tally(visits: Sequence[Visit], sales: Sequence[Postback], held: Held, unrecorded: int) -> Tally:
    """Compare; `unrecorded` is what the appliance declares it lost."""
    found = Tally(unrecorded=unrecorded)
    clicks = held["clicks"]
    answered = {visit.click_id: visit.token for visit in visits if visit.click_id}
    wrong = [visit for visit in visits if not visit.error and not visit.click_id]
    _blame(found, "answered with no redirect", [f"{v.status} {v.text!r}" for v in wrong])
    found.answered = len(answered)
    reported = [identifier for identifier in answered if identifier in clicks]
    found.reported = len(reported)
    found.lost = found.answered - found.reported - unrecorded
    if found.lost:
        missing = [identifier for identifier in answered if identifier not in clicks]
        _blame(found, f"neither reported nor declared ({unrecorded} declared)", missing)
    _blame(
        found, "recorded with another token", [i for i in reported if clicks[i][0] != answered[i]]
    )  # fmt: skip

    twice = [identifier for identifier, (_, rows) in clicks.items() if rows != 1]
    tokens = Counter(token for token, _ in clicks.values())
    again = [token for token, count in tokens.items() if token and count > 1]
    identities = held["identities"]
    _blame(found, "stored more than once", twice)
    _blame(found, "requests that became two clicks", again)
    _blame(found, "clicks without exactly one identity",
           [i for i in clicks if identities.get(i, ["", 0])[1] != 1])  # fmt: skip
    found.doubled = len(twice) + len(again)

    unknown = {visit.token for visit in visits if visit.error}
    found.unanswered = len(unknown)
    found.unanswered_recorded = sum(token in unknown for token in tokens)
    strangers = set(tokens) - unknown - set(answered.values())
    _blame(found, "clicks that nobody sent", sorted(strangers))

    conversions = held["conversions"]
    for sale in sales:
        if not sale.answers:
            continue
        count, rows = conversions.get(sale.transaction, [0, 0])
        if sale.click_id not in clicks and unrecorded and not rows:
            found.orphans += 1
            continue
        found.sales += 1
        found.converted += int(count) == 1 and rows == 1
        if (int(count), rows) != (1, 1):
            _blame(
                found,
                "sales that are not one conversion",
                [f"{sale.transaction}: {count}, stored {rows} times"],
            )
        found.doubled += int(count) > 1 or rows > 1
        found.lost += int(count) < 1
    answers = [identifier for sale in sales for identifier in sale.answers]
    found.postbacks = len(answers)
    log = held["postbacks"]
    bad = [identifier for identifier in answers if log.get(identifier, ["", 0])[1] != 1]
    _blame(found, "answered postbacks that are not once in the log", bad)
    _blame(found, "rows set aside", [str(value) for value in held["aside"].items()])
    return found


def _blame(found: Tally, what: str, examples: Sequence[str]) -> None:
    if examples:
        found.faults.append(f"{len(examples)} {what}: {', '.join(examples[:SHOWN])}")
