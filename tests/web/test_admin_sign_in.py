"""Signing in over real sockets: the claim, codes, cookies, tokens, and what thieves and other sites get."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest
import trio
import trio_websocket

from appliance.config import Admin
from appliance.http.admin.app import create_app
from appliance.http.admin.gate import Rules
from appliance.http.admin.server import AdminServer, listen
from tests.doors import Doors, open_doors

ANN, BOB = "ann@example.com", "bob@example.com"
OTHER = "https://app.example.com"


class Port:
    """The admin port, and browsers that come to it."""

    def __init__(self, doors: Doors, port: int) -> None:
        self.doors, self.origin = doors, f"http://127.0.0.1:{port}"

    def browser(self, **headers: str) -> httpx.AsyncClient:
        """Keeps cookies, and says where its requests come from, as our own page's do."""
        own = {"Origin": self.origin, "Sec-Fetch-Site": "same-origin"}
        return httpx.AsyncClient(base_url=self.origin, headers=headers or own, trust_env=False)

    async def claimed(self, browser: httpx.AsyncClient) -> dict[str, Any]:
        token = self.doors.identity.claim_token
        answer = await browser.post("/api/session/claim", json={"token": token, "email": ANN})
        assert answer.status_code == 200, answer.text
        return answer.json()  # type: ignore[no-any-return]

    async def signed_in(self, browser: httpx.AsyncClient, email: str) -> dict[str, Any]:
        answer = await browser.post("/api/session/request_code", json={"email": email})
        assert answer.status_code == 200 and answer.json()["code"] is None, answer.text
        code = self.doors.letters.code()
        answer = await browser.post("/api/session/sign_in", json={"email": email, "code": code})
        assert answer.status_code == 200, answer.text
        return answer.json()  # type: ignore[no-any-return]

    async def websocket(self, headers: Mapping[str, str]) -> int:
        """The status of an upgrade: 101 when it was accepted."""
        url = self.origin.replace("http", "ws") + "/ws"
        extra = [(name.encode(), value.encode()) for name, value in headers.items()]
        try:
            async with trio_websocket.open_websocket_url(url, extra_headers=extra):
                return 101
        except trio_websocket.ConnectionRejected as fault:
            return int(fault.status_code)


@pytest.fixture
async def port(tmp_path: Path) -> AsyncIterator[Port]:
    async with open_doors(tmp_path) as doors:
        listener, stop = listen("127.0.0.1", 0), trio.Event()
        rules = Rules.of(Admin(origins=(OTHER,)))
        app = create_app(doors.operations, doors.context, doors.overview, rules, doors.identity.authenticate)
        server = AdminServer(app, grace=1)
        async with trio.open_nursery() as nursery:
            await nursery.start(server.serve, lambda: listener, stop)
            yield Port(doors, listener.getsockname()[1])
            stop.set()


async def test_without_signing_in_there_is_nothing(port: Port) -> None:
    async with port.browser() as browser:
        for path in ("/api/me", "/api/campaigns", "/api/users", "/api/system/status"):
            answer = await browser.get(path)
            assert (answer.status_code, answer.json()["error"]["code"]) == (401, "unauthenticated")
        assert (await browser.get("/healthz")).status_code == 200


async def test_claim_then_renew_then_out_and_the_stolen_cookie_is_worth_nothing(port: Port) -> None:
    async with port.browser() as browser, port.browser() as thief:
        grant = await port.claimed(browser)
        assert grant["user"]["role"] == "administrator" and grant["user"]["permissions"] is None
        cookie = browser.cookies["weir_session"]
        assert cookie == grant["token"]
        assert (await browser.get("/api/me")).json()["email"] == ANN
        assert (await browser.get("/api/campaigns")).status_code == 200
        renewed = await browser.post("/api/session/renew", json={})
        assert renewed.status_code == 200 and browser.cookies["weir_session"] == renewed.json()["token"]
        thief.cookies.set("weir_session", cookie, domain="127.0.0.1")
        assert (await thief.get("/api/me")).status_code == 200
        assert (await browser.post("/api/session/sign_out", json={})).json() == {"sessions": 1}
        assert "weir_session" not in browser.cookies
        for http in (thief, browser):
            assert (await http.get("/api/me")).status_code == 401
        again = {"token": port.doors.identity.claim_token or "x", "email": BOB}
        assert (await thief.post("/api/session/claim", json=again)).status_code == 401


async def test_the_cookie_is_for_browsers_only_and_stays_on_this_site(port: Port) -> None:
    async with port.browser() as browser:
        token = port.doors.identity.claim_token
        answer = await browser.post("/api/session/claim", json={"token": token, "email": ANN})
        words = {word.strip().lower() for word in answer.headers["set-cookie"].split(";")}
        assert {"httponly", "samesite=strict", "path=/"} <= words
        assert "domain" not in str(words)


