"""Blocks of the warehouse's bytes → blocks of a file. One writer makes one file."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import msgspec

from appliance.reporting.lists import DANGEROUS

_dangerous = re.compile(DANGEROUS)
_rows = msgspec.json.Decoder(dict[str, Any])
_json = msgspec.json.Encoder(decimal_format="number").encode


class Writer(Protocol):
    """What turns the warehouse's blocks into the file's."""

    def begin(self) -> bytes: ...

    def turn(self, block: bytes) -> bytes: ...

    def end(self) -> bytes: ...


def harmless(text: str) -> str:
    """A text that no spreadsheet takes for a formula."""
    return "'" + text if _dangerous.match(text) else text


class CsvRows:
    """CSV of the warehouse's own, under a heading."""

    def __init__(self, columns: Sequence[str]) -> None:
        self._columns = columns

    def begin(self) -> bytes:
        return ",".join(self._columns).encode() + b"\n"

    def turn(self, block: bytes) -> bytes:
        return block

    def end(self) -> bytes:
        return b""


class JsonRows:
    """A line per object → one array. A line end is held back until it is known whether a row follows."""

    def __init__(self) -> None:
        self._held = False

    def begin(self) -> bytes:
        return b"[\n"

    def turn(self, block: bytes) -> bytes:
        front = b",\n" if self._held and block else b""
        if block:
            self._held = block.endswith(b"\n")
        return front + (block[:-1] if self._held else block).replace(b"\n", b",\n")

    def end(self) -> bytes:
        return b"\n]\n"


class Lines:
    """Rows of sums → lines of a report, as `make` says, in CSV or as one JSON array."""

    def __init__(
        self, make: Callable[[Mapping[str, Any]], Mapping[str, Any]], columns: Sequence[str], *, as_csv: bool
    ) -> None:
        self._make = make
        self._columns = columns
        self._as_csv = as_csv
        self._rest = b""
        self._array = JsonRows()

    def begin(self) -> bytes:
        return ",".join(self._columns).encode() + b"\n" if self._as_csv else self._array.begin()

    def turn(self, block: bytes) -> bytes:
        whole, mark, self._rest = (self._rest + block).rpartition(b"\n")
        if not mark:
            return b""
        lines = [self._make(row) for row in _rows.decode_lines(whole)]
        if not self._as_csv:
            return self._array.turn(b"".join(_json(line) + b"\n" for line in lines))
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\n")
        for line in lines:
            writer.writerow([_cell(line.get(column)) for column in self._columns])
        return out.getvalue().encode()

    def end(self) -> bytes:
        return b"" if self._as_csv else self._array.end()


def _cell(value: object) -> object:
    if isinstance(value, str):
        return harmless(value)
    if isinstance(value, Mapping):
        return _json(value).decode() if value else ""
    return value
