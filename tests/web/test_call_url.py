"""`weir call --url`: another machine's operations from a shell."""

from __future__ import annotations

import io
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
import trio

from appliance import remote
from appliance.cli import main
from appliance.errors import Refused
from appliance.http.admin.app import create_app
from appliance.http.admin.server import AdminServer, listen
from tests.doors import open_doors
from tests.web.wires import authenticate

Call = Callable[..., Awaitable[tuple[int, Any, Any]]]


@pytest.fixture
async def url(tmp_path: Path) -> AsyncIterator[str]:
    async with open_doors(tmp_path) as doors:
        listener, stop = listen("127.0.0.1", 0), trio.Event()
        app = create_app(doors.operations, doors.context, doors.overview, authenticate=authenticate)
        async with trio.open_nursery() as nursery:
            await nursery.start(AdminServer(app, grace=1).serve, lambda: listener, stop)
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
            stop.set()


async def call(url: str, token: str, name: str, payload: str = "{}") -> tuple[int, Any, Any]:
    """The exit code and what was printed, decoded."""
    out, err = io.StringIO(), io.StringIO()
    code = await trio.to_thread.run_sync(remote.call, url, token, name, payload, out, err)
    return code, json.loads(out.getvalue() or "null"), json.loads(err.getvalue() or "null")


async def test_answers_and_errors_are_those_of_the_call_socket(url: str) -> None:
    code, listed, _ = await call(url, "weir_viewer", "campaigns.list", '{"limit": 5, "sort": "-name"}')
    assert (code, listed["total"], listed["limit"]) == (0, 1, 5)
    code, created, _ = await call(url, "weir_administrator", "sources.create", '{"name": "Ünïcode/?&"}')
    assert (code, created["name"]) == (0, "Ünïcode/?&")
    _, changed, _ = await call(
        url, "weir_administrator", "sources.change", json.dumps({"id": 2, "name": "B"})
    )
    assert changed["name"] == "B"
    code, _, err = await call(url, "weir_administrator", "campaigns.create", '{"name": 1, "nonsense": 2}')
    assert (code, err["error"]["code"]) == (1, "refused")
    assert {each["path"] for each in err["error"]["fields"]} == {"name", "nonsense", "slug"}


@pytest.mark.parametrize(
    ("token", "name", "payload", "error"),
    [
        ("", "campaigns.list", "{}", "unauthenticated"),
        ("weir_unknown", "campaigns.list", "{}", "unauthenticated"),
        ("weir_viewer", "sources.create", '{"name": "A"}', "forbidden"),
        ("weir_viewer", "campaigns.get", '{"id": 99}', "missing"),
        ("weir_viewer", "campaigns.get", "{}", "refused"),
        ("weir_viewer", "campaigns.list", "{", "refused"),
        ("weir_viewer", "campaigns.list", "[]", "refused"),
        ("weir_viewer", "no.such", "{}", "missing"),
        ("weir_viewer", "live.watch", "{}", "missing"),
        ("weir_administrator", "costs.list", '{"limit": {"a": 1}}', "refused"),
    ],
)
async def test_refusals(url: str, token: str, name: str, payload: str, error: str) -> None:
    code, out, err = await call(url, token, name, payload)
    assert (code, out, err["error"]["code"]) == (1, None, error)


async def test_what_is_no_weir(url: str) -> None:
    for wrong in (
        "http://127.0.0.1:1",
        "https://" + url.removeprefix("http://"),
        "ftp://x",
        "http://",
        url + "/x",
    ):
        code, _, err = await call(wrong, "weir_viewer", "campaigns.list")
        assert code == 1
        assert err["error"]["code"] in ("unavailable", "refused", "missing")


def test_a_token_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place = tmp_path / "token"
    for text in ("", "two\nlines", "\x00"):
        place.write_text(text)
        with pytest.raises(Refused):
            remote.token_in(place)
    place.write_text("weir_x\n")
    assert remote.token_in(place) == "weir_x"
    asked = ["call", "--url", "http://127.0.0.1:1", "--token-file", str(place), "campaigns.list"]
    assert main(asked) == 1
    assert "no Weir answers" in capsys.readouterr().err
    assert main([*asked[:3], "--token-file", str(tmp_path / "none"), "campaigns.list"]) == 1