async def test_by_code_one_waits_until_approved(port: Port) -> None:
    async with port.browser() as browser, port.browser() as administrator:
        user = (await port.signed_in(browser, BOB))["user"]
        assert (user["status"], user["permissions"]) == ("pending_approval", [])
        assert (await browser.get("/api/me")).json()["status"] == "pending_approval"
        assert (await browser.get("/api/campaigns")).status_code == 403
        await port.claimed(administrator)
        path = f"/api/users/{user['id']}/approve"
        approved = await administrator.post(path, json={"role": "buyer", "campaigns": [1]})
        assert approved.status_code == 200, approved.text
        assert (await administrator.post(path, json={})).status_code == 409
        page = (await browser.get("/api/campaigns")).json()
        assert [item["id"] for item in page["items"]] == [1]
        assert (await browser.get("/api/users")).status_code == 403
        sessions = (await administrator.get("/api/sessions")).json()["items"]
        [his] = [each for each in sessions if each["user_id"] == user["id"]]
        assert (await administrator.post(f"/api/sessions/{his['id']}/revoke")).status_code == 200
        assert (await browser.get("/api/me")).status_code == 401


async def test_a_code_is_good_once_and_a_second_one_has_to_wait(port: Port) -> None:
    async with port.browser() as browser:
        await port.signed_in(browser, BOB)
        code = port.doors.letters.code()
        replayed = await browser.post("/api/session/sign_in", json={"email": BOB, "code": code})
        assert replayed.status_code == 401
        assert (await browser.post("/api/session/request_code", json={"email": BOB})).status_code == 200
        second = await browser.post("/api/session/request_code", json={"email": BOB})
        assert (second.status_code, second.headers["retry-after"]) == (429, "600")


async def test_a_cookie_that_has_ended_does_not_keep_its_browser_out(port: Port) -> None:
    async with port.browser() as browser:
        browser.cookies.set("weir_session", "old.and.torn", domain="127.0.0.1")
        assert (await browser.get("/api/me")).status_code == 401
        await port.signed_in(browser, BOB)
        assert (await browser.get("/api/me")).status_code == 200


async def test_other_sites_get_nothing_out_of_a_browser_that_is_signed_in(port: Port) -> None:
    async with port.browser() as browser:
        await port.claimed(browser)
        cookie = {"Cookie": f"weir_session={browser.cookies['weir_session']}"}
        bearer = {"Authorization": f"Bearer {browser.cookies['weir_session']}"}
    campaign = {"name": "x", "slug": "x"}
    for headers, status in (
        ({**cookie, "Origin": "https://evil.example"}, 403),
        ({**cookie, "Origin": OTHER}, 403),
        ({**cookie, "Sec-Fetch-Site": "cross-site"}, 403),
        (cookie, 403),
        ({**bearer, "Origin": "https://evil.example"}, 403),
        ({**bearer, "Origin": OTHER}, 201),
    ):
        async with port.browser(**headers) as http:
            answer = await http.post("/api/campaigns", json=campaign)
            assert answer.status_code == status, (headers, answer.text)
    for headers, status in (
        ({**cookie, "Origin": port.origin}, 101),
        ({**cookie, "Origin": "https://evil.example"}, 403),
        ({**cookie, "Origin": "null"}, 403),
        (cookie, 403),
        (bearer, 101),
    ):
        assert await port.websocket(headers) == status


async def test_an_api_token_works_until_it_is_revoked_and_makes_no_others(port: Port) -> None:
    async with port.browser() as browser:
        await port.claimed(browser)
        asked = {"name": "Script", "scopes": ["campaigns.read", "tokens.*"]}
        made = (await browser.post("/api/tokens", json=asked)).json()
        async with port.browser(Authorization=f"Bearer {made['token']}") as script:
            assert (await script.get("/api/campaigns")).status_code == 200
            assert (await script.get("/api/streams")).status_code == 403
            assert (await script.post("/api/tokens", json=asked)).status_code == 403
            assert (await script.post("/api/session/renew", json={})).status_code == 400
            assert (await browser.post(f"/api/tokens/{made['id']}/archive", json={})).status_code == 200
            assert (await script.get("/api/campaigns")).status_code == 401
        listed = await browser.get("/api/tokens", params={"archived": "true"})
        assert made["token"] not in listed.text and listed.json()["total"] == 1


@pytest.mark.parametrize("value", ["Basic YTpi", "Bearer", "Bearer x.y.z", "Bearer " + "x" * 9000])
async def test_a_wrong_credential_is_no_way_in(port: Port, value: str) -> None:
    async with port.browser(Authorization=value) as http:
        answer = await http.get("/api/campaigns")
        assert (answer.status_code, answer.json()["error"]["code"]) == (401, "unauthenticated")
