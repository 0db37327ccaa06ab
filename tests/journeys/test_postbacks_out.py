"""Conversions are told to their targets by the real executable: once each, whoever dies meanwhile."""

from __future__ import annotations

import json
import re
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from appliance.outbound.postbacks import SECONDS
from tests.journeys.board import Board, running
from tests.receivers import Receiver
from tests.rig import wait_for


@pytest.fixture(scope="module")
def board(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Board]:
    home: Path = tmp_path_factory.mktemp("out")
    with running(home, WEIR_OUTBOUND__ALLOW="127.0.0.0/8", WEIR_ROUTING__CURRENCY="USD") as found:
        found.call("networks.create", name="Network", slug="network")
        found.settle()
        yield found


def target(board: Board, receiver: Receiver, path: str = "/?id={delivery_id}", **fields: Any) -> int:
    made = board.call("targets.create", name=board.name("target"), url=receiver.url + path, **fields)
    board.settle()
    return int(made["id"])


def campaign(board: Board, **fields: Any) -> tuple[str, int]:
    slug = board.campaign({"to": [board.name("offer")]}, **fields)
    return slug, board.id_of(slug)


def convert(board: Board, slug: str, transaction: str, **params: str) -> str:
    """A click with the source's id `S-<transaction>`, and its postback; the click's id."""
    click = board.visit(f"/c/{slug}?source_click_id=S-{transaction}&sub1=zone").query["c"]
    more = "".join(f"&{name}={value}" for name, value in params.items())
    taken = board.visit(f"/pb/network?click_id={click}&transaction_id={transaction}&payout=2.50{more}")
    assert taken.status == 200
    return click


def counts(board: Board, number: int) -> dict[str, int]:
    found: dict[str, int] = {}
    for item in board.call("deliveries.list", targets=[f"postback:{number}"], limit=1000)["items"]:
        found[item["state"]] = found.get(item["state"], 0) + 1
    return found


def test_a_source_hears_of_its_conversion_with_its_own_click_id(board: Board) -> None:
    with Receiver() as receiver:
        slug, number = campaign(board)
        made = target(
            board,
            receiver,
            "/in?cid={source_click_id}&p={payout}&c={currency}&s={status:sale=1}&z={sub1}",
            campaign_ids=[number],
            payout_scale=80,
        )
        convert(board, slug, "told-1")
        wait_for("the postback", lambda: receiver.requests)
        (told,) = receiver.requests
        assert {k: v[0] for k, v in parse_qs(urlsplit(told.path).query).items()} == {
            "cid": "S-told-1", "p": "2", "c": "USD", "s": "1", "z": "zone",
        }  # fmt: skip
        wait_for("the acknowledgement", lambda: counts(board, made) == {"delivered": 1})
        (item,) = board.call("deliveries.list", targets=[f"postback:{made}"])["items"]
        assert told.headers["idempotency-key"] == item["id"]
        whole = board.call("deliveries.get", id=item["id"])
        (attempt,) = whole["attempts"]
        assert (attempt["status"], attempt["answer"]) == (200, "OK")
        assert attempt["request"].startswith(f"GET {receiver.url}/in?cid=S-told-1")
        assert whole["values"]["payout"] == "2.5"


def test_a_source_made_from_a_preset_brings_its_report_back_address(board: Board) -> None:
    source = board.call("sources.create_from_preset", preset="pushground")
    made = board.call("targets.create_from_preset", source_id=source["id"])
    assert (made["url"], made["source_id"], made["name"]) == (
        "https://lupush.com/conversion?click_id={source_click_id}&amount={payout}",
        source["id"],
        "Pushground",
    )
    with pytest.raises(AssertionError, match="your account with the source tells it"):
        board.call("targets.create_from_preset", preset="zeropark")
    board.call("targets.archive", id=made["id"])


