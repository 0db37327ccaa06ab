"""A network's secrets are written and never read: masked by number everywhere, kept by their masks."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from appliance.errors import Conflict, Refused
from appliance.model.catalog import Network
from appliance.model.history import MASK
from tests.doors import Doors, open_doors


@pytest.fixture
async def doors(tmp_path: Path) -> AsyncIterator[Doors]:
    async with open_doors(tmp_path) as found:
        values = {"name": "N", "slug": "n", "secret": "Hidden-0", "secrets": ["Hidden-1", "Hidden-2"]}
        await found.call("networks.create", values)
        yield found


async def stored(doors: Doors) -> Network:
    found = await doors.desk.get("network", "n")
    assert isinstance(found, Network)
    return found


async def changed(doors: Doors, **values: Any) -> tuple[str, ...]:
    number = (await stored(doors)).id
    answer = await doors.call("networks.change", {"id": number, **values})
    assert "Hidden" not in msgspec.json.encode(answer).decode()
    return (await stored(doors)).secrets


async def test_no_door_shows_a_secret(doors: Doors) -> None:
    number = (await stored(doors)).id
    await changed(doors, secrets=["Hidden-1"])
    await changed(doors, secret="", secrets=["Hidden-4", f"{MASK}1"])
    for name, payload in {
        "networks.get": {"id": number}, "networks.list": {}, "history.list": {"kind": "network"},
        "history.compare": {"kind": "network", "id": number, "from": 0},
        "networks.duplicate": {"id": number}, "networks.archive": {"id": number},
        "networks.restore": {"id": number}, "networks.urls": {"id": number},
    }.items():  # fmt: skip
        answer = await doors.call(name, payload)
        assert "Hidden" not in msgspec.json.encode(answer).decode(), name
    copies = (await doors.desk.list("network", 10, 0, {}, False))[0]
    assert [copy.secrets for copy in copies if isinstance(copy, Network) and copy.slug != "demo"] == [
        ("Hidden-4", "Hidden-1")
    ] * 2


async def test_a_mask_stands_for_the_secret_of_its_number(doors: Doors) -> None:
    shown = await doors.call("networks.get", {"slug": "n"})
    assert isinstance(shown, Network)
    assert (shown.secret, shown.secrets) == (MASK, (f"{MASK}1", f"{MASK}2"))
    assert await changed(doors, secret=MASK, secrets=list(shown.secrets)) == ("Hidden-1", "Hidden-2")
    assert await changed(doors, secrets=[f"{MASK}2"]) == ("Hidden-2",)
    assert await changed(doors, secrets=["Hidden-3", f"{MASK}1"]) == ("Hidden-3", "Hidden-2")
    assert await changed(doors, name="M") == ("Hidden-3", "Hidden-2")
    assert await changed(doors, secrets=[]) == ()
    assert (await stored(doors)).secret == "Hidden-0"


async def test_a_mask_of_no_secret_is_none(doors: Doors) -> None:
    for wrong in ([f"{MASK}3"], [MASK], [f"{MASK}1", f"{MASK}1"], ["Hidden-0"]):
        with pytest.raises(Refused) as caught:
            await changed(doors, secrets=wrong)
        assert caught.value.fields[0].path.startswith("secrets")
    with pytest.raises(Refused):
        await doors.call("networks.create", {"name": "O", "slug": "o", "secrets": [f"{MASK}1"]})
    with pytest.raises(Refused) as caught:
        await doors.call("networks.change", {"id": 1, "name": 5, "secrets": [f"{MASK}1"]})
    assert [problem.path for problem in caught.value.fields] == ["name"], "a mask is no fault of a change"


async def test_masks_are_of_the_revision_that_was_read(doors: Doors) -> None:
    before = await stored(doors)
    await changed(doors, secrets=["Hidden-2", "Hidden-1"])
    with pytest.raises(Conflict):
        await changed(doors, revision=before.revision, secrets=[f"{MASK}1"])
    assert (await stored(doors)).secrets == ("Hidden-2", "Hidden-1")
