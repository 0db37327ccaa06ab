"""Reporting to an ad platform, by the executable itself: its vault, its door for events, its requests."""

from __future__ import annotations

import random
import time
from collections import Counter
from pathlib import Path

from tests.journeys.board import Board
from tests.platforms.account import Account, counts, told
from tests.platforms.meta_process import MetaProcess
from tests.platforms.ways import lines
from tests.rig import Weir, wait_for
from tests.smoke.figures import Comparison

EVENTS = 200


def check_platforms(weir: Weir, folder: Path, found: Comparison, dice: random.Random) -> None:
    """Interpreted events, some bad in each way, at a Meta that counts."""
    board = Board(weir)
    with MetaProcess(folder / "meta") as meta:
        account = Account(board, meta.url)
        account.subscribe()
        made = list(lines(EVENTS, time.time_ns() // 1_000, 0.2, dice))
        taken = account.send([line.json for line in made])
        due = sum(not line.seen for line in made)

        def ended() -> bool:
            states = counts(weir.data, account.target)
            return states.total() == due and not states["pending"]

        wait_for("every event reported", ended)
        shown = meta.figures()
        labels = Counter(each.reason for each in told(weir.data, account.target) if each.reason)
        found.line(
            "reports to Meta",
            {"taken": EVENTS, "counted": sum(not line.label for line in made), "most of one": 1,
             "refused": dict(Counter(line.label for line in made if line.label and not line.seen))},
            {"taken": taken["taken"], "counted": shown.counted.total(),
             "most of one": max(shown.counted.values()), "refused": dict(labels)},
        )  # fmt: skip
