"""A status map that was wrong for days is mended: what would change is looked at, then applied, and reports
still know what was known before."""

from __future__ import annotations

import json
import time
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.journeys.board import Board, running
from tests.rig import wait_for


@pytest.fixture(scope="module")
def board(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Board]:
    home: Path = tmp_path_factory.mktemp("reprocessing")
    with running(home, WEIR_ROUTING__CURRENCY="USD") as found:
        found.settle()
        yield found


def network(board: Board, **fields: Any) -> tuple[int, str]:
    slug = board.name("net")
    made = board.call("networks.create", name=slug, slug=slug, **fields)
    board.settle()
    return int(made["id"]), slug


def convert(board: Board, campaign: str, slug: str, transaction: str, **params: str) -> None:
    click = board.visit(f"/c/{campaign}").query["c"]
    more = "".join(f"&{name}={value}" for name, value in params.items())
    assert board.visit(f"/pb/{slug}?cid={click}&tid={transaction}{more}").status == 200


def processed(board: Board, number: int, count: int, **more: Any) -> None:
    """Wait until so many outcomes are in the log, and everything else that was taken before."""

    def there() -> bool:
        found = board.call("postbacks.list", network_id=number, stage="processed", **more)
        return bool(found["total"] >= count)

    wait_for("the postbacks in the log", there)
    board.shipped()


def figures(board: Board, number: int, **more: Any) -> tuple[Any, ...]:
    metrics = ["conversions", "revenue", "sales", "holds"]
    found = board.call("reports.overview", metrics=metrics, filters={"network": [number]}, **more)
    return tuple(float(found[name]) for name in metrics)


def test_a_wrong_status_map_is_mended(board: Board) -> None:
    number, slug = network(board)
    campaign = board.campaign({"to": [board.name("offer")]})
    for each in range(3):
        convert(board, campaign, slug, f"T{each}", payout="10", status="geprueft")
    convert(board, campaign, slug, "T9", payout="5", status="approved")
    convert(board, campaign, slug, "TX", payout="1e5")
    processed(board, number, 5)
    before = figures(board, number)
    assert before[:3] == (4, 5, 1)
    words = {"status_words": {"geprueft": "sale"}}
    shown = board.call("postbacks.reprocess_preview", network_id=number, network=words)
    assert (shown["postbacks"], shown["changed"], shown["made"], shown["unchanged"]) == (5, 3, 0, 1)
    assert {it["before"]["status"] for it in shown["conversions"]} == {"hold"}
    assert {it["after"]["status"] for it in shown["conversions"]} == {"sale"}
    assert {it["before"]["transaction_id"] for it in shown["conversions"]} == {"T0", "T1", "T2"}
    assert [float(it["revenue"]) for it in shown["sums"]] == [30]
    assert figures(board, number) == before, "a preview stores nothing"

    chosen = {"network_id": number, "fingerprint": shown["fingerprint"]}
    with pytest.raises(AssertionError, match="look at it again"):
        board.call("postbacks.reprocess_apply", **chosen)
    board.call("networks.change", id=number, **words)
    time.sleep(1.1)
    known = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    time.sleep(1.1)
    done = board.call("postbacks.reprocess_apply", **chosen)
    assert (done["applied"], done["changed"]) == (True, 3)
    wait_for("the sales in the reports", lambda: figures(board, number)[:3] == (4, 35, 4))
    board.shipped()
    assert figures(board, number, known_until=known) == before
    again = board.call("postbacks.reprocess_preview", network_id=number)
    assert (again["changed"], again["made"], again["voided"], again["left"]) == (0, 0, 0, 0)
    with pytest.raises(AssertionError, match="look at it again"):
        board.call("postbacks.reprocess_apply", **chosen)

    (raw,) = board.call("postbacks.list", network_id=number, stage="received", text="T1")["items"]
    life = board.call("postbacks.get", id=raw["id"])
    assert life["received"]["params"]["status"] == "geprueft"
    assert [it["outcome"] for it in life["outcomes"]] == ["conversion", "conversion"]
    assert "processed anew" in life["outcomes"][1]["reason"]
    assert (life["conversion"]["status"], float(life["conversion"]["revenue"])) == ("sale", 10)
    (refused,) = board.call("postbacks.list", network_id=number, reason="PAYOUT", stage="processed")["items"]
    assert refused["outcome"] == "refused"


def test_refused_ones_become_conversions_by_another_template(board: Board) -> None:
    number, slug = network(board)
    campaign = board.campaign({"to": [board.name("offer")]})
    click = board.visit(f"/c/{campaign}").query["c"]
    assert board.visit(f"/pb/{slug}?aff_sub={click}&amount_usd=7").status == 400
    convert(board, campaign, slug, "A", payout="one", amount_usd="3")
    processed(board, number, 1)
    wait_for("the one refused at the door", lambda: board.call(
        "postbacks.list", network_id=number, stage="refused")["total"] == 1)  # fmt: skip
    mapping = {"click_id": ["cid", "aff_sub"], "payout": ["amount_usd"]}
    chosen = {"network_id": number, "outcomes": ["refused"]}
    shown = board.call("postbacks.reprocess_preview", **chosen, template={"mapping": mapping})
    assert (shown["made"], shown["changed"], shown["moved"]) == (2, 0, 2)
    assert [float(it["revenue"]) for it in shown["sums"]] == [10]
    template = board.call("templates.create", name=slug, mapping=mapping)
    board.call("networks.change", id=number, template_id=template["id"])
    board.settle()
    done = board.call("postbacks.reprocess_apply", **chosen, fingerprint=shown["fingerprint"])
    assert done["made"] == 2
    wait_for("both in the reports", lambda: figures(board, number)[:3] == (2, 10, 2))
    # What the network repeats is the same conversion.
    assert board.visit(f"/pb/{slug}?aff_sub={click}&amount_usd=7").status == 200
    processed(board, number, 4)
    assert figures(board, number)[:2] == (2, 10)


def test_a_postback_is_tried_at_the_internal_door(board: Board) -> None:
    number, slug = network(board, secret="hidden-from-all")
    campaign = board.campaign({"to": [board.name("offer")]})
    click = board.visit(f"/c/{campaign}").query["c"]
    order = {
        "url": f"https://x.example/pb/{slug}?cid={click}&token=hidden-from-all&sum=1.234,50&status=ok2",
        "network": {"status_words": {"ok2": "sale"}, "currency": "EUR"},
    }

    def tried() -> dict[str, Any]:
        asked = urllib.request.Request(
            f"{board.weir.admin}/internal/postbacks/test",
            json.dumps(order).encode(),
            {"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(asked, timeout=20) as answer:
            found: dict[str, Any] = json.load(answer)
            return found

    wait_for("its click", lambda: tried()["click"]["found"])
    found = tried()
    assert found["fields"] == {"click_id": click, "payout": "1.234,50", "status": "ok2"}
    assert found["places"] == {"click_id": "cid", "payout": "sum", "status": "status"}
    assert (found["network_id"], found["status"], found["outcome"]) == (number, "sale", "conversion")
    assert (found["before"], found["after"]["original_currency"] or found["after"]["currency"]) == (
        None,
        "EUR",
    )
    assert float(found["after"]["original_payout"] or found["after"]["payout"]) == 1234.5
    assert "hidden-from-all" not in json.dumps(found)
    unknown = board.call("postbacks.test", network_id=number, body='{"cid": "nonsense"}')
    assert (unknown["outcome"], unknown["click"]) == ("refused", None)
    assert board.call("postbacks.list", network_id=number)["total"] == 0, "nothing is stored"