def test_a_wrong_template_is_mended_and_its_deliveries_are_replayed_at_the_internal_door(
    board: Board,
) -> None:
    with Receiver(status=410) as receiver:
        slug, number = campaign(board)
        made = target(board, receiver, "/wrong?x={payout}", campaign_ids=[number], method="POST")
        convert(board, slug, "mend-1")
        convert(board, slug, "mend-2")
        wait_for("both given up", lambda: counts(board, made) == {"dead": 2})
        receiver.status = 204
        board.call(
            "targets.change", id=made, url=f"{receiver.url}/right", body='{"amount": "{payout:number}"}'
        )
        asked = urllib.request.Request(
            f"{board.weir.admin}/internal/outbound/retry",
            json.dumps({"targets": [f"postback:{made}"], "states": ["dead"]}).encode(),
            {"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(asked, timeout=20) as answer:
            assert json.load(answer) == {"count": 2, "targets": {f"postback:{made}": 2}}
        wait_for("both delivered", lambda: counts(board, made) == {"delivered": 2})
        assert [(it.method, it.path, it.body) for it in receiver.requests[2:]] == [
            ("POST", "/right", b'{"amount": 2.5}')
        ] * 2
        assert set(receiver.told.values()) == {2}, "under the same ids"


def test_a_dead_and_slow_receivers_delay_neither_another_nor_clicks(board: Board) -> None:
    """Each is told, and each click answered, in less than one attempt at a slow receiver takes."""
    with Receiver() as good, Receiver(delay=60) as slow, Receiver() as gone:
        slug, number = campaign(board)
        made = target(board, good, campaign_ids=[number])
        others = [target(board, each, campaign_ids=[number]) for each in (gone, *[slow] * 10)]
        gone.__exit__()
        worst = 0.0
        for each in range(25):
            began = time.monotonic()
            convert(board, slug, f"delay-{each}")
            wait_for("it is told", lambda each=each: len(good.told) > each)
            worst = max(worst, time.monotonic() - began)
        assert worst < SECONDS
        assert len(slow.requests) >= 10, "attempts were under way all the time"
        wait_for("acknowledged", lambda: counts(board, made) == {"delivered": 25})
        assert all(counts(board, each) == {"pending": 25} for each in others)
        status = board.call("system.status")["deliveries"]
        assert status["pending"] >= 25 * len(others)
        wait_for(
            "the dead one is paused",
            lambda: f"postback:{others[0]}" in board.call("system.status")["deliveries"]["paused"],
        )
        with urllib.request.urlopen(f"{board.weir.admin}/metrics", timeout=20) as answer:
            figures = answer.read().decode()
        (paused,) = re.findall(r"^weir_deliveries_paused_targets (\d+)$", figures, re.MULTILINE)
        assert int(paused) >= 1
        done = board.call("deliveries.cancel", targets=[f"postback:{it}" for it in others])
        assert done["count"] == 25 * len(others)


def test_without_a_permission_no_private_address_gets_a_byte(tmp_path: Path) -> None:
    with Receiver() as receiver, running(tmp_path) as strict:
        strict.call("networks.create", name="Network", slug="network")
        slug, _ = campaign(strict)
        made = target(strict, receiver)
        convert(strict, slug, "private-1")
        wait_for(
            "an attempt", lambda: [it for it in strict.call("deliveries.list")["items"] if it["attempts"]]
        )
        (item,) = strict.call("deliveries.list", targets=[f"postback:{made}"])["items"]
        assert "not a public address" in item["reason"]
        assert receiver.requests == []


def test_killed_again_and_again_every_conversion_is_told_exactly_once_by_its_key(board: Board) -> None:
    with Receiver(lose=0.3) as receiver:
        slug, number = campaign(board)
        made = target(board, receiver, campaign_ids=[number])
        done = 0
        for life in range(4):
            for _ in range(20):
                convert(board, slug, f"kill-{done}")
                done += 1
            if life < 3:
                board.weir.wait_child("core", board.weir.kill("core"))
        wait_for("the core", board.linked)
        wait_for("all acknowledged", lambda: counts(board, made) == {"delivered": done})
        items = board.call("deliveries.list", targets=[f"postback:{made}"], limit=1000)["items"]
        assert set(receiver.told) == {item["id"] for item in items}
        assert len({item["conversion_id"] for item in items}) == done
