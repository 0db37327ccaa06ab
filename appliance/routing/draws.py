"""Several independent uniform integers out of the one draw that a click records."""

from __future__ import annotations

DRAW_BITS = 53
"""A draw is a uniform integer below 2^53, so that it survives any JSON reader."""
_MASK = (1 << 64) - 1


def nth(draw: int, n: int) -> int:
    """The n-th draw of a click, n from 1: SplitMix64's output for the seed `draw` (Steele et al., 2014)."""
    z = (draw + n * 0x9E3779B97F4A7C15) & _MASK
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & _MASK
    return (z ^ (z >> 31)) >> (64 - DRAW_BITS)
