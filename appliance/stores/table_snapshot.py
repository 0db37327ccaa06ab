"""An edge's last routing table on disk: with it, an edge serves while the core is down or not yet up."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

import msgspec

from appliance.model.table import Part

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(tuple[int, int, list[Part]]).decode


def save(path: Path, revision: int, compiled_us: int, parts: Sequence[Part]) -> None:
    """Replace the snapshot whole or not at all: digest, then revision, time and parts with their frames."""
    body = _encode((revision, compiled_us, [Part(p.name, p.digest, p.frames) for p in parts]))
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(f".{os.getpid()}.new")  # two edges of an index overlap in a restart
    unfinished.write_bytes(hashlib.blake2b(body, digest_size=16).digest() + body)
    unfinished.replace(path)


def load(path: Path) -> tuple[int, int, list[Part]] | None:
    """(revision, compiled_us, parts); None when there is no snapshot or it is not whole."""
    try:
        data = path.read_bytes()
    except OSError:
        return None
    digest, body = data[:16], data[16:]
    if hashlib.blake2b(body, digest_size=16).digest() != digest:
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
