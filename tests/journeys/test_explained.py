"""The real executable: a click on a real socket is explained, tried out and replayed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.journeys.test_catalog_and_doors import get
from tests.journeys.test_rules_and_lists import campaign, everywhere
from tests.rig import Weir, start_weir, wait_for

pytestmark = pytest.mark.slow
AGENT = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) Mobile/15E148 Safari/604.1"


def newest(weir: Weir, query: str) -> str:
    """The id of the click with this query, once it has arrived."""
    found: list[Any] = []

    def arrived() -> bool:
        items = weir.call("clicks.list", {"limit": 50})["items"]
        found[:] = [item["id"] for item in items if item["query"] == query]
        return bool(found)

    wait_for("the click in the warehouse", arrived)
    return str(found[0])


def test_a_click_is_explained_whatever_changed_since(tmp_path: Path) -> None:
    with start_weir(tmp_path / "data", "--edges", "1") as weir:
        phones = {"rules": [{"fact": "device_type", "operator": "eq", "value": "mobile"}]}
        [first, _] = campaign(weir, "why", phones, {})
        status, headers, _ = get(f"{weir.public}/c/why?n=1", **{"User-Agent": AGENT})
        assert (status, headers["location"]) == (302, "https://t0.example/")
        told = weir.call("routing.explain", {"click_id": newest(weir, "n=1")})
        assert told["exact"] and told["url_proven"] and told["trace"]["stream_id"] == first
        assert told["trace"]["streams"][0]["rules"][0]["given"] == "mobile"

        tried = weir.call("routing.simulate", {"url": "/c/why", "user_agent": AGENT})
        assert (tried["traces"][0]["stream_id"], tried["traces"][0]["url"]) == (first, "https://t0.example/")
        steps = [{"kind": "stream", "id": first, "values": {"status": "paused"}}]
        moved = weir.call("routing.replay", {"clicks": 10, "changes": steps})
        assert (moved["clicks"], moved["moved"], moved["moves"][0]["after"]["stream_id"]) == (1, 1, first + 1)

        weir.call("streams.archive", {"id": first})
        everywhere(weir)
        again = weir.call("routing.explain", {"click_id": newest(weir, "n=1")})
        assert again == told
