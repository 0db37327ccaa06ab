"""One store at a time over the same files, as over restarts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Protocol, TypeVar


class Closable(Protocol):
    def close(self) -> None: ...


C = TypeVar("C", bound=Closable)


def reopening(make: Callable[[], C]) -> Iterator[Callable[[], C]]:
    """For a fixture: what closes the store that is open and opens the next one."""
    opened: list[C] = []

    def reopen() -> C:
        while opened:
            opened.pop().close()
        opened.append(make())
        return opened[0]

    yield reopen
    while opened:
        opened.pop().close()
