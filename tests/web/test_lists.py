"""Named lists at the doors: filled, asked, kept from who may not, and never lost from under a rule."""

from __future__ import annotations

import os
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from appliance.access.roles import ROLES
from appliance.errors import Conflict, Missing, Refused, WeirError
from appliance.model.catalog import NamedList
from appliance.operations.context import Caller, Forbidden
from appliance.stores.lists import FOLDER
from tests.doors import Doors, open_doors
from tests.web.wires import application, browser


@pytest.fixture
async def doors(tmp_path: Path) -> AsyncIterator[Doors]:
    async with open_doors(tmp_path) as doors:
        yield doors


async def entries(doors: Doors, number: int, **more: object) -> tuple[str, ...]:
    page: Any = await doors.call("lists.entries", {"id": number, **more})
    return tuple(page.items)


async def made(doors: Doors, of: str = "text", text: str = "") -> NamedList:
    found: Any = await doors.call("lists.create", {"name": of, "of": of})
    assert (found.entries, found.digest) == (0, "")
    if text:
        found = await doors.call("lists.append", {"id": found.id, "text": text})
    assert isinstance(found, NamedList)
    return found


async def test_entries_are_replaced_added_and_taken_out(doors: Doors) -> None:
    first = await made(doors, text="pub-2\npub-1\npub-2\n")
    assert first.entries == 2 and await entries(doors, first.id) == ("pub-1", "pub-2")
    await doors.call("lists.append", {"id": first.id, "text": "pub-3\r\npub-1"})
    assert await entries(doors, first.id) == ("pub-1", "pub-2", "pub-3")
    await doors.call("lists.remove", {"id": first.id, "text": "pub-2\nnever there"})
    assert await entries(doors, first.id) == ("pub-1", "pub-3")
    assert await entries(doors, first.id, search="3") == ("pub-3",)
    replaced: Any = await doors.call("lists.replace", {"id": first.id, "text": "x"})
    assert await entries(doors, first.id) == ("x",) and replaced.entries == 1
    emptied: Any = await doors.call("lists.replace", {"id": first.id})
    assert await entries(doors, first.id) == () and emptied.digest == ""


@pytest.mark.parametrize(
    ("of", "text", "held", "not_held"),
    [
        ("text", "pub-1", "pub-1", "pub-11"),
        ("address", "10.0.0.0/8\n2001:db8::1-2001:db8::9", "10.200.0.1", "11.0.0.1"),
        ("address", "10.0.0.0/8\n2001:db8::1-2001:db8::9", "2001:db8::5", "no address"),
        ("mask", "*bot*\nexact", "Googlebot/2.1", "exactly"),
    ],
)
async def test_a_value_is_looked_for_as_a_rule_would(
    doors: Doors, of: str, text: str, held: str, not_held: str
) -> None:
    found = await made(doors, of, text)
    for value, expected in ((held, True), (not_held, False)):
        answer: Any = await doors.call("lists.check", {"id": found.id, "value": value})
        assert answer.held is expected


async def test_a_long_list_comes_in_uploads_and_is_replaced_at_once(doors: Doors) -> None:
    found = await made(doors, text="old")
    uploads = []
    for chunk in range(4):
        text = "\n".join(f"pub-{n:06}" for n in range(chunk * 5_000, chunk * 5_000 + 5_100))
        uploaded: Any = await doors.call("lists.upload", {"id": found.id, "text": text})
        uploads.append(uploaded.digest)
        assert await entries(doors, found.id) == ("old",)
    changed: Any = await doors.call("lists.replace", {"id": found.id, "uploads": uploads})
    assert changed.entries == 20_100
    assert await entries(doors, found.id, limit=1, offset=20_099) == ("pub-020099",)


async def test_rest_takes_plain_text_as_it_is(doors: Doors) -> None:
    found = await made(doors)
    plain = {"Content-Type": "text/plain; charset=utf-8"}
    async with browser(application(doors), "weir_administrator") as http:
        path = f"/api/lists/{found.id}"
        answer = await http.post(f"{path}/append", content="bü\na".encode(), headers=plain)
        assert (answer.status_code, answer.json()["entries"]) == (200, 2)
        etag = answer.headers["etag"]
        assert (await http.post(f"{path}/append", content=b"\xff", headers=plain)).status_code == 400
        stale = await http.post(f"{path}/append", content=b"c", headers={**plain, "If-Match": '"1"'})
        assert stale.status_code == 409
        fresh = await http.post(f"{path}/append", content=b"c", headers={**plain, "If-Match": etag})
        assert fresh.json()["entries"] == 3
        assert (await http.post("/api/campaigns", content=b"a", headers=plain)).status_code == 415
        found_entries = await http.get(f"{path}/entries?search=b")
        assert found_entries.json()["items"] == ["bü"]


async def test_wrong_lines_change_nothing_and_are_named(doors: Doors) -> None:
    found = await made(doors, "address", "10.0.0.1")
    with pytest.raises(Refused) as caught:
        await doors.call("lists.append", {"id": found.id, "text": "10.0.0.2\nexample.com"})
    assert [problem.path for problem in caught.value.fields] == ["text"]
    assert "line 2" in caught.value.fields[0].message
    for payload in ({"uploads": ["0" * 32]}, {"uploads": ["../../etc"]}, {"uploads": [""]}):
        with pytest.raises(WeirError) as fault:
            await doors.call("lists.replace", {"id": found.id, **payload})
        assert fault.value.code in ("missing", "refused")
    with pytest.raises(Refused):
        await doors.call("lists.change", {"id": found.id, "of": "text"})
    assert await entries(doors, found.id) == ("10.0.0.1",)


