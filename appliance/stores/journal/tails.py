"""Every edge's segments as one consumer sees them: found, opened, read in turn, salvaged when broken."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from appliance.errors import JournalMalformed, Unavailable
from appliance.ports import Entry, EventLog, Piece
from appliance.stores.journal.reader import open_segment, salvage, segments


class Salvaged:
    """An EventLog over what could be read of a broken segment. In memory: at most one segment's bytes."""

    def __init__(self, edge: int, epoch: int, entries: Sequence[Entry]) -> None:
        self.edge = edge
        self.epoch = epoch
        self._entries = entries

    def read(self, after: int, limit: int) -> Sequence[Entry]:
        return [entry for entry in self._entries if entry.seq > after][:limit]

    def finished(self) -> bool:
        return True

    def close(self) -> None: ...


class Tails:
    """The Journals port over a data directory. Blocking; one thread at a time."""

    def __init__(self, data: Path) -> None:
        self._data = data
        self._logs: dict[Path, EventLog] = {}
        self._ended: set[Path] = set()
        self._removed: list[tuple[int, int]] = []
        """Logs that went before a read found their end: the next read says that they ended."""
        self._turn = 0

    def discover(self) -> None:
        """Open segments that are new, forget those that were removed."""
        found = segments(self._data)
        for path in found:
            if path not in self._logs and path not in self._ended:
                self._logs[path] = open_segment(path)
        gone = self._logs.keys() - set(found)
        for path in gone:
            log = self._logs.pop(path)
            self._removed.append((log.edge, log.epoch))
            log.close()
        self._ended &= set(found)

    def read(
        self, offsets: Mapping[tuple[int, int], int], limit: int, held: Callable[[int], bool]
    ) -> list[Piece]:
        """One piece per log that is not held, beginning with another each time, until `limit` entries."""
        paths = list(self._logs)
        self._turn += 1
        pieces = [Piece(edge, epoch, (), ended=True) for edge, epoch in self._removed]
        self._removed.clear()
        left = limit
        for index in range(len(paths)):
            path = paths[(self._turn + index) % len(paths)]
            if held(self._logs[path].edge):
                continue
            piece = self._read_one(path, offsets, left)
            pieces.append(piece)
            left -= len(piece.entries)
            if left <= 0:
                break
        return pieces

    def _read_one(self, path: Path, offsets: Mapping[tuple[int, int], int], limit: int) -> Piece:
        log = self._logs[path]
        edge, epoch = log.edge, log.epoch
        after = offsets.get((edge, epoch), 0)
        try:
            finished = log.finished()  # asked before the read: what is appended in between is read next time
            entries = log.read(after, limit)
        except JournalMalformed as fault:
            if not finished:  # its edge still writes to it: salvaging waits until the edge has moved on
                return Piece(edge, epoch, (), broken=str(fault))
            log.close()
            kept, holes = salvage(path)
            self._logs[path] = Salvaged(edge, epoch, kept)
            missing = sum(last - first + 1 for first, last in holes if last > after)
            return Piece(edge, epoch, (), broken=str(fault), missing=missing)
        except (Unavailable, OSError) as fault:
            return Piece(edge, epoch, (), error=str(fault))
        if finished and not entries:
            log.close()
            del self._logs[path]
            self._ended.add(path)
            return Piece(edge, epoch, (), ended=True)
        return Piece(edge, epoch, entries)

    def before(self, offsets: Mapping[tuple[int, int], int], count: int) -> Iterator[Sequence[Entry]]:
        """About the last `count` entries that were consumed already, oldest first, in pieces.

        What cannot be read is left out: this serves a cache.
        """
        plan: list[tuple[EventLog, int, int]] = []
        for log in sorted(self._logs.values(), key=lambda log: log.epoch, reverse=True):
            upto = offsets.get((log.edge, log.epoch), 0)
            if count <= 0 or not upto:
                continue
            try:
                head = log.read(0, 1)
            except (JournalMalformed, Unavailable):
                continue
            if head:
                after = max(head[0].seq - 1, upto - count)
                count -= max(upto - after, 0)
                plan.append((log, after, upto))
        for log, after, upto in reversed(plan):
            while after < upto:
                try:
                    entries = log.read(after, 5_000)
                except (JournalMalformed, Unavailable):
                    break
                if not entries:
                    break
                after = entries[-1].seq
                yield [entry for entry in entries if entry.seq <= upto]

    def reopen(self) -> None:
        """Consider logs again that had ended: the consumer went back to its stored offsets."""
        self._ended.clear()
        self.discover()

    def close(self) -> None:
        for log in self._logs.values():
            log.close()
        self._logs.clear()
