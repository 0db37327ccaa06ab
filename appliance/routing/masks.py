"""Masks: texts in which `*` stands for any run of characters, also an empty one. Nothing else is special."""

from __future__ import annotations

from collections.abc import Callable


def compile_mask(mask: str) -> Callable[[str], bool]:
    """Whether a whole text fits. Each piece is looked for once: no mask makes it look twice."""
    first, *pieces = mask.split("*")
    if not pieces:
        return mask.__eq__
    last = pieces.pop()
    if not pieces:
        if not last:
            return lambda text: text.startswith(first)
        if not first:
            return lambda text: text.endswith(last)
    elif not first and not last and len(pieces) == 1:
        piece = pieces[0]
        return lambda text: piece in text
    least = len(first) + len(last)

    def fits(text: str) -> bool:
        if len(text) < least or not text.startswith(first) or not text.endswith(last):
            return False
        at, end = len(first), len(text) - len(last)
        for piece in pieces:
            at = text.find(piece, at, end)
            if at < 0:
                return False
            at += len(piece)
        return True

    return fits