async def test_a_stale_revision_is_a_conflict_and_without_one_the_newest_counts(doors: Doors) -> None:
    found = await made(doors, text="a")
    await doors.call("lists.change", {"id": found.id, "name": "other"})
    with pytest.raises(Conflict):
        await doors.call("lists.append", {"id": found.id, "text": "b", "revision": found.revision})
    await doors.call("lists.append", {"id": found.id, "text": "b"})
    assert await entries(doors, found.id) == ("a", "b")


async def stream_asking(doors: Doors, number: int) -> Any:
    campaign: Any = await doors.call("campaigns.create", {"name": "c", "slug": "c"})
    rule = {"any": [{"all": [{"fact": "ip", "operator": "in_list", "list_id": number}]}]}
    return await doors.call("streams.create", {"campaign_id": campaign.id, "rules": [rule]})


async def test_a_list_in_use_is_not_archived_and_one_that_is_archived_is_not_used(doors: Doors) -> None:
    found = await made(doors, "address", "10.0.0.1")
    stream = await stream_asking(doors, found.id)
    with pytest.raises(Conflict, match=f"stream {stream.id}"):
        await doors.call("lists.archive", {"id": found.id})
    await doors.call("streams.change", {"id": stream.id, "rules": []})
    await doors.call("lists.archive", {"id": found.id})
    with pytest.raises(Missing):
        await doors.call("lists.append", {"id": found.id, "text": "10.0.0.2"})
    rule = {"fact": "ip", "operator": "in_list", "list_id": found.id}
    with pytest.raises(Refused) as caught:
        await doors.call("streams.change", {"id": stream.id, "rules": [rule]})
    assert caught.value.fields[0].path == "rules[0].list_id"
    await doors.call("lists.restore", {"id": found.id})
    assert await entries(doors, found.id) == ("10.0.0.1",)
    with pytest.raises(Refused) as caught:
        await doors.call("streams.change", {"id": stream.id, "rules": [{**rule, "list_id": 99}]})
    assert caught.value.fields[0].message == "there is no list 99"


async def test_every_fault_of_a_nested_rule_is_told_by_its_path(doors: Doors) -> None:
    campaign: Any = await doors.call("campaigns.create", {"name": "c", "slug": "c"})
    rules = [
        {"param": "p", "operator": "gt", "value": "ten"},
        {"any": [{"fact": "nothing", "operator": "exists"}, {"all": [{"param": "p"}]}]},
        {"fact": "country", "operator": "in_list"},
    ]
    with pytest.raises(Refused) as caught:
        await doors.call("streams.create", {"campaign_id": campaign.id, "rules": rules})
    assert [problem.path for problem in caught.value.fields] == [
        "rules[0].value", "rules[1].any[0].fact", "rules[1].any[1].all[0].operator", "rules[2].list_id",
    ]  # fmt: skip
    deep: Any = {"param": "p", "operator": "exists"}
    for _ in range(2_000):
        deep = {"all": [deep]}
    with pytest.raises(Refused):
        await doors.call("streams.create", {"campaign_id": campaign.id, "rules": [deep]})


async def test_a_buyer_fills_his_own_lists_and_reads_the_others(doors: Doors) -> None:
    foreign = await made(doors, text="a")
    buyer = Caller("b", "rest", ROLES["buyer"], 7, frozenset())
    own: Any = await doors.call("lists.create", {"name": "own", "of": "mask"}, buyer)
    await doors.call("lists.append", {"id": own.id, "text": "*bot*"}, buyer)
    answer: Any = await doors.call("lists.check", {"id": foreign.id, "value": "a"}, buyer)
    assert answer.held is True
    for verb, payload in (
        ("append", {"text": "b"}),
        ("replace", {}),
        ("archive", {}),
        ("change", {"name": "x"}),
    ):
        with pytest.raises(Forbidden):
            await doors.call(f"lists.{verb}", {"id": foreign.id, **payload}, buyer)
    viewer = Caller("v", "rest", ROLES["viewer"], 8, frozenset())
    with pytest.raises(Forbidden):
        await doors.call("lists.upload", {"id": foreign.id, "text": "b"}, viewer)
    assert await entries(doors, foreign.id) == ("a",)


async def test_an_earlier_state_comes_back_while_its_entries_are_kept(doors: Doors, tmp_path: Path) -> None:
    first = await made(doors, text="a")
    await doors.call("lists.replace", {"id": first.id, "text": "b"})
    asked = {"kind": "list", "id": first.id, "revision": first.revision}
    await doors.call("history.restore", asked)
    assert await entries(doors, first.id) == ("a",)
    await doors.call("lists.replace", {"id": first.id, "text": "b"})
    now: Any = await doors.call("lists.get", {"id": first.id})
    long_ago = time.time() - 8 * 86_400
    os.utime(tmp_path / FOLDER / first.digest, (long_ago, long_ago))
    await doors.lists.sweep({now.digest})
    with pytest.raises(Refused) as caught:
        await doors.call("history.restore", asked)
    assert caught.value.fields[0].path == "revision"
    assert await entries(doors, first.id) == ("b",)


async def test_a_copy_has_the_entries_of_its_own(doors: Doors) -> None:
    first = await made(doors, text="a")
    copy: Any = await doors.call("lists.duplicate", {"id": first.id, "name": "copy"})
    await doors.call("lists.append", {"id": copy.id, "text": "b"})
    assert (await entries(doors, first.id), await entries(doors, copy.id)) == (("a",), ("a", "b"))
