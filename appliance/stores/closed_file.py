"""What the core closed, on an edge's disk: it holds while the core is down and after the edge's restart."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import msgspec

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(dict[int, str]).decode


def save(path: Path, closed: Mapping[int, str]) -> None:
    """Replace the file whole or not at all. Blocking. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(f".{os.getpid()}.new")  # two edges of an index overlap in a restart
    with unfinished.open("wb") as file:
        file.write(_encode(dict(closed)))
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(path)


def load(path: Path) -> dict[int, str]:
    """What was saved; nothing when there is no file, or one that cannot be read."""
    try:
        return _decode(path.read_bytes())
    except (OSError, msgspec.MsgspecError):
        return {}
