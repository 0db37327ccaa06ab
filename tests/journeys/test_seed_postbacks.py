"""The seed's section "Postbacks And Conversions", line by line through the public port: what comes in.

What becomes of it, and what goes out, is in test_seed_conversions.py.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.journeys.board import Board, running
from tests.journeys.reporting import JSON, click, converted, money, network, report, revisions, send
from tests.rig import wait_for
from tests.wire import Answer, address_of, exchange

FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.fixture(scope="module")
def board(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Board]:
    home: Path = tmp_path_factory.mktemp("postbacks")
    with running(home, WEIR_ROUTING__CURRENCY="USD") as found:
        yield found


# GET /pb/{network}; POST /api/postbacks; GET and JSON POST postbacks


def by_get(slug: str, fields: dict[str, str]) -> tuple[str, str, bytes, dict[str, str]]:
    return f"/pb/{slug}?{urlencode(fields)}", "GET", b"", {}


def by_form(slug: str, fields: dict[str, str]) -> tuple[str, str, bytes, dict[str, str]]:
    return f"/pb/{slug}", "POST", urlencode(fields).encode(), FORM


def by_json(slug: str, fields: dict[str, str]) -> tuple[str, str, bytes, dict[str, str]]:
    typed = {**fields, "payout": float(fields["payout"])}
    return f"/pb/{slug}", "POST", json.dumps(typed).encode(), JSON


def at_the_other_door_by_json(slug: str, fields: dict[str, str]) -> tuple[str, str, bytes, dict[str, str]]:
    return "/api/postbacks", "POST", json.dumps({"network": slug, **fields}).encode(), JSON


def at_the_other_door_by_url(slug: str, fields: dict[str, str]) -> tuple[str, str, bytes, dict[str, str]]:
    return f"/api/postbacks?network={slug}", "POST", urlencode(fields).encode(), FORM


@pytest.mark.parametrize(
    "shape", [by_get, by_form, by_json, at_the_other_door_by_json, at_the_other_door_by_url]
)
def test_a_postback_becomes_a_conversion_by_every_door(board: Board, shape: Any) -> None:
    slug, number = network(board)
    his = click(board, sub1="zone-7", utm_source="push")
    fields = {"click_id": his, "transaction_id": "t-1", "payout": "12.5", "currency": "USD"}
    path, method, body, headers = shape(slug, fields)
    taken = exchange(address_of(board.public), path, method, headers, body)
    assert (taken.status, taken.body[:3]) == (200, b"OK ")
    found = converted(board, number, "t-1")
    assert (found["click_id"], found["status"], found["count"]) == (his, "sale", 1)
    assert (found["revenue"], found["currency"]) == (Decimal("12.5"), "USD")
    assert (found["subs"]["1"], found["utm"]["utm_source"]) == ("zone-7", "push")
    board.shipped()
    (kept,) = board.call("postbacks.list", id=taken.body.split()[1].decode(), stage="received")["items"]
    assert kept["method"] == method
    assert {name: kept["params"][name] for name in fields} == fields


@pytest.mark.parametrize(
    ("path", "body", "headers", "status", "said"),
    [
        ("/pb/nobody?click_id=x", b"", {}, 404, "There is no such affiliate network."),
        ("/api/postbacks", b'{"click_id": "x"}', JSON, 400, "The field network is missing"),
        ("/pb/{slug}?payout=1", b"", {}, 400, "The click id is missing: expected one of click_id, cid"),
        ("/pb/{slug}", b'{"click_id": ', JSON, 400, "The body is not valid JSON."),
        ("/pb/{slug}", b"[1]", JSON, 400, "The JSON body must be one object."),
        ("/pb/{slug}", b"<x/>", {"Content-Type": "text/xml"}, 400, "The body must be"),
    ],
)
def test_what_is_no_postback_is_refused_with_a_reason(
    board: Board, path: str, body: bytes, headers: dict[str, str], status: int, said: str
) -> None:
    slug, number = network(board)
    method = "POST" if body else "GET"
    taken = exchange(address_of(board.public), path.format(slug=slug), method, headers, body)
    assert (taken.status, taken.body.decode()[: len(said)]) == (status, said)
    if "{slug}" in path:
        row = board.record("postbacks.list", lambda row: row["network_id"] == number)
        assert (row["stage"], row["reason"][: len(said)]) == ("refused", said)


# Template-based normalization; field mapping through postback templates


def test_a_template_says_where_a_networks_fields_are(board: Board) -> None:
    mapping = {
        "click_id": ["$.meta.tracking[0]"], "transaction_id": ["order"], "payout": ["$.sum.value"],
        "currency": ["=EUR"], "status": ["state"], "event_type": ["goal"],
    }  # fmt: skip
    template = board.call("templates.create", name=board.name("template"), mapping=mapping)["id"]
    slug, number = network(board, template_id=template, status_words={"Bezahlt": "lead"})
    his = click(board)
    body = {
        "meta": {"tracking": [his]}, "order": "A-1", "sum": {"value": "1.234,56"}, "state": "BEZAHLT",
        "goal": "signup",
    }  # fmt: skip
    assert send(board, f"/pb/{slug}", "POST", json.dumps(body).encode(), **JSON).status == 200
    found = converted(board, number, "A-1")
    assert (found["click_id"], found["status"], found["event_type"]) == (his, "lead", "signup")
    assert (money(found["original_payout"]), found["original_status"]) == (
        Decimal("1234.56"), "BEZAHLT",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("alias", "field", "value"),
    [
        *((name, "click_id", "") for name in ("click_id", "cid", "subid", "sub_id")),
        *((name, "transaction_id", "T-9") for name in ("transaction_id", "tx", "tid", "order_id")),
        *((name, "revenue", "7.25") for name in ("payout", "sum", "amount", "revenue")),
        *((name, "event_type", "deposit") for name in ("event_type", "event")),
    ],
)
def test_without_a_template_a_field_is_known_by_its_aliases(
    board: Board, alias: str, field: str, value: str
) -> None:
    slug, number = network(board)
    his = click(board)
    usual = {"click_id": his, "transaction_id": "T-9", "payout": "1"}
    usual.pop({"revenue": "payout"}.get(field, field), None)
    report(board, slug, **usual, **{alias: value or his})
    (found,) = wait_for("the conversion", lambda: revisions(board, network_id=number))
    shown = Decimal(found[field]) if field == "revenue" else found[field]
    assert shown == (Decimal(value) if field == "revenue" else value or his)


@pytest.mark.parametrize(
    ("word", "status", "counts"),
    [
        ("", "sale", 1), ("Approved", "sale", 1), ("registration", "lead", 1), ("PENDING", "hold", 1),
        ("declined", "rejected", 0), ("fraud", "trash", 0), ("never heard of", "hold", 1),
    ],
)  # fmt: skip
def test_status_words_are_normalized(board: Board, word: str, status: str, counts: int) -> None:
    slug, number = network(board)
    report(board, slug, click_id=click(board), transaction_id="s", payout="2", status=word)
    found = converted(board, number, "s")
    assert (found["status"], found["original_status"], found["count"]) == (status, word, counts)
    money = {"sale": ("2", "0"), "lead": ("2", "0"), "hold": ("0", "2")}.get(status, ("0", "0"))
    assert (found["revenue"], found["hold"]) == tuple(map(Decimal, money))


# Secret/token validation


@pytest.mark.parametrize("name", ["secret", "token", "key", "bearer"])
def test_a_network_with_a_secret_takes_no_postback_without_it(board: Board, name: str) -> None:
    slug, number = network(board, secret="opensesame-1", secrets=["opensesame-2"])
    his = click(board)

    def ask(secret: str, transaction: str) -> Answer:
        path = f"/pb/{slug}?click_id={his}&transaction_id={transaction}"
        if name == "bearer":
            return send(board, path, Authorization=f"Bearer {secret}")
        return send(board, f"{path}&{name}={secret}")

    assert [ask(secret, "none").status for secret in ("", "wrong", "opensesame")] == [403] * 3
    assert [ask(f"opensesame-{n}", f"t-{n}").status for n in (1, 2)] == [200] * 2
    for n in (1, 2):
        assert converted(board, number, f"t-{n}")["count"] == 1
    assert not revisions(board, network_id=number, transaction_id="none")

    def log() -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = board.call("postbacks.list", network_id=number, limit=200)["items"]
        return items

    wait_for("three refusals", lambda: sum(row["stage"] == "refused" for row in log()) == 3)
    assert "opensesame" not in json.dumps(log())
    assert "opensesame" not in board.weir.log.read_text()
