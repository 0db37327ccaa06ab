"""Accounts at an ad platform by the real executable: the vault, pixels, what a conversion becomes at Meta."""

from __future__ import annotations

import hashlib
import json
import secrets
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from appliance.operations import registry
from appliance.operations.routes import route_of
from tests.journeys.board import BROWSER, Board, running
from tests.platforms.account import Account, counts
from tests.platforms.meta_process import MetaProcess
from tests.platforms.ways import document, encode
from tests.rig import wait_for

LIVE = {"WEIR_OUTBOUND__ALLOW": "127.0.0.0/8", "WEIR_ROUTING__CURRENCY": "USD"}
OPERATIONS = registry.load_all()
TOKEN = "EAAB-journey-token-that-nobody-sees"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("accounts")


@pytest.fixture(scope="module")
def meta(home: Path) -> Iterator[MetaProcess]:
    with MetaProcess(home / "meta", token=TOKEN, keep=True) as found:
        yield found


@pytest.fixture(scope="module")
def board(home: Path) -> Iterator[Board]:
    with running(home, **LIVE) as found:
        found.call("networks.create", name="Network", slug="network")
        found.settle()
        yield found


def convert(board: Board, slug: str, query: str, transaction: str, **params: str) -> str:
    """A click with this query and its postback; the click's id."""
    click = board.visit(f"/c/{slug}?{query}", address="198.51.100.23").query["c"]
    postback(board, click, transaction, **params)
    return click


def postback(board: Board, click: str, transaction: str, **params: str) -> None:
    sent = {"click_id": click, "transaction_id": transaction, "payout": "12.50", "status": "sale", **params}
    taken = board.visit("/pb/network?" + "&".join(f"{name}={value}" for name, value in sent.items()))
    assert taken.status == 200


def purchases(meta: MetaProcess, order: str) -> list[dict[str, Any]]:
    """Every document that Meta took of one order."""
    found = [event for line in meta.heard() for event in line["documents"]]
    return [event for event in found if event.get("custom_data", {}).get("order_id") == order]


def test_a_sale_is_one_purchase_with_who_it_was(board: Board, meta: MetaProcess) -> None:
    account = Account(board, meta.url, token=TOKEN)
    slug = board.campaign({"to": [board.name("offer")]})
    click = convert(board, slug, "fbclid=IwAR-CaseSensitive_1&consent=granted", "order-1")
    wait_for("it is told", lambda: counts(board.weir.data, account.target)["delivered"] == 1)
    (event,) = purchases(meta, "order-1")
    assert event["event_name"] == "Purchase"
    assert (event["custom_data"]["value"], event["custom_data"]["currency"]) == (12.5, "USD")
    who = event["user_data"]
    assert who["client_ip_address"] == "198.51.100.23"
    assert who["client_user_agent"] == BROWSER
    assert who["fbc"].startswith("fb.1.") and who["fbc"].endswith(".IwAR-CaseSensitive_1")
    assert "opt_out" not in event
    assert who["country"] == [hashlib.sha256(b"fr").hexdigest()]

    # A correction, a repetition and a change of status are told to nobody.
    for later in ({"payout": "20.00"}, {"payout": "20.00"}, {"status": "rejected"}, {"status": "sale"}):
        postback(board, click, "order-1", **later)
    other = convert(board, slug, "fbclid=IwAR-2&consent=granted", "order-2")
    wait_for("the next is told", lambda: counts(board.weir.data, account.target)["delivered"] == 2)
    assert len(purchases(meta, "order-1")) == 1
    assert other

    # Nothing of a click that another platform brought.
    convert(board, slug, "ttclid=E.C.P.1", "order-3")
    convert(board, slug, "fbclid=IwAR-4", "order-4")
    wait_for("the next is told", lambda: counts(board.weir.data, account.target)["delivered"] == 3)
    assert purchases(meta, "order-3") == []
    # France has not been asked: for counting, not for advertising.
    (limited,) = purchases(meta, "order-4")
    assert limited["opt_out"] is True and limited["data_processing_options"] == ["LDU"]
    board.call("ad_accounts.change", id=account.id, status="paused")


