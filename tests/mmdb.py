"""Writes small MMDB files (MaxMind DB file format, version 2.0), for tests that need one of a certain layout.

write(path, {"203.0.113.0/24": {"country": {"iso_code": "DE"}}}, type="GeoLite2-Country")
"""

from __future__ import annotations

import ipaddress
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

MARK = b"\xab\xcd\xefMaxMind.com"
BUILT = 1_760_000_000
"""Unix seconds: when the files that are written here were made."""
_EXTENDED = 7  # types from 8 are written as 0 and their number minus 7


class Wide(int):
    """A whole number whose type is not the smallest: the metadata's are prescribed."""

    bytes_: int


class U32(Wide):
    bytes_ = 4


class U64(Wide):
    bytes_ = 8


def _control(type_: int, size: int) -> bytes:
    first = type_ if type_ <= 7 else 0
    extended = bytes([type_ - _EXTENDED]) if type_ > 7 else b""
    if size < 29:
        return bytes([first << 5 | size]) + extended
    if size < 29 + 256:
        return bytes([first << 5 | 29]) + extended + bytes([size - 29])
    return bytes([first << 5 | 30]) + extended + struct.pack(">H", size - 285)


def encode(value: Any) -> bytes:
    """A value of the data section; whole numbers take the smallest type that holds them."""
    if isinstance(value, bool):
        return _control(14, int(value))
    if isinstance(value, str):
        text = value.encode()
        return _control(2, len(text)) + text
    if isinstance(value, float):
        return _control(3, 8) + struct.pack(">d", value)
    if isinstance(value, int):
        for type_, size in ((5, 2), (6, 4), (9, 8)):
            if value < 1 << (8 * size) and size >= getattr(value, "bytes_", 2):
                return _control(type_, size) + value.to_bytes(size, "big")
    if isinstance(value, Mapping):
        return _control(7, len(value)) + b"".join(encode(k) + encode(v) for k, v in value.items())
    if isinstance(value, list):
        return _control(11, len(value)) + b"".join(map(encode, value))
    raise TypeError(f"no type of the format: {value!r}")


def _node(left: int, right: int, size: int) -> bytes:
    if size == 28:
        middle = left >> 24 << 4 | right >> 24
        return (left & 0xFFFFFF).to_bytes(3, "big") + bytes([middle]) + (right & 0xFFFFFF).to_bytes(3, "big")
    return left.to_bytes(size // 8, "big") + right.to_bytes(size // 8, "big")


def write(
    path: Path, networks: Mapping[str, Any], *, type: str, ip_version: int = 6, record_size: int = 32
) -> Path:
    """All networks in one tree; those of IPv4 lie at ::/96 as the format wants it. Replaced as a whole."""
    nodes: list[list[int | None]] = [[None, None]]
    data, offsets = b"", dict[bytes, int]()
    leaves: list[tuple[int, int, int]] = []
    for text, record in networks.items():
        network = ipaddress.ip_network(text)
        body = encode(record)
        if body not in offsets:
            offsets[body] = len(data)
            data += body
        bits, length = int(network.network_address), network.prefixlen
        if network.version == 4:
            width, length = (128, length + 96) if ip_version == 6 else (32, length)
        else:
            width = 128
        at = 0
        for step in range(length - 1):
            side = bits >> (width - 1 - step) & 1
            after = nodes[at][side]
            if after is None:
                after = len(nodes)
                nodes[at][side] = after
                nodes.append([None, None])
            at = after
        leaves.append((at, bits >> (width - length) & 1, offsets[body]))
    count = len(nodes)
    for at, side, offset in leaves:
        nodes[at][side] = count + 16 + offset
    ends = [[count if end is None else end for end in node] for node in nodes]
    tree = b"".join(_node(left, right, record_size) for left, right in ends)
    metadata = {
        "binary_format_major_version": 2, "binary_format_minor_version": 0, "build_epoch": U64(BUILT),
        "database_type": type, "description": {"en": "made by a test"}, "ip_version": ip_version,
        "languages": ["en"], "node_count": U32(count), "record_size": record_size,
    }  # fmt: skip
    fresh = path.with_suffix(".new")
    fresh.write_bytes(tree + bytes(16) + data + MARK + encode(metadata))
    fresh.replace(path)
    return path
