"""What the core closes, from those who know: said to every edge whole, whenever it changes."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

from appliance.model.messages import Closed


class Closings:
    """`say` is CoreLink.say. Nothing is said before all `sources` spoke: silence opens what is closed."""

    def __init__(self, say: Callable[[Closed], None], sources: Collection[str]) -> None:
        self._say = say
        self._missing = set(sources)
        self._of: dict[str, dict[int, str]] = {}
        self._said: dict[int, str] | None = None

    def put(self, source: str, closed: Mapping[int, str]) -> None:
        """All that `source` closes now: destination → why."""
        self._missing.discard(source)
        self._of[source] = dict(closed)
        if self._missing:
            return
        merged: dict[int, str] = {}
        for _, reasons in sorted(self._of.items()):
            merged.update(reasons)
        if merged != self._said:
            self._said = merged
            self._say(Closed(merged))
