"""Parts of the routing table → a table that decides clicks, in steps that let the connections run."""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence

import trio

from appliance.errors import Refused
from appliance.model.table import Part, TableUpdate
from appliance.routing.compile import Draft, decode_part
from appliance.routing.lists import Contents
from appliance.routing.table import RoutingTable

log = logging.getLogger("weir.router")
# A step of building that lasted longer than this lets the connections run: the bound is 5 ms (issue 2, 9).
_STEP_SECONDS = 0.002

UNUSABLE = (Refused, ValueError, TypeError, LookupError)
"""What parts raise that this version cannot decode or compile."""

OpenLists = Callable[
    [Collection[str], Mapping[str, Contents | None]], Awaitable[Mapping[str, Contents | None]]
]
"""(digests of named lists, those that are open) → all of them; None for one whose file cannot be read."""


class Tables:
    """The parts that this edge holds, and what was built of them. `held`: (revision, compiled_us, parts)."""

    def __init__(self, held: tuple[int, int, Sequence[Part]], open_lists: OpenLists | None) -> None:
        self._revision, self._compiled_us, parts = held
        self._parts = {part.name: part for part in parts}
        self._draft = Draft()
        self._open_lists = open_lists

    def parts(self) -> tuple[Part, ...]:
        return tuple(self._parts.values())

    def digests(self) -> dict[str, str]:
        """Part name → digest of what this edge holds, for its Hello."""
        return {part.name: part.digest for part in self._parts.values()}

    def unread_lists(self) -> tuple[str, ...]:
        """Digests of the named lists that its newest table asks for and that cannot be read."""
        return tuple(digest for digest, found in self._draft.contents_of.items() if found is None)

    async def held(self) -> RoutingTable | None:
        """The table of the parts that were there from the start; None for none, or none that can be used."""
        if not self._compiled_us:
            return None
        try:
            for part in self._parts.values():
                await self._decode(part)
            return await self._build(self._revision, self._compiled_us)
        except UNUSABLE as fault:
            log.error("the table on disk cannot be used; the core sends a new one", exc_info=fault)
            self._parts, self._draft = {}, Draft()
            return None

    async def update(self, update: TableUpdate) -> tuple[RoutingTable, list[object]]:
        """The table after an update, and what it replaces, to be let go. Raises and keeps all as it was."""
        names = self._parts.keys() | {part.name for part in update.parts}
        if len(names - set(update.removed)) != update.total_parts:
            raise Refused(
                f"revision {update.revision} should leave {update.total_parts} parts here, not "
                f"{len(names - set(update.removed))}; the core sends everything after a new Hello"
            )
        parts, draft = dict(self._parts), self._draft.copy()
        try:
            for part in update.parts:
                await self._decode(part)
                self._parts[part.name] = part
            for name in update.removed:
                self._parts.pop(name, None)
                self._draft.remove(name)
            table = await self._build(update.revision, update.compiled_us)
            await trio.lowlevel.checkpoint()  # the end of a large build and what follows are a step each
        except BaseException:
            # The core goes on from what was held before: half of an update may not stay behind.
            self._parts, self._draft = parts, draft
            raise
        return table, [*draft.contents(), *parts.values()]

    async def _decode(self, part: Part) -> None:
        entries: list[object] = []
        began = time.perf_counter()
        for entry in decode_part(part.frames):
            entries.append(entry)
            if time.perf_counter() - began > _STEP_SECONDS:
                await trio.lowlevel.checkpoint()
                began = time.perf_counter()
        self._draft.put(part.name, entries)

    async def _build(self, revision: int, compiled_us: int) -> RoutingTable:
        began = time.perf_counter()
        if self._open_lists is not None:
            draft = self._draft
            draft.contents_of = await self._open_lists(draft.lists(), draft.contents_of)
            began = time.perf_counter()
        for step in self._draft.build(revision, compiled_us):
            if step is not None:
                return step
            if time.perf_counter() - began > _STEP_SECONDS:
                await trio.lowlevel.checkpoint()
                began = time.perf_counter()
        raise AssertionError("a build ends with its table")


async def let_go(former: list[object]) -> None:
    """Drop what the new table replaced, in steps: 10,000 campaigns at once took 0.28 s."""
    began = time.perf_counter()
    while former:
        del former[-10:]
        if time.perf_counter() - began > _STEP_SECONDS:
            await trio.lowlevel.checkpoint()
            began = time.perf_counter()
