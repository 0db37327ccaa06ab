"""Who a visitor is, by the real executable: the platform is told, and nothing on the disk has it in clear."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from appliance.stores.identity_keys import FOLDER
from tests.journeys.board import Board, running
from tests.journeys.reporting import send
from tests.platforms.account import Account, counts
from tests.platforms.meta_process import MetaProcess
from tests.rig import wait_for

ADDRESS, AGENT = "198.51.100.77", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
EMAIL, PHONE = "Journey.Buyer@Example.com", "+1 650 555 9911"
FBP, FBC = "fb.1.1596403881668.1116446479", "fb.1.1554763741205.IwAR-page"
MEMBER = "member-4711-of-the-shop"
TOKEN = "EAAB-token-of-the-identity-journey"
SECRETS = (ADDRESS, EMAIL, EMAIL.lower(), PHONE, FBP, FBC, MEMBER)
LIVE = {"WEIR_OUTBOUND__ALLOW": "127.0.0.0/8", "WEIR_ROUTING__CURRENCY": "USD"}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("identity")


@pytest.fixture(scope="module")
def meta(home: Path) -> Iterator[MetaProcess]:
    with MetaProcess(home / "meta", token=TOKEN, keep=True) as found:
        yield found


@pytest.fixture(scope="module")
def board(home: Path) -> Iterator[Board]:
    with running(home, **LIVE) as found:
        found.call("networks.create", name="Shop", slug="shop")
        found.settle()
        yield found


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def told_of(meta: MetaProcess, order: str) -> dict[str, Any]:
    """Whom Meta was told that an order is of, once it was."""

    def look() -> dict[str, Any] | None:
        documents = [event for line in meta.heard() for event in line["documents"]]
        found = [event for event in documents if event.get("custom_data", {}).get("order_id") == order]
        return found[0]["user_data"] if found else None

    who: dict[str, Any] = wait_for(f"{order} is told", look)
    return who


def bought(board: Board, click: str, order: str, **said: str) -> None:
    fields = {"click_id": click, "transaction_id": order, "payout": "10", "status": "sale", **said}
    assert board.visit(f"/pb/shop?{urlencode(fields)}").status == 200


def on_disk(data: Path) -> list[str]:
    """Files of Weir's, its log too, in which something stands that nobody but the platform may read."""
    files = [path for path in data.rglob("*") if path.is_file()]
    files += list(data.parent.glob("data.log*"))
    found = []
    for path in files:
        held = path.read_bytes()
        found += [f"{path.name}: {secret}" for secret in SECRETS if secret.encode() in held]
    return found


def test_the_platform_knows_who_bought_and_the_disk_does_not(board: Board, meta: MetaProcess) -> None:
    account = Account(board, meta.url, token=TOKEN)
    slug = board.campaign({"to": [board.name("offer")]})
    arrived = board.visit(
        f"/c/{slug}?fbclid=IwAR-1&consent=granted", address=ADDRESS, agent=AGENT, Cookie=f"_fbp={FBP}; a=b"
    )
    bought(board, arrived.query["c"], "order-1", em=EMAIL, ph=PHONE)
    who = told_of(meta, "order-1")
    assert (who["client_ip_address"], who["client_user_agent"], who["fbp"]) == (ADDRESS, AGENT, FBP)
    assert who["fbc"].endswith(".IwAR-1")
    assert who["em"] == [digest(EMAIL.lower())] and who["ph"] == [digest("16505559911")]

    # A page with the script, and the conversion of the click that comes out of it.
    page = board.destination(board.name("page"), exits=[[{"destination_id": board.destination("out")}]])
    made = board.call("campaigns.create", name="landing", slug="landing-of-identity")
    board.call("streams.create", name="s", campaign_id=made["id"], targets=[{"destination_id": page}])
    board.settle()
    body = {
        "c": "landing-of-identity", "page": "https://land.example/?fbclid=IwAR-page&consent=granted",
        "fbp": FBP, "fbc": FBC, "external_id": MEMBER, "consent": "granted",
    }  # fmt: skip
    headers = {"User_Agent": AGENT, "X_Forwarded_For": ADDRESS, "Content_Type": "text/plain"}
    tracked = json.loads(send(board, "/api/track", "POST", json.dumps(body).encode(), **headers).body)
    out = board.visit(f"/lp/{tracked['lp_token']}/1", address=ADDRESS, agent=AGENT)
    bought(board, out.query["c"], "order-2")
    who = told_of(meta, "order-2")
    assert (who["client_ip_address"], who["fbp"], who["fbc"]) == (ADDRESS, FBP, FBC)
    assert who["external_id"] == [digest(MEMBER)]
    wait_for("both are told", lambda: counts(board.weir.data, account.target)["delivered"] == 2)

    postbacks = board.call("postbacks.list", limit=50)["items"]
    shown = json.dumps([postbacks, board.call("clicks.list", limit=50), board.call("conversions.list")])
    for item in board.call("deliveries.list", targets=[account.target])["items"]:
        shown += json.dumps(board.call("deliveries.get", id=item["id"]))
    assert not [secret for secret in SECRETS if secret in shown]
    board.shipped()
    assert on_disk(board.weir.data) == []
    keys = sorted(path.name for path in (board.weir.data / FOLDER).iterdir())
    assert len(keys) == 2 or len(keys) == 3, "today's and tomorrow's; three when midnight passed"


def test_without_its_key_nobody_is_told_who_it_was(board: Board, meta: MetaProcess) -> None:
    """The key is destroyed as the janitor does it; a click that was sealed under it is reported without."""
    Account(board, meta.url, token=TOKEN)
    slug = board.campaign({"to": [board.name("offer")]})
    arrived = board.visit(f"/c/{slug}?fbclid=IwAR-3&consent=granted", address=ADDRESS, agent=AGENT)
    board.click(arrived)
    board.weir.stop()
    for path in (board.weir.data / FOLDER).iterdir():
        path.unlink()
    with running(board.weir.data.parent, **LIVE) as again:
        bought(again, arrived.query["c"], "order-3", em=EMAIL)
        who = told_of(meta, "order-3")
        assert "client_ip_address" not in who and "client_user_agent" not in who
        assert who["fbc"].endswith(".IwAR-3") and who["em"] == [digest(EMAIL.lower())]


def test_without_a_place_for_keys_clicks_go_on_and_somebody_is_told(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / FOLDER).write_text("a file where the folder should be")
    with running(tmp_path, **LIVE) as board:
        slug = board.campaign({"to": [board.name("offer")]})
        arrived = board.visit(f"/c/{slug}?fbclid=IwAR-4", address=ADDRESS, agent=AGENT)
        assert arrived.status == 302 and board.click(arrived)["id"] == arrived.query["c"]

        def said() -> bool:
            status = board.call("system.status")
            edge = status["edges"][0]["report"]
            return edge["unsealed"] == 1 and any("no key for identities" in it for it in status["degraded"])

        wait_for("the status says so", said)
        assert on_disk(tmp_path / "data") == []
