"""An image of an edge's memory of visitors: its arrays as they lie in memory, read back in one go.

Made beside the present one and put in its place whole. A checksum is read with it: an index that is wrong in
one place could keep a lookup turning for ever.
"""

from __future__ import annotations

import contextlib
import os
import struct
import zlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import msgspec
from msgspec import Struct

_BODY = 4096
_FORM = struct.Struct("<8sII")
_MAGIC = b"weirmem1"
_PIECE = 1 << 20
# Bytes between two waits for the disk: what has piled up in front of it would hold the journal's own.
_SYNCED = 16 << 20


class Head(Struct, frozen=True, array_like=True):
    """Counters of the pairs (routing.pairs.Extent), and what of the log they cover (stores/memory.py)."""

    extent: tuple[int, int, int, int]
    loaded: int
    writer: int
    written: int
    checksum: int


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Head).decode


class ImageWriter:
    """A new image at `path`, invisible until `publish`. Raises OSError. Any thread, one at a time."""

    def __init__(self, path: Path, writer: int) -> None:
        self._path = path
        self._fresh = path.with_name(f".{path.name}.{writer:x}")
        self._file = os.open(self._fresh, os.O_CREAT | os.O_TRUNC | os.O_RDWR | os.O_CLOEXEC, 0o600)
        self._unsynced = 0

    def write(self, pieces: Iterable[tuple[int, bytes | memoryview]]) -> None:
        """Bytes of the body at their offsets."""
        for offset, data in pieces:
            done = 0
            while done < len(data):
                done += os.pwrite(self._file, data[done:], _BODY + offset + done)
            self._unsynced += len(data)
        if self._unsynced > _SYNCED:
            os.fdatasync(self._file)
            self._unsynced = 0

    def seal(self, sizes: Sequence[tuple[int, int]], head: Head) -> None:
        """Everything is written; `sizes` are (offset, length) of what counts, in order. Durable after it."""
        sealed = msgspec.structs.replace(head, checksum=0)
        checksum = zlib.crc32(_encode(sealed))
        for offset, length in sizes:
            for at in range(0, length, _PIECE):
                data = os.pread(self._file, min(_PIECE, length - at), _BODY + offset + at)
                checksum = zlib.crc32(data.ljust(min(_PIECE, length - at), b"\0"), checksum)
        encoded = _encode(msgspec.structs.replace(head, checksum=checksum))
        end = _BODY + max((offset + length for offset, length in sizes), default=0)
        os.truncate(self._file, end)
        os.pwrite(self._file, _FORM.pack(_MAGIC, len(encoded), zlib.crc32(encoded)) + encoded, 0)
        os.fsync(self._file)

    def publish(self) -> None:
        """Put it in the place of the present one. Raises OSError when another process swept it away."""
        self._fresh.rename(self._path)
        self._close()

    def abandon(self) -> None:
        """Nothing more comes; what was published stays."""
        self._fresh.unlink(missing_ok=True)
        self._close()

    def _close(self) -> None:
        if self._file >= 0:
            os.close(self._file)
            self._file = -1


def read_head(path: Path) -> Head | None:
    """None when there is no image that can be read."""
    with contextlib.suppress(OSError, struct.error, msgspec.MsgspecError):
        with path.open("rb") as file:
            magic, length, checksum = _FORM.unpack(file.read(_FORM.size))
            encoded = file.read(length) if length < _BODY else b""
        if magic == _MAGIC and zlib.crc32(encoded) == checksum:
            return _decode(encoded)
    return None


def read_into(path: Path, head: Head, sections: Sequence[tuple[int, memoryview]]) -> bool:
    """Fill (offset, memory) from the image; False when it is not what was written: the memory is spoilt."""
    checksum = zlib.crc32(_encode(msgspec.structs.replace(head, checksum=0)))
    try:
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        for offset, piece in _pieces(sections):
            if os.preadv(file, [piece], _BODY + offset) != len(piece):
                return False
            checksum = zlib.crc32(piece, checksum)
    except OSError:
        return False
    finally:
        os.close(file)
    return checksum == head.checksum


def sweep(path: Path) -> None:
    """Remove what killed processes had begun."""
    for left in path.parent.glob(f".{path.name}.*"):
        left.unlink(missing_ok=True)


def _pieces(sections: Sequence[tuple[int, memoryview]]) -> Iterator[tuple[int, memoryview]]:
    for offset, view in sections:
        for at in range(0, len(view), _PIECE):
            yield offset + at, view[at : at + _PIECE]