def test_in_a_dry_run_everything_is_made_and_nothing_is_sent(board: Board, meta: MetaProcess) -> None:
    account = Account(board, meta.url, token=TOKEN, dry_run=True)
    slug = board.campaign({"to": [board.name("offer")]})
    convert(board, slug, "fbclid=IwAR-dry", "order-dry")
    wait_for("it is made", lambda: counts(board.weir.data, account.target)["cancelled"] == 1)
    (item,) = board.call("deliveries.list", targets=[account.target])["items"]
    (attempt,) = board.call("deliveries.get", id=item["id"])["attempts"]
    assert "dry run" in attempt["error"]
    assert "198.51.100.23" not in attempt["request"] and "client_ip_address" in attempt["request"]
    assert purchases(meta, "order-dry") == []
    board.call("pixels.archive", id=account.pixel)


def test_a_conversion_is_previewed_masked(board: Board, meta: MetaProcess) -> None:
    account = Account(board, meta.url, token=TOKEN, dry_run=True)
    slug = board.campaign({"to": [board.name("offer")]})
    convert(board, slug, "fbclid=IwAR-seen", "order-seen")
    conversion = board.record("conversions.list", lambda row: row["transaction_id"] == "order-seen")["id"]
    asked = len(meta.heard())

    def shown() -> dict[str, Any] | None:
        found: dict[str, Any] = board.call("pixels.preview", id=account.pixel, conversion_id=conversion)
        return found if "client_ip_address" in found["events"][0]["identifiers"] else None

    found = wait_for("its visitor is in the warehouse", shown)
    (event,) = found["events"]
    assert found["told"] and found["request"] == event["request"]
    assert (event["event_name"], event["value"], event["label"]) == ("Purchase", 12_500_000, "")
    assert "198.51.100.23" not in found["request"] and BROWSER not in found["request"]
    draft = {"mapping": [{"event_name": "Sale", "statuses": ["sale"], "custom": {"n": "{transaction_id}"}}]}
    drafted = board.call("pixels.preview", id=account.pixel, conversion_id=conversion, values=draft)
    assert drafted["events"][0]["event_name"] == "Sale" and '"n": "order-seen"' in drafted["request"]
    other = board.call(
        "pixels.preview", id=account.pixel, conversion_id=conversion, values={"statuses": ["lead"]}
    )
    assert not other["told"] and "is sale" in other["why"] and other["events"] == []
    assert len(meta.heard()) == asked
    board.call("pixels.archive", id=account.pixel)


def test_the_button(board: Board, meta: MetaProcess) -> None:
    account = Account(board, meta.url, token=TOKEN, dry_run=True)
    before = meta.figures()
    found = board.call("ad_accounts.test", id=account.id)
    assert found["ok"] and found["sent"] and found["status"] == 400, found
    assert "nothing was counted" in found["reason"] and not found["warning"], found
    assert (meta.heard()[-1]["verdict"], meta.heard()[-1]["subcode"]) == ("refused", 2804003)
    assert (meta.figures().counted, meta.figures().tests) == (before.counted, before.tests)
    # With the operator's own code it is among Meta's test events, and counted like any other.
    found = board.call("ad_accounts.test", id=account.id, test_code="TEST12345")
    assert found["ok"] and found["status"] == 200 and "counts" in found["warning"], found
    after = meta.figures()
    assert after.tests.total() == before.tests.total() + 1
    assert after.counted.total() == before.counted.total() + 1
    board.call("ad_accounts.change", id=account.id, token="another")
    found = board.call("ad_accounts.test", id=account.id)
    assert not found["ok"] and found["label"] == "Token or permission refused", found
    assert "another" not in str(found)
    board.call("ad_accounts.change", id=account.id, token="")
    found = board.call("ad_accounts.test", id=account.id)
    assert (found["ok"], found["sent"], found["reason"]) == (False, False, "it has no token")
    taboola = board.call("ad_accounts.create", name="T", platform="taboola")
    board.call("pixels.create", ad_account_id=taboola["id"], code="acc")
    assert "nobody" in board.call("ad_accounts.test", id=taboola["id"])["reason"]
    empty = board.call("ad_accounts.create", name="E", platform="meta", token="t")
    with pytest.raises(AssertionError, match="it has no pixel yet"):
        board.call("ad_accounts.test", id=empty["id"])
    board.call("pixels.archive", id=account.pixel)


