"""How a refused request is taken apart until the guilty event stands alone.

Platforms that refuse a whole request for one bad event do not say which one it was. Ten parts at a time,
1,000 → 100 → 10 → 1: no good event is in more than four requests, whatever the bad ones are.
"""

from __future__ import annotations

from collections.abc import Sequence

WAYS = 10


def parts(size: int) -> list[range]:
    """Places of a refused request's events, divided for the next ones; a single event has no parts.

    Sizes are powers of ten, so that a request of 1,000 takes three more at most; of 999 too.
    """
    if size <= 1:
        return []
    part = 1
    while part * WAYS < size:
        part *= WAYS
    return [range(start, min(start + part, size)) for start in range(0, size, part)]


def most_requests(size: int) -> int:
    """In how many requests an event can be at most, the first one included."""
    count = 1
    while size > 1:
        size = max(len(part) for part in parts(size))
        count += 1
    return count


def fitting(sizes: Sequence[int], most: int, most_bytes: int) -> int:
    """How many of these bodies, from the first on, fit into a request; at least one."""
    total = 0
    for place, size in enumerate(sizes[:most]):
        total += size + 1
        if total > most_bytes and place:
            return place
    return min(len(sizes), most)
