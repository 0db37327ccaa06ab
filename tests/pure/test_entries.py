"""Texts of conversions that somebody enters: every row, and what is wrong with others, by line and column."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.attribution.entries import COLUMNS, FIELDS, MOST_ROWS, Row, parse
from appliance.attribution.template import ALIASES
from appliance.model.ids import click_id

A, B = (click_id(1_794_916_800_000, number) for number in (1, 2))


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        (f"click_id,payout\n{A},1.5\n{B},2\n", [
            (2, {"click_id": A, "payout": "1.5"}), (3, {"click_id": B, "payout": "2"}),
        ]),
        (f"\ufeffCID;Sum;Status\r\n{A};1,50;sale\r\n", [
            (2, {"click_id": A, "payout": "1,50", "status": "sale"}),
        ]),
        (f'"clickid"\t"amount"\r{A}\t" 7 "\r', [(2, {"click_id": A, "payout": "7"})]),
        (f'click_id,event_type\n{A},"a, ""b"""\n\n , \n{B},"two\nlines"\n', [
            (2, {"click_id": A, "event_type": 'a, "b"'}), (5, {"click_id": B, "event_type": "two\nlines"}),
        ]),
        (f"transaction_id,click_id,network,date\nÄ–1,{A},net,2026-11-22T10:00:00Z", [
            (2, {"transaction_id": "Ä–1", "click_id": A, "network": "net", "time": "2026-11-22T10:00:00Z"}),
        ]),
        (f"click_id,,payout\n{A},,3\n{B}\n", [(2, {"click_id": A, "payout": "3"}), (3, {"click_id": B})]),
        (f"\n\n{A}:payout=1.5:status=lead\r\n  {B} \n", [
            (3, {"click_id": A, "payout": "1.5", "status": "lead"}), (4, {"click_id": B}),
        ]),
        (f"{A}:cnv_status=sale:time=2026-11-22T10:00:05:TXID=a:b:network=7", [
            (1, {
                "click_id": A, "status": "sale", "time": "2026-11-22T10:00:05", "transaction_id": "a:b",
                "network": "7",
            }),
        ]),
        (f"{A.upper()}:payout=", [(1, {"click_id": A.upper()})]),
        ("", []), ("\ufeff\r\n \n", []),
    ],
)  # fmt: skip
def test_rows(text: str, rows: list[tuple[int, dict[str, str]]]) -> None:
    assert parse(text) == ([Row(*row) for row in rows], [])


@pytest.mark.parametrize(
    ("text", "number", "field", "why"),
    [
        ("click_id,colour\nx,red", 1, "colour", "no such column"),
        ("click_id,cid\nx,y", 1, "cid", "twice"),
        (f"click_id,payout\n\n{A},1,5", 3, "", "more cells"),
        (f'click_id,payout\n{A},"1', 2, "", "cannot be read from here on"),
        (f"click_id,payout\n{A}," + "9" * 2_049, 2, "payout", "at most"),
        (f"click_id,payout\n{A}," + "9" * 200_000, 2, "", "cannot be read"),
        ("what,is,this", 1, "", "name the columns"),
        (f"\n{A}:colour=red", 2, "colour", "no such field"),
        (f"{A}:payout=1:sum=2", 1, "sum", "twice"),
        (f"{A}:payout:2", 1, "", "name=value"),
        (f"{A}\n{B}:1.5", 2, "", "name=value"),
    ],
)
def test_what_cannot_be_read_is_named(text: str, number: int, field: str, why: str) -> None:
    _, refused = parse(text)
    assert [(it.number, it.field, why in it.reason) for it in refused] == [(number, field, True)]


def test_ten_thousand_rows_and_one() -> None:
    text = "click_id\r\n" + f"{A}\r\n" * MOST_ROWS
    assert [len(each) for each in parse(text)] == [MOST_ROWS, 0]
    rows, refused = parse(text + f"{A}\n" * 5_000)
    assert len(rows) + len(refused) == MOST_ROWS + 1
    rows, refused = parse(f"{A}:payout\n" * 2 + f"{A}\n" * (MOST_ROWS - 2))
    assert (len(rows), [it.number for it in refused]) == (MOST_ROWS - 2, [1, 2])


def test_every_name_of_a_postback_s_field_is_a_column() -> None:
    for field in FIELDS:
        assert {COLUMNS[name] for name in (field, *ALIASES[field])} == {field}


CELLS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=20)


@given(
    st.lists(st.lists(CELLS, min_size=4, max_size=4), max_size=30),
    st.sampled_from(",;\t"),
    st.sampled_from(["\n", "\r\n", "\r"]),
    st.booleans(),
)
def test_what_a_spreadsheet_writes_is_read_as_it_was(
    table: list[list[str]], separator: str, ending: str, marked: bool
) -> None:
    file = io.StringIO(newline="")
    writer = csv.writer(file, delimiter=separator, lineterminator=ending, quoting=csv.QUOTE_ALL)
    header = ["click_id", "transaction_id", "status", "event_type"]
    writer.writerows([header, *table])
    rows, refused = parse("\ufeff" * marked + file.getvalue())
    assert refused == []
    wanted = [
        {name: cell.strip() for name, cell in zip(header, line, strict=True) if cell.strip()}
        for line in table
        if any(cell.strip() for cell in line)
    ]
    assert [row.fields for row in rows] == wanted
    assert [row.number for row in rows] == sorted({row.number for row in rows})


@given(st.text(max_size=400) | st.from_regex(r"(click_id|payout|[0-9a-f-]{36})[,;:=a-z0-9\"\r\n]{0,80}"))
def test_nothing_breaks_it(text: str) -> None:
    rows, refused = parse(text)
    assert all(all(it.fields.values()) for it in rows)
    assert all(it.number >= 1 and it.reason for it in refused)