def test_nobody_is_shown_a_secret_and_none_lies_in_the_data(board: Board, home: Path) -> None:
    token, secret = f"tok-{secrets.token_hex(12)}", f"app-{secrets.token_hex(12)}"
    made = board.call(
        "ad_accounts.create", name="Vault", platform="meta", token=token,
        settings={"app_secret": secret, "api_version": "v25.0"},
    )  # fmt: skip
    assert made["token"] == "********"
    assert made["settings"] == {"app_secret": "********", "api_version": "v25.0"}
    # Masks that come back leave what they stand for, whatever else changes.
    kept = board.call(
        "ad_accounts.change", id=made["id"], revision=made["revision"], token=made["token"], name="Vault 2",
        settings={**made["settings"], "api_version": "v26.0"},
    )  # fmt: skip
    assert kept["settings"] == {"app_secret": "********", "api_version": "v26.0"}
    # Pasted into the mask, at its end or in the middle of it, it would be stored with it.
    for pasted in ("********EAAB", "EAAB********", "*****EAAB***"):
        with pytest.raises(AssertionError, match="'token', 'message': 'the secret itself"):
            board.call("ad_accounts.change", id=made["id"], token=pasted)
        with pytest.raises(AssertionError, match=r"settings\.app_secret', 'message': 'the secret"):
            board.call("ad_accounts.change", id=made["id"], settings={"app_secret": pasted})
    renewed = board.call("ad_accounts.renew_intake_token", id=made["id"])
    intake = renewed["intake_token"]
    seen = [
        board.call("ad_accounts.get", id=made["id"]),
        board.call("ad_accounts.list"),
        board.call("history.list", kind="ad_account", id=made["id"]),
        board.call("history.compare", **{"from": 0}),
        board.call("catalog.history", limit=200),
        board.call("catalog.at", revision=renewed["revision"], kind="ad_account"),
    ]
    for text in map(str, seen):
        assert not any(
            each in text for each in (token, secret, intake, hashlib.sha256(intake.encode()).hexdigest())
        )
    for path in (*(home / "data").glob("*.db*"), home / "data.log"):
        raw = path.read_bytes()
        assert not any(each.encode() in raw for each in (token, secret, intake)), path
    # The way back brings the token back, and no intake token that was given up.
    board.call("ad_accounts.renew_intake_token", id=made["id"])
    before = board.call("ad_accounts.get", id=made["id"])
    board.call("history.restore", kind="ad_account", id=made["id"], revision=renewed["revision"])
    after = board.call("ad_accounts.get", id=made["id"])
    assert (after["intake_hint"], after["token"]) == (before["intake_hint"], "********")
    assert board.call("ad_accounts.close_intake", id=made["id"])["intake_hint"] == ""


