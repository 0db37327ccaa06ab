"""An answer that is a file: of any size, sent as it is made."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import dataclass


@dataclass(frozen=True, eq=False)
class Download:
    """What the REST door streams. `blocks` must be read to its end or closed (contextlib.aclosing).

    An error after the first block can only break the download off: the door must not end it in good order.
    """

    media_type: str
    filename: str
    blocks: AsyncGenerator[bytes, None]
