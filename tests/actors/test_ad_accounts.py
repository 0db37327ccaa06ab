"""Accounts, pixels and subscriptions in the catalog: who sees them, and what their revisions give away."""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any, cast

import pytest

from appliance.access import roles
from appliance.access.vault import Vault
from appliance.errors import Conflict, Missing, Refused, Unavailable
from appliance.model.catalog import AdAccount
from appliance.operations import registry
from appliance.operations.context import Caller, Context, Costs, Forbidden, local_administrator
from appliance.operations.scope import ScopedCatalog
from appliance.partners.wayfinding import TOKEN
from tests.doors import NoCosts, NoReports, open_doors

Ask = Callable[..., Awaitable[Any]]
SEALED = Vault(b"s" * 32, (), os.urandom).seal("EAAB-token", TOKEN)
BUYER = Caller("bob", "rest", roles.ROLES["buyer"], 3, frozenset({1}))


@pytest.fixture
async def ask(tmp_path: Path) -> AsyncIterator[Ask]:
    async with open_doors(tmp_path) as doors:
        everything = local_administrator("call")
        account = AdAccount(name="Main", token=SEALED, intake_hash="ab" * 32, intake_hint="weir_abcd")
        await doors.desk.create("ad_account", account, everything)

        async def ask(name: str, caller: Caller = everything, /, **payload: Any) -> Any:
            catalog, costs = ScopedCatalog(doors.desk, caller), cast(Costs, NoCosts())
            context = Context(caller, catalog, NoReports(), doors.overview, costs)
            answer = await registry.call(doors.operations, name, payload, context)
            return json.loads(registry.encode(answer))

        yield ask


async def test_an_administrator_sees_masks(ask: Ask) -> None:
    (shown,) = (await ask("ad_accounts.list"))["items"]
    assert (shown["token"], shown["intake_hash"], shown["intake_hint"]) == (
        "********", "********", "weir_abcd",
    )  # fmt: skip
    (change,) = (await ask("history.list", kind="ad_account"))["items"][0]["changes"]
    assert {each["field"]: each["after"] for each in change["fields"]}["token"] == "********"


async def test_for_a_buyer_there_are_none(ask: Ask) -> None:
    await ask("pixels.create", ad_account_id=1, code="px")
    await ask("subscriptions.create", campaign_id="120")
    for plural, kind in (
        ("ad_accounts", "ad_account"),
        ("pixels", "pixel"),
        ("subscriptions", "subscription"),
    ):
        for name in ("list", "get"):
            with pytest.raises(Forbidden):
                await ask(f"{plural}.{name}", BUYER, **({"id": 1} if name == "get" else {}))
        assert (await ask("history.list", BUYER, kind=kind))["items"] == []
        assert (await ask("catalog.at", revision=4, kind=kind))["total"] == 1
        assert (await ask("catalog.at", BUYER, revision=4, kind=kind))["items"] == []


async def test_what_is_in_use_is_not_put_away(ask: Ask) -> None:
    made = await ask("pixels.create", ad_account_id=1, code="px")
    with pytest.raises(Conflict, match="is used by pixel"):
        await ask("ad_accounts.archive", id=1)
    await ask("pixels.archive", id=made["id"])
    await ask("ad_accounts.archive", id=1)
    with pytest.raises(Refused, match="archived"):
        await ask("pixels.restore", id=made["id"])
    with pytest.raises(Refused, match="archived"):
        await ask("pixels.create", ad_account_id=1, code="px")


async def test_a_pixel_is_copied_and_an_account_is_not(ask: Ask) -> None:
    await ask("pixels.create", ad_account_id=1, code="px", name="First")
    copied = await ask("pixels.duplicate", id=1, code="other")
    assert (copied["code"], copied["name"]) == ("other", "First (copy)")
    with pytest.raises(Missing):
        await ask("ad_accounts.duplicate", id=1)


async def test_the_intake_token_is_shown_once_and_kept_as_a_digest(ask: Ask) -> None:
    first = await ask("ad_accounts.renew_intake_token", id=1)
    assert first["intake_token"].startswith(first["intake_hint"])
    with pytest.raises(Conflict):
        await ask("ad_accounts.renew_intake_token", id=1, revision=first["revision"] - 1)
    second = await ask("ad_accounts.renew_intake_token", id=1, revision=first["revision"])
    assert second["intake_token"] != first["intake_token"]
    whole = str([await ask("history.list"), await ask("ad_accounts.get", id=1)])
    assert first["intake_token"] not in whole and second["intake_token"] not in whole
    assert (await ask("ad_accounts.close_intake", id=1))["intake_hash"] == ""


async def test_a_restored_account_has_the_intake_token_of_now(ask: Ask) -> None:
    revision = (await ask("ad_accounts.get", id=1))["revision"]
    made = await ask("ad_accounts.renew_intake_token", id=1)
    back = await ask("history.restore", kind="ad_account", id=1, revision=revision)
    assert back["entity"]["intake_hint"] == made["intake_hint"]


async def test_no_token_is_stored_where_nobody_seals_it(ask: Ask) -> None:
    with pytest.raises(Unavailable):
        await ask("ad_accounts.create", name="x", platform="meta", token="plain")
    with pytest.raises(Unavailable):
        await ask("ad_accounts.change", id=1, token="plain")
    assert "plain" not in str(await ask("history.list"))


async def test_no_token_makes_another_and_no_buyer_makes_one(ask: Ask) -> None:
    program = Caller("robot", "rest", roles.of_token("administrator", ("*",)), 1)
    for name in ("renew_intake_token", "renew_feed"):
        with pytest.raises(Forbidden):
            await ask(f"ad_accounts.{name}", program, id=1)
        with pytest.raises(Missing):
            await ask(f"ad_accounts.{name}", BUYER, id=1)
