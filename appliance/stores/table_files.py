"""Large parts of the routing table as files for the edges of this machine: data/table/<digest>."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

import msgspec

from appliance.model.table import Part

FOLDER = "table"


class TableFiles:
    """One writer (the core). A file is msgpack: the list of the part's frames."""

    def __init__(self, data: Path) -> None:
        """Start empty: no edge waits for a file that an earlier core wrote."""
        self._folder = data / FOLDER
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for left in self._folder.iterdir():
            left.unlink()

    def put(self, part: Part) -> str:
        """Write the frames whole or not at all; returns the path relative to the data directory.

        Not fsynced: a file lives for the moments until the edges have copied it.
        """
        path = self._folder / part.digest
        if not path.exists():
            unfinished = path.with_suffix(f".{os.getpid()}.new")
            try:
                unfinished.write_bytes(msgspec.msgpack.encode(list(part.frames)))
                unfinished.replace(path)
            except BaseException:
                with suppress(OSError):
                    unfinished.unlink()
                raise
        return f"{FOLDER}/{part.digest}"

    def drop(self, digest: str) -> None:
        with suppress(FileNotFoundError):
            (self._folder / digest).unlink()
