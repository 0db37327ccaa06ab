"""What tests of postbacks share: networks, clicks, what is reported of them, and what that became."""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from tests.journeys.board import Board
from tests.rig import wait_for
from tests.wire import Answer, address_of, exchange

JSON = {"Content-Type": "application/json"}


def network(board: Board, **fields: Any) -> tuple[str, int]:
    """A network of its own for a test: slug and number, known at the edge."""
    slug = board.name("net-")
    made = board.call("networks.create", name=slug, slug=slug, **fields)
    board.settle()
    return slug, int(made["id"])


def click(board: Board, **query: str) -> str:
    """Somebody's click on a campaign of its own; its id."""
    slug = board.campaign({"to": ["offer"]})
    return board.visit(f"/c/{slug}?{urlencode(query)}").query["c"]


def send(board: Board, path: str, method: str = "GET", body: bytes = b"", **headers: str) -> Answer:
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    return exchange(address_of(board.public), path, method, sent, body)


def report(board: Board, slug: str, **fields: str) -> str:
    """A postback in the URL, taken; its id."""
    taken = send(board, f"/pb/{slug}?{urlencode(fields)}")
    words = taken.body.split()
    assert (taken.status, words[0]) == (200, b"OK")
    return words[1].decode()


def revisions(board: Board, **which: Any) -> list[dict[str, Any]]:
    """What the conversion log has, oldest first."""
    items: list[dict[str, Any]] = board.call("conversions.list", limit=200, **which)["items"]
    return sorted(items, key=lambda item: (item["id"], item["revision"]))


def money(shown: float | str | None) -> Decimal:
    return Decimal(str(shown or 0))


def converted(board: Board, number: int, transaction: str, revision: int = 1) -> dict[str, Any]:
    """The newest revision of a transaction's conversion, once there are so many; its figures added up."""

    def look() -> list[dict[str, Any]] | None:
        found = revisions(board, network_id=number, transaction_id=transaction)
        return found if found and found[-1]["revision"] >= revision else None

    found = wait_for(f"revision {revision} of {transaction}", look)
    assert len({item["id"] for item in found}) == 1
    return {
        **found[-1],
        "count": sum(item["count"] for item in found),
        "revenue": sum(money(item["revenue"]) for item in found),
        "hold": sum(money(item["hold"]) for item in found),
    }


def outcome(board: Board, postback: str, *, of: tuple[str, ...] = ()) -> dict[str, Any]:
    """What became of a postback: the newest entry of its log that is one `of` these outcomes, if given."""

    def look() -> dict[str, Any] | None:
        items = board.call("postbacks.list", id=postback, stage="processed")["items"]
        return next((item for item in items if not of or item["outcome"] in of), None)

    found: dict[str, Any] = wait_for(f"an outcome of {postback}", look)
    return found
