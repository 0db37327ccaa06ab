"""The real executable: rules of every kind and named lists, through the public port of two edges."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from typing import Any

import pytest

from tests.journeys.test_catalog_and_doors import get, linked
from tests.rig import Weir, start_weir, wait_for

pytestmark = pytest.mark.slow
MORE = 20
"""Clicks that prove something of both edges: each connection goes to either of them."""


@pytest.fixture(scope="module")
def weir(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Weir]:
    with start_weir(tmp_path_factory.mktemp("weir") / "data", "--edges", "2") as weir:
        wait_for("both edges linked", lambda: len(linked(weir)) == 2)
        yield weir


def everywhere(weir: Weir) -> None:
    """Wait until every edge decides by the newest revision."""

    def taken() -> bool:
        stats = weir.call("routing.stats")
        return {edge["revision"] for edge in stats["edges"]} == {stats["revision"]}

    wait_for("the newest revision on both edges", taken)


def campaign(weir: Weir, slug: str, *streams: dict[str, Any], **more: object) -> list[int]:
    """A campaign of streams, each with a destination of its own named by its index."""
    made = weir.call("campaigns.create", {"name": slug, "slug": slug, **more})
    numbers = []
    for index, stream in enumerate(streams):
        url = f"https://t{index}.example/"
        target = weir.call("destinations.create", {"name": f"{slug} {index}", "url": url})
        wanted = {"campaign_id": made["id"], "position": index, "targets": [{"destination_id": target["id"]}]}
        numbers.append(weir.call("streams.create", {**wanted, **stream})["id"])
    everywhere(weir)
    return numbers


def taken_by(weir: Weir, slug: str, query: str = "", **headers: str) -> set[int]:
    """Which streams the edges send the same visitor to."""
    found = set()
    for _ in range(MORE):
        status, answer, _ = get(f"{weir.public}/c/{slug}?{query}", **headers)
        assert status == 302
        found.add(int(answer["location"].removeprefix("https://t").partition(".")[0]))
    return found


def test_rules_of_every_kind_decide_clicks(weir: Weir) -> None:
    phones = {"fact": "user_agent", "operator": "regex", "value": "(?i)nokia[0-9]+"}
    here = {"fact": "ip", "operator": "cidr", "value": ["127.0.0.0/8", "::1"]}
    app = {"fact": "header.X-App", "operator": "mask", "value": ["shop/*", "*game*"]}
    closed = {"schedule": {"first": "2099-01-01"}}
    campaign(
        weir, "rules",
        {"rules": [{"param": "kind", "operator": "eq", "value": "a"}, here, phones]},
        {"rules": [{"any": [app, {"all": [phones, {**here, "negate": True}]}]}]},
        {"rules": [closed]},
        {"rules": [{**here, "negate": True}]},
        {"rules": [{"fact": "sub2", "operator": "in", "value": ["x", "y"]}], "kind": "forced"},
        {"kind": "default"},
    )  # fmt: skip
    nokia = {"User-Agent": "Nokia3310 (plays snake)"}
    assert taken_by(weir, "rules", "kind=a", **nokia) == {0}
    assert taken_by(weir, "rules", "kind=b", **nokia) == {5}
    assert taken_by(weir, "rules", "kind=a") == {5}
    assert taken_by(weir, "rules", **{"X-App": "shop/2.1"}) == {1}
    assert taken_by(weir, "rules", **{"X-App": "workshop/2.1"}) == {5}
    assert taken_by(weir, "rules", "sub2=y&kind=a", **nokia) == {4}


def test_streams_are_drawn_by_weight(weir: Weir) -> None:
    campaign(weir, "drawn", {"weight": 50}, {"weight": 50}, {"weight": 0}, rotation="weight")
    found: set[int] = set()
    for _ in range(5):
        found |= taken_by(weir, "drawn")
    assert found == {0, 1}


def test_a_named_list_decides_on_every_edge_and_outlives_them(weir: Weir) -> None:
    publishers = weir.call("lists.create", {"name": "Bad publishers"})["id"]
    agents = weir.call("lists.create", {"name": "Robots", "of": "mask"})["id"]
    offices = weir.call("lists.create", {"name": "Offices", "of": "address"})["id"]
    weir.call("lists.append", {"id": agents, "text": "*crawler*\n*spider*"})
    uploads = [
        weir.call(
            "lists.upload", {"id": publishers, "text": "\n".join(f"pub-{n}" for n in range(at, at + 20_000))}
        )
        for at in range(0, 60_000, 20_000)
    ]
    filled = weir.call("lists.replace", {"id": publishers, "uploads": [each["digest"] for each in uploads]})
    assert filled["entries"] == 60_000
    campaign(
        weir, "listed",
        {"rules": [{"param": "pub", "operator": "in_list", "list_id": publishers}]},
        {"rules": [{"fact": "user_agent", "operator": "in_list", "list_id": agents}]},
        {"rules": [{"fact": "ip", "operator": "in_list", "list_id": offices}]},
        {"kind": "default"},
    )  # fmt: skip

    def verdicts() -> list[set[int]]:
        return [
            taken_by(weir, "listed", "pub=pub-59999"),
            taken_by(weir, "listed", "pub=pub-60000"),
            taken_by(weir, "listed", **{"User-Agent": "a spider is here"}),
        ]

    assert verdicts() == [{0}, {3}, {1}]
    weir.call("lists.append", {"id": offices, "text": "127.0.0.0/8\n::1"})
    everywhere(weir)
    assert taken_by(weir, "listed", "pub=pub-60000") == {2}
    weir.call("lists.remove", {"id": offices, "text": "127.0.0.0/8\n::1"})
    everywhere(weir)
    # What an edge has on disk is enough for the next one: also for its lists.
    old = {edge["report"]["pid"] for edge in linked(weir)}
    for pid in old:
        os.kill(pid, signal.SIGKILL)
    wait_for(
        "both edges again",
        lambda: len({e["report"]["pid"] for e in linked(weir)} - old) == 2,
    )
    assert verdicts() == [{0}, {3}, {1}]
    assert weir.call("lists.check", {"id": publishers, "value": "pub-7"}) == {"held": True}
    files = os.listdir(weir.data / "lists")
    assert not [name for name in files if not name.isalnum()]

    # One whose entries are gone is named, though edges that have it open decide with it.
    gone = weir.call("lists.get", {"id": agents})
    (weir.data / "lists" / gone["digest"]).unlink()
    why = f"list {agents}: the file of its entries is gone; replace them"
    wait_for("a word about it", lambda: why in weir.call("system.status")["degraded"])
