"""The catalog of the click figure: 200 campaigns × 5 streams × 5 rules, two destinations each."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from appliance import unix

CAMPAIGNS, STREAMS = 200, 5
# Passes the rules of the third of five streams: two streams fail first, as in real campaigns.
QUERY = "sub1=p45&sub2=zone7&utm_source=push&country=US&cost=0.012&clickid=abc-123-def"


class Calls:
    """Many operations over one connection of the call door: `weir call` would start 1,400 processes."""

    def __init__(self, data: Path) -> None:
        self._sock: socket.socket = unix.connect(data / "run" / "call.sock", timeout=60)
        self._file = self._sock.makefile("rwb")

    def __call__(self, name: str, payload: Mapping[str, Any]) -> Any:
        self._file.write(json.dumps({"name": name, "payload": payload}).encode() + b"\n")
        self._file.flush()
        answer = json.loads(self._file.readline())
        if "error" in answer:
            raise RuntimeError(f"{name}: {answer['error']}")
        return answer.get("result", answer)

    def close(self) -> None:
        self._file.close()
        self._sock.close()


def rules(position: int) -> Iterator[dict[str, Any]]:
    publishers = [f"p{n}" for n in range(position * 20, position * 20 + 20)]
    yield {"param": "sub1", "operator": "in", "value": publishers}
    yield {"param": "sub2", "operator": "neq", "value": "blocked"}
    yield {"param": "utm_source", "operator": "exists"}
    yield {"param": "country", "operator": "in", "value": ["US", "CA", "GB"]}
    yield {"param": "cost", "operator": "lt", "value": "2.5"}


def fill(data: Path) -> None:
    """Create it through the operations, as an operator would."""
    calls = Calls(data)
    try:
        offers = [
            calls("destinations.create", {
                "name": f"Offer {n}",
                "url": f"https://offer{n}.example/land?cid={{click_id}}&s={{sub1}}&src={{utm_source}}",
            })["id"]
            for n in range(20)
        ]  # fmt: skip
        for number in range(CAMPAIGNS):
            made = calls("campaigns.create", {"name": f"Campaign {number}", "slug": f"b{number}"})
            pair = (offers[number % 20], offers[(number + 7) % 20])
            for position in range(STREAMS):
                calls("streams.create", {
                    "campaign_id": made["id"], "name": f"Stream {position}", "position": position,
                    "rules": list(rules(position)),
                    "targets": [{"destination_id": pair[0], "weight": 60},
                                {"destination_id": pair[1], "weight": 40}],
                })  # fmt: skip
    finally:
        calls.close()
