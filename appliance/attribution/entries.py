"""Conversions that somebody enters: a text → rows of fields. Either CSV with a header, or lines

    clickid:payout=12.50:status=sale

Every row knows the line that it begins in; what cannot be read says in which line and column.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from appliance.attribution.template import ALIASES
from appliance.model.ids import click_time_ms

MOST_ROWS = 10_000
LONGEST_VALUE = 2_048
FIELDS = (
    "click_id", "transaction_id", "payout", "currency", "status", "event_type", "event_id", "upsell", "time",
)  # fmt: skip
"""What a row may say, beside `network`: a network's id or slug."""
PARAMS: Mapping[str, str] = {field: ALIASES[field][0] for field in FIELDS}
"""Field → the name under which it is kept."""
_OTHERS = {
    "click_id": ("clickid", "click", "cnv_id"),
    "transaction_id": ("txid", "transaction"),
    "currency": ("cnv_currency", "payout_currency"),
    "status": ("cnv_status",),
    "time": ("time", "date", "datetime"),
    "network": ("network", "network_id"),
}
COLUMNS: Mapping[str, str] = {
    name: field
    for field in (*FIELDS, "network")
    for name in (field, *ALIASES.get(field, ()), *_OTHERS.get(field, ()))
}
"""A column's name → the field it stands for."""
_SEPARATORS = ",;\t"
_LINE = re.compile(r"\r\n|\r|\n")
_PAIR = re.compile(r":(?=[A-Za-z_][A-Za-z0-9_]*=)")
_HEADER = "name the columns, such as click_id,payout,status; or write lines such as clickid:payout=12.50"


class Row(NamedTuple):
    """A conversion in the words of whoever enters it: field → text; `number` is its line, from 1."""

    number: int
    fields: dict[str, str]


class RefusedRow(NamedTuple):
    """`field` is "" when it is about all of the row."""

    number: int
    field: str
    reason: str


def parse(text: str) -> tuple[list[Row], list[RefusedRow]]:
    """The rows of a text, at most MOST_ROWS and one, and those that cannot be read. Blank ones are none."""
    rows: list[Row] = []
    refused: list[RefusedRow] = []
    for found in _read(text.removeprefix("\ufeff")):
        if isinstance(found, RefusedRow):
            refused.append(found)
        else:
            rows.append(found)
        if len(rows) + len(refused) > MOST_ROWS:
            break
    return rows, refused


def _read(text: str) -> Iterator[Row | RefusedRow]:
    first = next((line for line in _LINE.split(text) if line.strip()), "")
    separator = max(_SEPARATORS, key=first.count)
    names = [name.strip().strip('"').strip().lower() for name in first.split(separator)]
    if any(name in COLUMNS for name in names):
        yield from _table(text, separator)
    elif click_time_ms(first.partition(":")[0].strip().lower()) is None:
        if first:
            yield RefusedRow(_number_of(text, first), "", _HEADER)
    else:
        for number, line in enumerate(_LINE.split(text), 1):
            if line.strip():
                yield _line(number, line.strip())


def _number_of(text: str, line: str) -> int:
    return _LINE.split(text).index(line) + 1


def _line(number: int, line: str) -> Row | RefusedRow:
    click, *pairs = _PAIR.split(line)
    if ":" in click:
        return RefusedRow(
            number, "", f"expected name=value behind each colon: {click.partition(':')[2][:80]!r}"
        )
    cells = [("click_id", click)]
    for pair in pairs:
        name, _, value = pair.partition("=")
        cells.append((name.lower(), value))
    return _row(number, cells)


def _table(text: str, separator: str) -> Iterator[Row | RefusedRow]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    header: list[str] = []
    before = 0
    while True:
        try:
            cells = next(reader, None)
        except csv.Error as fault:  # where the next row begins cannot be told any more
            yield RefusedRow(before + 1, "", f"cannot be read from here on: {fault}")
            return
        number, before = before + 1, reader.line_num
        if cells is None:
            return
        if not any(cell.strip() for cell in cells):
            continue
        if not header:
            header = [cell.strip().lower() for cell in cells]
            if (wrong := _wrong_header(header)) is not None:
                yield RefusedRow(number, *wrong)
                return
        elif any(cell.strip() for cell in cells[len(header) :]):
            yield RefusedRow(number, "", f"more cells than the {len(header)} columns")
        else:
            yield _row(number, [(name, cell) for name, cell in zip(header, cells, strict=False) if name])


def _wrong_header(header: list[str]) -> tuple[str, str] | None:
    """(column, why)."""
    seen: set[str] = set()
    for name in filter(None, header):
        if name not in COLUMNS:
            return name[:80], f"no such column; there are: {', '.join((*FIELDS, 'network'))}"
        if COLUMNS[name] in seen:
            return name, "this column is there twice"
        seen.add(COLUMNS[name])
    return None


def _row(number: int, cells: list[tuple[str, str]]) -> Row | RefusedRow:
    fields: dict[str, str] = {}
    for name, cell in cells:
        field, value = COLUMNS.get(name), cell.strip()
        if field is None:
            return RefusedRow(
                number, name[:80], f"no such field; there are: {', '.join(FIELDS[1:])}, network"
            )
        if field in fields:
            return RefusedRow(number, name, "this field is there twice")
        if len(value) > LONGEST_VALUE:
            return RefusedRow(number, field, f"at most {LONGEST_VALUE:,} characters")
        if value:
            fields[field] = value
    return Row(number, fields)