@pytest.mark.parametrize(
    ("operation", "payload", "path"),
    [
        ("ad_accounts.create", {"name": "x", "platform": "meta", "token": "********"}, "token"),
        ("ad_accounts.create", {"name": "x", "platform": "meta", "token": "two words"}, "token"),
        ("ad_accounts.create", {"name": "x", "platform": "nowhere"}, "platform"),
        ("ad_accounts.create", {"name": "x", "platform": "meta", "dry_run": False}, "token"),
        ("ad_accounts.create", {"name": "x", "platform": "google", "dry_run": False, "token": "t"},
         "settings.customer_id"),
        ("ad_accounts.create", {"name": "x", "platform": "meta", "settings": {"color": "red"}},
         "settings.color"),
        ("pixels.create", {"ad_account_id": 4_000, "code": "px"}, "ad_account_id"),
        ("subscriptions.create", {"campaign_id": " "}, "campaign_id"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_field_by_field(
    board: Board, operation: str, payload: dict[str, Any], path: str
) -> None:
    with pytest.raises(AssertionError, match=path.replace(".", r"\.")):
        board.call(operation, **payload)


@pytest.mark.slow
def test_another_secret_of_the_installation(tmp_path: Path) -> None:
    with MetaProcess(tmp_path / "meta", token=TOKEN) as meta:
        with running(tmp_path, **LIVE) as board:
            account = Account(board, meta.url, token=TOKEN)
        path = tmp_path / "data" / "secret"
        old = path.read_text()
        path.write_text(secrets.token_hex(32))
        with running(tmp_path, **LIVE) as board:
            # The account waits, and says what to do.
            (shown,) = board.call("ad_accounts.standings")["items"]
            assert shown["state"] == "held" and "secret_file" in shown["reason"]
            # With something queued that is worth an alert: it expires like that of a dead token.
            account.board = board
            account.subscribe()
            account.send([encode(document(7_000, time.time_ns() // 1_000))])

            def alert() -> Any:
                items = board.call("alerts.list", state="open", kind="token_dead")["items"]
                return items and "1 event worth 1.25 USD" in items[0]["text"] and items[0]["text"]

            assert "cannot report: ad_account.token was sealed with the key" in wait_for("an alert", alert)
            found = board.call("ad_accounts.test", id=account.id)
            assert not found["ok"] and "secret_file" in found["reason"]
            with pytest.raises(AssertionError, match="enter the value again"):
                board.call("ad_accounts.reseal")
        path.with_name("secret.old").write_text(old)
        with running(tmp_path, **LIVE) as board:
            assert board.call("ad_accounts.test", id=account.id)["ok"]
            assert board.call("ad_accounts.reseal")["accounts"] == [account.id]
            assert board.call("ad_accounts.reseal")["accounts"] == []
        path.with_name("secret.old").unlink()
        with running(tmp_path, **LIVE) as board:
            assert board.call("ad_accounts.test", id=account.id)["ok"]


def test_whoever_sees_no_money_sees_none_of_what_platforms_are_told(board: Board, meta: MetaProcess) -> None:
    account = Account(board, meta.url, token=TOKEN, code=board.name("px-"), dry_run=True)
    slug = board.campaign({"to": [board.name("offer")]})
    convert(board, slug, "fbclid=IwAR-money", "order-money", payout="7654.25")
    conversion = board.record("conversions.list", lambda row: row["transaction_id"] == "order-money")["id"]
    account.subscribe()
    code = board.call("pixels.get", id=account.pixel)["code"]
    told = document(4_000, time.time_ns() // 1_000, pixel_id=code, revenue=7654.25)
    assert board.call("events.import", text=json.dumps([told]))["reports"] == 1
    row = board.record("events.list", lambda row: row["session_id"] == told["session_id"])
    wait_for("both are made", lambda: counts(board.weir.data, account.target)["cancelled"] >= 2)
    board.call("ad_accounts.change", id=account.id, status="paused", dry_run=False)
    convert(board, slug, "fbclid=IwAR-risk", "order-risk", payout="7654.25")
    wait_for("one waits", lambda: counts(board.weir.data, account.target)["pending"] == 1)

    def at_risk(found: dict[str, Any]) -> Any:
        return next(each["at_risk"] for each in found["items"] if each["account_id"] == account.id)

    wait_for("it is at risk", lambda: at_risk(board.call("ad_accounts.standings")) == {"USD": 7_654_250_000})
    asked: list[tuple[str, dict[str, Any]]] = [
        ("ad_accounts.standings", {}),
        ("ad_accounts.resume", {"id": account.id}),
        ("events.get", {"id": row["id"]}),
        ("pixels.preview", {"id": account.pixel, "conversion_id": conversion}),
    ]
    rich = [board.call(name, **payload) for name, payload in asked]
    assert all("7654" in str(answer) for answer in rich), rich
    claim = {"token": (board.weir.data / "claim").read_text().strip(), "email": "ann@example.com"}
    with httpx.Client(base_url=board.weir.admin, trust_env=False) as http:
        grant = http.post("/api/session/claim", json=claim).json()
        board.call("users.change", id=grant["user"]["id"], sees_money=False)
        bearer = {"Authorization": f"Bearer {grant['token']}"}
        poor = []
        for name, payload in asked:
            way = route_of(OPERATIONS[name])
            rest = {field: value for field, value in payload.items() if field != way.path_field}
            path = way.path.format(**payload)
            poor.append(http.request(way.method, path, headers=bearer, json=rest or None).json())
    for (name, _), answer in zip(asked, poor, strict=True):
        assert "7654" not in str(answer), (name, json.dumps(answer))
    standings, resumed, whole, preview = poor
    assert at_risk(standings) == {} and resumed["at_risk"] == {}
    assert whole["revisions"][0]["revenue"] is None and whole["revisions"][0]["conversions"] == 1
    assert [each["request"] for each in whole["deliveries"][0]["attempts"]] == [""]
    assert [(each["event_name"], each["value"], each["request"]) for each in preview["events"]] == [
        ("Purchase", None, "")
    ]
    assert preview["told"] and preview["request"] == ""
    board.call("pixels.archive", id=account.pixel)


def test_a_folder_of_feeds_that_cannot_be_written_is_named(board: Board, home: Path) -> None:
    folder = home / "data" / "feeds"
    folder.mkdir(exist_ok=True)
    aside = folder.rename(home / "aside")
    folder.write_text("no folder")

    def named() -> bool:
        return any("feeds: a feed cannot be" in each for each in board.call("system.status")["degraded"])

    board.call("networks.change", id=1, name="Network 1")  # so that they are looked at
    wait_for("it is named", named)
    folder.unlink()
    aside.rename(folder)
    board.call("networks.change", id=1, name="Network")
    wait_for("all is well", lambda: not named())


def test_google_fetches_what_it_is_told(board: Board) -> None:
    made = board.call("ad_accounts.create", name="Google", platform="google")
    pixel = board.call(
        "pixels.create", ad_account_id=made["id"], code="123", mapping=[{"event_name": "Sale"}]
    )
    first = board.call("ad_accounts.renew_feed", id=made["id"])
    address = board.call("ad_accounts.renew_feed", id=made["id"])["url"]
    board.call("ad_accounts.change", id=made["id"], dry_run=False)
    slug = board.campaign({"to": [board.name("offer")]})
    convert(board, slug, "gclid=Cj0K-Case_1&consent=granted", "order-g")
    path = address.removeprefix(board.public)
    assert path.startswith("/feeds/weir_"), address

    def listed() -> str | None:
        answer = board.visit(path)
        return answer.body if answer.status == 200 and "order-g" in answer.body else None

    text = wait_for("the sale is in the file", listed)
    assert text.splitlines()[0] == "Parameters:TimeZone=+0000"
    assert text.splitlines()[2].startswith("Cj0K-Case_1,Sale,") and text.endswith(
        ",12.5,USD,order-g,Granted,Granted\n"
    )
    assert board.visit(path, agent="Google").headers["content-type"].startswith("text/csv")
    assert board.visit(first["url"].removeprefix(board.public)).status == 404
    assert board.visit(path[:-9] + "wrong.csv").status == 404
    assert address.rpartition("/")[2].removesuffix(".csv") not in str(board.call("history.list"))
    board.call("ad_accounts.close_feed", id=made["id"])
    wait_for("the file is gone", lambda: board.visit(path).status == 404)
    board.call("pixels.archive", id=pixel["id"])
