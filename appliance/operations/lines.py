"""Text that arrives in blocks, as pieces of whole lines: it may be longer than what is ever held at once."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import NamedTuple

from appliance.errors import FieldProblem, Refused

PIECE = 1 << 20
LARGEST = 257_000_000
"""Bytes: a million entries of 256 characters."""
LONGEST_LINE = 64 << 10

Blocks = AsyncGenerator[bytes, None]
"""Whoever takes it closes it."""


class Piece(NamedTuple):
    """Whole lines; `first` is the number of the first one, from 1."""

    first: int
    text: str


Pieces = AsyncGenerator[Piece, None]


async def pieces(blocks: Blocks, size: int = PIECE) -> Pieces:
    """Blocks of bytes → pieces of about `size` bytes. Raises Refused for what is too large or no UTF-8."""
    held, total, first = bytearray(), 0, 1
    async with aclosing(blocks):
        async for block in blocks:
            total += len(block)
            if total > LARGEST:
                raise _refused(f"at most {LARGEST:,} bytes")
            held += block
            if len(held) < size:
                continue
            end = held.rfind(b"\n") + 1
            if len(held) - end > LONGEST_LINE:
                last = first + held.count(b"\n")
                raise _refused(f"line {last}: it does not end")
            if end:
                yield Piece(first, _text(bytes(held[:end]), first))
                first += held.count(b"\n", 0, end)
                del held[:end]
    if held:
        yield Piece(first, _text(bytes(held), first))


def _text(data: bytes, first: int) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError as fault:
        number = first + data.count(b"\n", 0, fault.start)
        raise _refused(f"line {number}: no UTF-8") from None


def _refused(words: str) -> Refused:
    return Refused("the request is wrong", [FieldProblem("text", words)])
