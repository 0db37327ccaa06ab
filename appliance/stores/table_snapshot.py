"""An edge's last routing table on disk: with it, an edge serves while the core is down or not yet up."""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from appliance.model.table import Part

_DIGEST = 16
_PIECE = 256 * 1024
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(tuple[int, int, list[Part]]).decode


class Writer:
    """Replaces the snapshot whole or not at all: its digest, then what `pieces` makes. Blocking."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        # Two edges of an index overlap in a restart.
        self._unfinished = path.with_suffix(f".{os.getpid()}.new")
        self._file = self._unfinished.open("wb")
        self._sum = hashlib.blake2b(digest_size=_DIGEST)
        self._file.write(bytes(_DIGEST))

    def write(self, piece: bytes) -> None:
        self._sum.update(piece)
        self._file.write(piece)

    def finish(self) -> None:
        self._file.seek(0)
        self._file.write(self._sum.digest())
        self._file.close()
        self._unfinished.replace(self._path)

    def abandon(self) -> None:
        """Leave the snapshot as it was."""
        with contextlib.suppress(OSError):
            self._file.close()
        with contextlib.suppress(OSError):
            self._unfinished.unlink()


def pieces(revision: int, compiled_us: int, parts: Sequence[Part]) -> Iterator[bytes]:
    """The snapshot's content, some 256 KiB at a time, so that no encoding holds a loop for long."""
    piece = b"\x93" + _encode(revision) + _encode(compiled_us)  # an array of three,
    piece += b"\xdd" + len(parts).to_bytes(4, "big")  # whose third is the array of the parts
    size, buffer = len(piece), [piece]
    for part in parts:
        encoded = _encode(part)
        buffer.append(encoded)
        size += len(encoded)
        if size >= _PIECE:
            yield b"".join(buffer)
            size, buffer = 0, []
    yield b"".join(buffer)


def load(path: Path) -> tuple[int, int, list[Part]] | None:
    """(revision, compiled_us, parts); None when there is no snapshot or it is not whole."""
    try:
        data = path.read_bytes()
    except OSError:
        return None
    whole = memoryview(data)  # a statement of its own: Nuitka 4.3.3 cannot copy this call inside another
    digest, body = whole[:_DIGEST], whole[_DIGEST:]
    if hashlib.blake2b(body, digest_size=_DIGEST).digest() != digest:
        return None
    try:
        return _decode(body)
    except msgspec.MsgspecError:
        return None  # written by another version: the core sends a new one


def with_files(data: Path, parts: Sequence[Part]) -> tuple[Part, ...]:
    """The parts with the frames of those that travelled as files read in. Raises OSError."""
    decode = msgspec.msgpack.Decoder(tuple[bytes, ...]).decode
    return tuple(
        Part(part.name, part.digest, decode((data / part.file).read_bytes())) if part.file else part
        for part in parts
    )
