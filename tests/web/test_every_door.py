"""One operation, four doors: the same answer and the same refusal for the same caller and input."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from appliance.access.roles import WORDS
from appliance.errors import WeirError
from appliance.operations import reference, registry
from appliance.operations.decoding import decode
from appliance.operations.downloads import Download
from appliance.operations.registry import DOORS, Operation
from appliance.operations.routes import route_of
from tests.doors import Doors, open_doors
from tests.web.wires import (
    CALLERS,
    Answer,
    Ask,
    application,
    browser,
    by_call,
    by_mcp,
    by_rest,
    by_rpc,
    websocket,
)

OPERATIONS = registry.load_all()
TELLING = {
    "door",
    "at_us",
    "at",
    "rss_bytes",
    "disk_free_bytes",
    "public_id",
    "token",
    "hint",
    "compiled_at_us",
    "started_us",
}
"""Fields that are another one at every call, or name the door."""
OTHERWISE = {("session.request_code", "call")}
"""Told another answer on purpose: the local administrator sees the code that others get by mail."""
Worlds = dict[str, dict[str, Ask]]
"""Caller → door → how to ask there. Every door has an appliance of its own, and all see the same calls."""
INSIDE = "inside "
"""Before a door's name: past the door, so that what it does not offer happens behind it all the same."""


@pytest.fixture
async def worlds(tmp_path: Path) -> AsyncIterator[Worlds]:
    async with AsyncExitStack() as stack:
        opened = {}
        for door in DOORS:
            (tmp_path / door).mkdir()
            opened[door] = await stack.enter_async_context(open_doors(tmp_path / door))
        yield {
            credential: {
                "rest": by_rest(application(opened["rest"]), credential),
                "rpc": by_rpc(application(opened["rpc"]), credential),
                "call": by_call(opened["call"], credential),
                "mcp": by_mcp(application(opened["mcp"]), credential),
                **{INSIDE + door: inside(doors, credential) for door, doors in opened.items()},
            }
            for credential in ("weir_administrator", "weir_viewer", "weir_buyer", "weir_nothing")
        }


def inside(doors: Doors, credential: str) -> Ask:
    async def ask(each: Operation, payload: dict[str, Any]) -> Answer:
        try:
            return "ok", await doors.call(each.name, payload, replace(CALLERS[credential], door="inside"))
        except WeirError as fault:
            return "error", fault

    return ask


def inputs(each: Operation) -> list[dict[str, Any]]:
    """The example; the example with every number, truth and choice wrong and a field too many."""
    example = dict(each.example)
    wrong: dict[str, Any] = {**example, "nonsense": "1"}
    for name, value in example.items():
        if isinstance(value, bool | int | float) and not (name == "id" and route_of(each).by_slug):
            wrong[name] = "wrong"
    return [example, wrong]


def plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: plain(each) for key, each in value.items() if key not in TELLING}
    if isinstance(value, list):
        # A diff names the field beside its values.
        told = [one for one in value if not (isinstance(one, dict) and one.get("field") in TELLING)]
        return [plain(one) for one in told]
    return value


def refusal(body: Mapping[str, Any]) -> Any:
    fields = sorted((each["path"], each["message"]) for each in body["fields"])
    return body["code"], body["message"], fields


def same(answer: Answer) -> Any:
    kind, value = answer
    return (kind, plain(value)) if kind == "ok" else (kind, *refusal(value))


@pytest.mark.slow
async def test_every_door_gives_the_same_answer_and_the_same_refusal(worlds: Worlds) -> None:
    """Callers in an order in which the administrator's changes come last."""
    answered = set()
    for credential in reversed(list(worlds)):
        for name, each in OPERATIONS.items():
            if each.answer is Download:
                continue
            for payload in inputs(each):
                doors = [door for door in reference.doors(each) if (name, door) not in OTHERWISE]
                asks = worlds[credential]
                found = {door: same(await asks[door](each, payload)) for door in doors}
                for door in DOORS:
                    if door not in doors and each.changes:
                        await asks[INSIDE + door](each, payload)
                first = next(iter(found.values()))
                assert all(other == first for other in found.values()), (name, credential, payload, found)
                assert first[1] != "internal", (name, credential, payload, first)
                if first[0] == "ok":
                    answered.add(name)
    assert len(answered) > len(OPERATIONS) / 2, "the examples should mostly be answered"


async def test_a_closed_door_offers_nothing(worlds: Worlds) -> None:
    for name, each in OPERATIONS.items():
        for door, reason in each.closed_at.items():
            if door == "rest":
                assert name not in {one.name for one in OPERATIONS.values() if "rest" not in one.closed_at}
                continue
            kind, body = await worlds["weir_administrator"][door](each, dict(each.example))
            assert kind == "error", (name, door)
            if door == "mcp":
                assert body["message"].startswith("there is no such tool")
            else:
                assert body["code"] == "missing" and reason in body["message"]


def test_no_operation_lacks_a_permission_an_example_and_docs() -> None:
    page = reference.reference()
    for name, each in OPERATIONS.items():
        assert each.permission in WORDS | {"anyone", "self"}, name
        decode(each.request, each.example)
        required = [field for field, default in reference.fields(each) if default == "required"]
        assert set(required) <= set(each.example), name
        assert len(each.summary) > 10 and each.summary in page, name
        assert f"### `{name}`" in page
        for door, reason in each.closed_at.items():
            assert len(reason) > 10 and f"Not by {door}: {reason}." in page, name


async def test_nobody_is_told_to_sign_in_at_every_door(tmp_path: Path) -> None:
    async with open_doors(tmp_path) as doors:
        app = application(doors)
        asks = [by_rest(app, ""), by_rpc(app, ""), by_call(doors, ""), by_mcp(app, "weir_unknown")]
        kinds = {(await ask(OPERATIONS["campaigns.list"], {}))[1].get("code") for ask in asks[:3]}
        assert kinds == {"unauthenticated"}
        async with browser(app, "weir_unknown") as http:
            for answer in (await http.post("/mcp", json={}), await http.get("/api/campaigns")):
                assert (answer.status_code, answer.json()["error"]["code"]) == (401, "unauthenticated")
                assert answer.headers["www-authenticate"] == "Bearer"


async def test_the_wires_of_this_test_tell_callers_apart(tmp_path: Path) -> None:
    async with open_doors(tmp_path) as doors:
        app = application(doors)
        status = OPERATIONS["system.status"]
        for credential, caller in CALLERS.items():
            kind, _ = await by_rest(app, credential)(status, {})
            assert (kind == "ok") is caller.may(status.permission)
        async with websocket(app, "weir_unknown") as wire:
            answer = await wire.ask("system.status")
            assert answer["error"]["data"]["code"] == "unauthenticated"
            assert await wire.hear() is None
            assert wire.closed == 4401
