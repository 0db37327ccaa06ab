"""What is appended to the journals from now on, for whoever looks on and may miss some of it.

It keeps no offset and holds up nobody: no segment waits for it, and when too much has come it goes on at the
end. Blocking; one thread at a time.
"""

from __future__ import annotations

from pathlib import Path

from appliance.errors import JournalMalformed, Unavailable
from appliance.stores.journal.reader import SegmentReader, open_segment, segments

# Of one read: a postback's record can be a megabyte.
_READ_BYTES = 8 << 20


class NewestEntries:
    """The ends of all segments below a data directory."""

    def __init__(self, data: Path) -> None:
        self._data = data
        self._logs: dict[Path, SegmentReader] = {}
        self._after: dict[Path, int] = {}
        self._left: set[Path] = set()
        """Segments that are over, or that cannot be read."""
        self._turn = 0
        self.last_error = ""

    def begin(self) -> None:
        """Look at nothing that is there now."""
        self.close()
        for path in segments(self._data):
            self._open(path)
            if not self._to_end(path):
                self._leave(path)

    def read(self, limit: int) -> tuple[list[bytes], bool]:
        """About `limit` new records, and whether there are more already."""
        self._discover()
        paths = list(self._logs)
        self._turn += 1
        bodies: list[bytes] = []
        for index in range(len(paths)):
            path = paths[(self._turn + index) % len(paths)]
            log = self._logs[path]
            try:
                finished = log.finished()  # asked before the read, so that nothing is left behind
                entries = log.read(self._after[path], limit - len(bodies), _READ_BYTES)
            except (JournalMalformed, Unavailable, OSError) as fault:
                self.last_error = str(fault)
                self._leave(path)
                continue
            if entries:
                self._after[path] = entries[-1].seq
                bodies += [entry.body for entry in entries]
                if len(bodies) >= limit:
                    return bodies, True
            elif finished:
                self._leave(path)
        return bodies, False

    def skip(self) -> int:
        """Go on at the end; how many records are passed over."""
        self._discover()
        passed = 0
        for path in list(self._logs):
            before = self._after[path]
            if not self._to_end(path):
                self._leave(path)
            elif before:
                passed += self._after[path] - before
        return passed

    def close(self) -> None:
        """Let go of every file."""
        for path in list(self._logs):
            self._leave(path)
        self._left.clear()

    def _discover(self) -> None:
        found = set(segments(self._data))
        for path in sorted(found - self._logs.keys() - self._left):
            self._open(path)
        for path in self._logs.keys() - found:
            self._leave(path)
        self._left &= found

    def _open(self, path: Path) -> None:
        self._logs[path] = open_segment(path)
        self._after[path] = 0

    def _to_end(self, path: Path) -> bool:
        try:
            self._after[path] = self._logs[path].last()
        except (JournalMalformed, Unavailable) as fault:
            self.last_error = str(fault)
            return False
        return True

    def _leave(self, path: Path) -> None:
        self._logs.pop(path).close()
        del self._after[path]
        self._left.add(path)
