"""The events of an announced object: read, taken, and which of them could not be."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Protocol

import msgspec
import trio

from appliance.errors import Missing, Refused
from appliance.model.ids import name_of
from appliance.model.interpreted import Refusal, Sifted, Taken
from appliance.model.queues import Fetched
from appliance.partners.documents import events_of, unpacked
from appliance.partners.interpreted import Unreadable, parsed
from appliance.partners.notices import PREFIX, Created, filtered_key
from appliance.ports import Runner

MOST_BYTES = 32 << 20
"""Of an object, also unpacked: to take more apart holds up the whole process for over 50 ms."""


class Objects(Protocol):
    """stores/aws.Buckets. Blocking; raises Missing, Refused, Unavailable."""

    def get(self, wanted: Created, most: int) -> Fetched: ...

    def put(self, bucket: str, key: str, body: bytes) -> None: ...


class Way(Protocol):
    """Where events go: actors/interpreter.Interpreter."""

    async def take(
        self, batch_id: str, lines: Sequence[bytes], filtered: bool, origin: str = ""
    ) -> Taken: ...

    async def sift(self, lines: Sequence[bytes]) -> Sifted: ...


class Taking:
    """Of one intake. With `filtered`, no subscription is asked; with `bucket`, what passes the filter is
    written there before it is taken."""

    def __init__(self, name: str, way: Way, run_blocking: Runner, filtered: bool, bucket: str) -> None:
        self._name = name
        self._way = way
        self._blocking = run_blocking
        self._filtered = filtered
        self._bucket = bucket
        self._unpacking = trio.Lock()
        self.events = 0

    async def take(self, objects: Objects, created: Created, again: bool) -> str:
        """Take its events; why it is a dead letter, "" if it is none. `again`: an earlier try may have taken
        some. Only fetching and parsing the object makes a dead letter of it. Any WeirError, also of those
        whom its events are given to: try again later."""
        try:
            fetched = await self._blocking(objects.get, created, MOST_BYTES)
        except (Missing, Refused) as fault:
            return fault.message
        tag = fetched.tag or hashlib.sha256(fetched.body).hexdigest()
        async with self._unpacking:  # one object at a time is in memory more than once
            try:
                lines = await self._blocking(_lines, fetched.body)
            except Refused as fault:
                return fault.message
            flag = "filtered" if self._filtered else "all"
            batch = name_of("object", created.bucket, created.key, tag, flag)
            if self._bucket and not (created.bucket == self._bucket and created.key.startswith(PREFIX)):
                return await self._sifted(objects, created, batch, lines)
            taken = await self._way.take(batch, lines, self._filtered, self._name)
            self.events += taken.read
            refused: Sequence[Refusal] = taken.refused
            if again or taken.again:  # what was refused then is not said a second time
                refused = await self._blocking(_unreadable, lines)
        return _words(refused)

    async def _sifted(self, objects: Objects, created: Created, batch: str, lines: Sequence[bytes]) -> str:
        """Write what passes the filter, and have it taken. Who is subscribed may change; another choice of
        lines is another batch."""
        sifted = await self._way.sift(lines)
        if sifted.kept:
            body = await self._blocking(_array, sifted.kept)
            await self._blocking(objects.put, self._bucket, filtered_key(created.key), body)
            chosen = name_of(batch, hashlib.sha256(body).hexdigest())
            taken = await self._way.take(chosen, sifted.kept, True, self._name)
            self.events += taken.read
        return _words(sifted.refused)


def _lines(body: bytes) -> Sequence[bytes]:
    return events_of(unpacked(body, MOST_BYTES))


def _array(lines: Sequence[bytes]) -> bytes:
    return msgspec.json.encode([msgspec.Raw(line) for line in lines])


def _unreadable(lines: Sequence[bytes]) -> list[Refusal]:
    found = ((number, parsed(line)) for number, line in enumerate(lines, 1))
    return [Refusal(number, "", it.reason) for number, it in found if isinstance(it, Unreadable)]


def _words(refused: Sequence[Refusal]) -> str:
    """The first of them, and how many."""
    if not refused:
        return ""
    it = refused[0]
    more = f", and {len(refused) - 1:,} more" if len(refused) > 1 else ""
    return f"event {it.line}: {it.field + ': ' if it.field else ''}{it.reason}{more}"
