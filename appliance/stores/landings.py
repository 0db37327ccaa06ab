"""The newest visits of landing pages by click id, in one file that all edges of a machine share.

For visitors who come back with their click's id and nothing else (no cookie, no {lp_token}). What is kept is
the sealed text that others carry themselves: half a write or a damaged file is a visit that is not known.
Written through the page cache and never synced: it outlives every process, not a power cut. 65,536 visits,
64 MiB: a new one takes the place of the oldest of the eight in its row.
"""

from __future__ import annotations

import logging
import os
from pathlib import Path

log = logging.getLogger("weir.landings")
NAME = "landings"
ROWS = 8_192
_IN_A_ROW = 8
_SLOT = 1_024
_ROW = _IN_A_ROW * _SLOT
_ID = 36
"""A slot: click id, two bytes of length, sealed text."""
LONGEST = _SLOT - _ID - 2


class LandingVisits:
    """routing's Landings. A visit that cannot be written is not known later; the first failure is logged."""

    def __init__(self, path: Path, rows: int = ROWS) -> None:
        self._rows = rows
        self._file = -1
        self._failed = False
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as fault:
            self._fail(fault)

    def keep(self, click_id: str, sealed: str) -> None:
        """Remember what the visitor of this click carries; one that is too long is left to his cookie."""
        if self._file < 0 or len(sealed) > LONGEST:
            return
        name, text = click_id.encode(), sealed.encode()
        at = self._row_of(click_id)
        try:
            row = os.pread(self._file, _ROW, at).ljust(_ROW, b"\0")
            # Ids begin with their time: the least is the oldest, and an empty slot is less than any.
            oldest = min(range(0, _ROW, _SLOT), key=lambda slot: row[slot : slot + _ID])
            os.pwrite(self._file, name + len(text).to_bytes(2, "big") + text, at + oldest)
        except OSError as fault:
            self._fail(fault)

    def find(self, click_id: str) -> str:
        """What was kept for it; "" for a click that is not known. It is no proof: whoever opens it sees."""
        if self._file < 0:
            return ""
        name = click_id.encode()
        try:
            row = os.pread(self._file, _ROW, self._row_of(click_id))
        except OSError as fault:
            self._fail(fault)
            return ""
        for slot in range(0, len(row), _SLOT):
            if row[slot : slot + _ID] == name:
                begin = slot + _ID + 2
                length = int.from_bytes(row[begin - 2 : begin], "big")
                return row[begin : begin + min(length, LONGEST)].decode("ascii", "replace")
        return ""

    def close(self) -> None:
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def _row_of(self, click_id: str) -> int:
        """By the random end of an id of ours (model/ids.py)."""
        return int(click_id[-12:], 16) % self._rows * _ROW

    def _fail(self, fault: OSError) -> None:
        if not self._failed:
            self._failed = True
            log.error("visits of landing pages cannot be kept", extra={"error": str(fault)})
