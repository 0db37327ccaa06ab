"""The routing table on an edge's disk: whole or not at all, and written in pieces."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from appliance.edge import _save_table
from appliance.model.table import Part
from appliance.ports import Runner
from appliance.stores import table_snapshot

PARTS = tuple(Part(f"campaign/{n}", f"{n:032x}", (b"x" * 1000, bytes([n % 256]) * 500)) for n in range(700))


async def inline(fn, /, *args, **kwargs):  # type: ignore[no-untyped-def]
    return fn(*args, **kwargs)


async def save(path: Path, revision: int, parts: Sequence[Part], run: Runner = inline) -> None:
    await _save_table(run, path, revision, revision * 10, parts)


async def test_what_was_saved_is_loaded(tmp_path: Path) -> None:
    path = tmp_path / "new" / "table.msgpack"
    for parts in (PARTS, PARTS[:1], ()):
        await save(path, 7, parts)
        assert table_snapshot.load(path) == (7, 70, list(parts))
    assert os.listdir(path.parent) == ["table.msgpack"]


def test_no_piece_is_large() -> None:
    sizes = list(map(len, table_snapshot.pieces(1, 1, PARTS)))
    assert len(sizes) > 3 and max(sizes) < 300_000


async def test_a_disk_that_fills_leaves_the_former_table(tmp_path: Path) -> None:
    path = tmp_path / "table.msgpack"
    await save(path, 1, PARTS[:1])

    async def full(fn, /, *args, **kwargs):  # type: ignore[no-untyped-def]
        if getattr(fn, "__name__", "") == "finish":
            raise OSError(28, "No space left on device")
        return fn(*args, **kwargs)

    await save(path, 2, PARTS, full)
    assert table_snapshot.load(path) == (1, 10, [PARTS[0]])
    assert sorted(os.listdir(tmp_path)) == ["table.msgpack"]


@pytest.mark.parametrize("cut", [0, 10, 16, 500, -1])
async def test_a_torn_snapshot_is_none(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "table.msgpack"
    await save(path, 1, PARTS[:1])
    path.write_bytes(path.read_bytes()[:cut])
    assert table_snapshot.load(path) is None
