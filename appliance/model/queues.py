"""What a queue says, and the store of the objects that it announces. Times are unix microseconds."""

from __future__ import annotations

from typing import NamedTuple


class Received(NamedTuple):
    """A message, invisible to others for a while. `receipt` deletes it; `receives` counts this time."""

    id: str
    receipt: str
    body: str
    receives: int = 1
    sent_us: int = 0


class Sizes(NamedTuple):
    """About how many messages there are. `waiting` are visible or delayed; `dead` lie with the dead letters,
    -1 where that cannot be known. With `redrives` above 0 the queue itself moves a message there that was
    received so often."""

    waiting: int
    in_flight: int
    dead: int = -1
    redrives: int = 0


class Fetched(NamedTuple):
    """An object's content as it was read; `tag` is another for another content."""

    body: bytes
    tag: str
