"""Which of the destinations that a click may have it gets: a stream's strategy."""

from __future__ import annotations

from collections.abc import Sequence

from appliance.errors import FieldProblem
from appliance.model.rules import Distribution
from appliance.routing.draws import DRAW_BITS

MOST_MIN_CLICKS = 1_000_000
LONGEST_WINDOW = 24 * 90
"""Hours that ranks may look back: the warehouse is asked every few seconds."""


def check_distribution(distribution: Distribution, targets: int) -> list[FieldProblem]:
    """Every fault of a stream's distribution over so many targets."""
    found = []
    if not 1 <= distribution.window_hours <= LONGEST_WINDOW:
        found.append(FieldProblem("distribution.window_hours", f"from 1 to {LONGEST_WINDOW:,} hours"))
    if not 0 <= distribution.min_clicks <= MOST_MIN_CLICKS:
        found.append(FieldProblem("distribution.min_clicks", f"from 0 to {MOST_MIN_CLICKS:,}"))
    floor = distribution.floor_percent
    if not 0 <= floor <= 50:
        found.append(FieldProblem("distribution.floor_percent", "from 0 to 50"))
    elif distribution.strategy == "adaptive" and floor * targets > 100:
        why = f"{targets} destinations at {floor} % each are more than 100 %"
        found.append(FieldProblem("distribution.floor_percent", why))
    return found


def by_weight(among: Sequence[int], weights: Sequence[int], draw: int) -> int:
    """One of the indexes `among`, i with probability weights[i] / their sum (above 0)."""
    total = 0
    for i in among:
        total += weights[i]
    point = draw * total >> DRAW_BITS
    for i in among:
        point -= weights[i]
        if point < 0:
            return i
    return among[-1]


def by_turn(around: Sequence[int], among: Sequence[int], turn: int) -> int:
    """Whose turn it is of the indexes `around`, or of the next one that is `among` too."""
    count = len(around)
    for step in range(count):
        i = around[(turn + step) % count]
        if i in among:
            return i
    return among[0]


def best(among: Sequence[int], ranks: Sequence[int]) -> int:
    """The index with the highest rank, the first of equals."""
    return max(among, key=ranks.__getitem__)
