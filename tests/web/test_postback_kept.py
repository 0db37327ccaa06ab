"""What the door keeps of a postback, and what it answers."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import msgspec
import pytest

from appliance.http.public.bodies import MAX_FIELD, MAX_FIELDS, MAX_NESTED
from tests.web.affiliates import door, json_of, last
from tests.web.front import FORM, JSON, Front
from tests.wire import Answer


@pytest.fixture
async def edge(tmp_path: Path) -> AsyncIterator[Front]:
    async with door(tmp_path) as made:
        yield made


# -- what is kept ----------------------------------------------------------------------------------------


async def test_nested_json_stays_whole_and_paths_lead_into_it(edge: Front) -> None:
    order = {"id": 7, "refs": [{"click": "c-7"}], "text": "ü" * 5_000}
    body = json_of(order=order, price=1e3, cost=12.50, yes=True, none=None, api_token="nested-secret")
    answer = await edge.ask("/pb/nested", "POST", {"Content-Type": "application/vnd.x+json"}, body)
    assert answer.status == 200
    kept = last(edge).params
    assert json.loads(kept["order"]) == order
    assert {name: kept[name] for name in ("price", "cost", "yes")} == {
        "price": "1000.0", "cost": "12.5", "yes": "true",
    }  # fmt: skip
    assert "none" not in kept and "api_token" not in kept
    written = b'{"order":{"id":1,"refs":[{"click":"c"}]},"a":1E3,"b":0.10,"api_token":"nested-secret"}'
    assert (await edge.ask("/pb/nested", "POST", JSON, b"\xef\xbb\xbf" + written)).status == 200
    assert (last(edge).params["a"], last(edge).params["b"]) == ("1E3", "0.10"), "as it was written"


async def test_what_is_too_large_is_cut_and_what_is_too_deep_is_left_out(edge: Front) -> None:
    body = msgspec.json.encode(
        {"click_id": "c", "x" * 500: "y" * 10_000, "big": ["z" * MAX_NESTED], "small": [1], "deep": deep(500)}
        | {f"n{number}": number for number in range(400)}
    )
    assert (await edge.ask("/pb/open", "POST", JSON, body)).status == 200
    params = last(edge).params
    assert len(params) <= MAX_FIELDS and params["x" * 128] == "y" * MAX_FIELD
    assert "big" not in params and params["small"] == "[1]"
    assert params["deep"].count("[") == 33
    many = urlencode([("click_id", "c"), *((f"p{number}", "x") for number in range(1_000))]).encode()
    assert (await edge.ask("/pb/open", "POST", FORM, many)).status == 200
    assert len(last(edge).params) == MAX_FIELDS


def deep(levels: int) -> list[Any]:
    found: list[Any] = []
    for _ in range(levels):
        found = [found]
    return found


@pytest.mark.parametrize(
    ("method", "target", "headers", "body", "params"),
    [
        ("GET", "?click_id=1&click_id=2&cid=3", {}, b"", {"click_id": "1", "cid": "3"}),
        ("GET", "?click_id=%00%0a%ff%F0%9F%98%80", {}, b"", {"click_id": "\0\n\ufffd\U0001f600"}),
        ("GET", "?cid=1&=x&y&%3D=z", {}, b"", {"cid": "1", "y": "", "=": "z"}),
        ("POST", "?cid=1", FORM, b"cid=2&cid=3", {"cid": "2"}),
        ("POST", "?cid=1&p=1", JSON, b'{"p": 2, "p": 3}', {"cid": "1", "p": "3"}),
        ("POST", "", JSON, b'{"cid": "\\u00e9\\ud83d\\ude00", "\\u0000": ""}', {"cid": "é😀", "\0": ""}),
        ("POST", "", {"Content-Type": "Application/JSON ; charset=utf-8"}, b'{"cid": 12}', {"cid": "12"}),
        ("GET", "?transaction_id=T-1&status=refund", {}, b"", {"transaction_id": "T-1", "status": "refund"}),
    ],
)  # fmt: skip
async def test_odd_fields(
    edge: Front, method: str, target: str, headers: dict[str, str], body: bytes, params: dict[str, str]
) -> None:
    answer = await edge.ask(f"/pb/open{target}", method, headers, body)
    assert answer.status == 200 and last(edge).params == params


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        (JSON, b'{"cid": "\\ud800"}'), (JSON, b'{"cid": "\xff"}'), (JSON, b'{"cid": NaN}'), (JSON, b"null"),
        ({"Content-Type": "multipart/form-data; boundary=x"}, b"--x--"),
        ({"Content-Type": "application/octet-stream"}, b"cid=1"), (FORM, b"cid=" + b"%41" * 90_000),
        (JSON, b"cid=1"), (JSON, b"\xef\xbb\xbf"),
    ],
)  # fmt: skip
async def test_a_body_that_cannot_be_read(edge: Front, headers: dict[str, str], body: bytes) -> None:
    answer = await edge.ask("/pb/open?x=y", "POST", headers, body)
    assert answer.status == 400 and answer.body.endswith(b".\n")
    assert (last(edge).stage, last(edge).params) == ("refused", {"x": "y"})


# -- replies ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("target", "body"),
    [
        ("/pb/echo?click_id=c&tx=T-1", "OK T-1|c|{id}"),
        ("/pb/echo?click_id=c", "OK |c|{id}"),
        ("/pb/echo?cid=c&order_id=%3Cscript%3E", "OK |c|{id}"),
        ("/pb/echo?cid=c&order_id=a%0d%0ab", "OK |c|{id}"),
        ("/pb/echo?cid=c&order_id=" + "x" * 129, "OK |c|{id}"),
        ("/pb/echo?cid=%7Bid%7D&order_id=1", "OK 1||{id}"),
        ("/pb/silent?cid=c", ""),
        ("/pb/json?cid=c&tid=T.1@x", '{"status":"ok","transaction":"T.1@x"}'),
        ("/pb/open?cid=c", "OK {id}\n"),
    ],
)
async def test_replies(edge: Front, target: str, body: str) -> None:
    answer: Answer = await edge.ask(target)
    assert (answer.status, answer.body.decode()) == (200, body.replace("{id}", last(edge).id))
    kind = "application/json" if target.startswith("/pb/json") else "text/plain; charset=utf-8"
    assert answer.headers["content-type"] == kind
    assert answer.headers["content-length"] == str(len(answer.body))
