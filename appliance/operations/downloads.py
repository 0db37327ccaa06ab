"""An answer that is a file: of any size, sent as it is made."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Protocol


class Blocks(Protocol):
    """Bytes as they are made; what makes them is let go by `aclose`, begun or not."""

    def __aiter__(self) -> AsyncIterator[bytes]: ...

    async def aclose(self) -> None: ...


@dataclass(frozen=True, eq=False)
class Download:
    """What the REST door streams. `blocks` must be read to its end or closed (contextlib.aclosing).

    An error after the first block can only break the download off: the door must not end it in good order.
    """

    media_type: str
    filename: str
    blocks: Blocks
