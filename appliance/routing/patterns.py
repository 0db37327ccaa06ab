"""The regular expressions of one campaign: one pass over a text finds all that match."""

from __future__ import annotations

from collections.abc import Callable

import re2

from appliance.errors import Refused

_MEMORY = 1 << 20  # one MB a Set, or a regex: experiments.md i
_LARGEST_SET = 4_000
"""Instructions of a Set's expressions together. At three times that a Set does not compile in its memory; one
that compiled and had no room left to run would say that nothing matches, without a word."""
SUBJECT = 512
"""Bytes; of a longer text the beginning is looked at. Hostile texts make every byte a new state of a Set:
with hostile expressions 2,048 of them took 14 ms, 512 take 3."""

Test = Callable[[str | None], bool]
"""None stands for a value that is missing."""


def options() -> re2.Options:
    made = re2.Options()
    made.max_mem = _MEMORY
    made.log_errors = False
    return made


def fault_of(pattern: str) -> str:
    """Why RE2 refuses a pattern, "" when it does not."""
    try:
        re2.compile(pattern.encode(), options())
    except re2.error as fault:
        reason = fault.args[0] if fault.args else fault
        return reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)
    return ""


class Patterns:
    """Filled with `add`, then compiled once; its tests may be used from then on.

    What does not fit into the Set any more is searched for by itself: slower, never wrong.
    """

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}
        self._size = 0
        self._set: re2.Set | None = None  # most campaigns have no expression at all
        self._match: Callable[[bytes], list[int] | None] | None = None
        self._last: tuple[str | None, frozenset[int]] = (None, frozenset())

    def add(self, pattern: str) -> Test:
        """A test whether the pattern is found in a text. Raises Refused for what `fault_of` finds wrong."""
        number = self._numbers.get(pattern)
        if number is None:
            encoded = pattern.encode()
            try:
                alone = re2.compile(encoded, options())
            except re2.error as fault:
                raise Refused(f"a regular expression that is none: {pattern[:200]!r}") from fault
            self._size += alone.programsize
            if self._size > _LARGEST_SET:
                # Bytes for pattern and subject: 2.3 µs a search instead of 5.5 (experiments.md i).
                search = alone.search
                return lambda given: given is not None and search(given.encode()[:SUBJECT]) is not None
            if self._set is None:
                self._set = re2.Set.SearchSet(options())
            number = self._numbers[pattern] = self._set.Add(encoded)
        found = self._found
        return lambda given: given is not None and number in found(given)

    def compile(self) -> None:
        if self._set is not None:
            self._set.Compile()
            self._match = self._set.Match

    def _found(self, given: str) -> frozenset[int]:
        """The numbers of the patterns found; many rules ask of the same text, so the last is remembered."""
        text, numbers = self._last
        if text is given:
            return numbers
        assert self._match is not None, "used before it was compiled"
        numbers = frozenset(self._match(given.encode()[:SUBJECT]) or ())
        self._last = (given, numbers)
        return numbers
