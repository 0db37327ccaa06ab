"""A watched folder: files are taken once, whole, and end in done/ or dead/ with what was wrong."""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import AsyncIterator, Collection, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio
from trio.testing import MockClock

from appliance.actors.intake_folder import FolderIntake
from appliance.actors.kernel import inline_runner
from appliance.errors import Missing, Refused
from appliance.stores import event_folder
from appliance.stores.event_folder import EventFolder
from tests.actors.interpreter_rig import START_US, Killed, Site, event, lines


class World(Site):
    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self.folder = directory / "events"
        self.folder.mkdir()
        self.hire()

    def hire(self) -> None:
        self.intake = FolderIntake(
            files=EventFolder(self.folder),
            where=str(self.folder),
            sink=self.interpreter,
            intakes=self.intakes,
            run_blocking=inline_runner,
            now_us=lambda: self.now_us,
        )

    def restart(self) -> None:
        self.begin()
        self.hire()

    def put(self, name: str, body: bytes) -> Path:
        path = self.folder / name
        path.write_bytes(body)
        return path

    @asynccontextmanager
    async def running(self, seconds: float = 20) -> AsyncIterator[None]:
        async with trio.open_nursery() as nursery:
            await nursery.start(self.intake.run)
            yield
            await trio.sleep(seconds)
            nursery.cancel_scope.cancel()

    def left(self) -> dict[str, list[str]]:
        return {
            each.name: sorted(path.name for path in each.iterdir())
            for each in (self.folder / "done", self.folder / "dead")
            if each.exists()
        } | {"": sorted(path.name for path in self.folder.iterdir() if path.is_file())}


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    made.close()


def events(count: int, first: int = 0) -> list[bytes]:
    return lines(*(event(first + number, network="airfind") for number in range(count)))


ARRAY = b"[" + b",".join(events(3)) + b"]"
NDJSON = b"\n".join(events(3))


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("a.json", ARRAY),
        ("a.ndjson", NDJSON),
        ("a.json.gz", gzip.compress(ARRAY)),
        ("named-as-it-likes", gzip.compress(NDJSON)),
    ],
)
async def test_a_file_is_taken_and_done(
    world: World, name: str, body: bytes, autojump_clock: MockClock
) -> None:
    async with world.running():
        world.put(name, body)
    assert world.names() == {"Purchase": 3}
    assert world.left() == {"done": [name], "": []}
    [intake] = world.intakes.reports()
    assert (intake.batches, intake.events, intake.failed, intake.waiting) == (1, 3, 0, 0)
    assert intake.last_us == START_US


@pytest.mark.parametrize("fault", [Refused("AccessDenied"), Missing("no such table")])
async def test_a_file_waits_for_whoever_refuses_to_say_what_is_subscribed(
    world: World, autojump_clock: MockClock, fault: Exception
) -> None:
    denied = True

    async def others(campaigns: Collection[str]) -> Collection[str]:
        await trio.lowlevel.checkpoint()
        if denied:
            raise fault
        return campaigns

    world.interpreter.others = others
    async with world.running():
        world.put("good.ndjson", lines(event(1, network="airfind", campaign_id="another"))[0])
        await trio.sleep(20)
        assert world.left() == {"": ["good.ndjson"]}
        assert world.intakes.reports()[0].last_error == str(fault)
        denied = False
    assert world.names() == {"Purchase": 1}
    assert world.left() == {"done": ["good.ndjson"], "": []}


async def test_what_is_wrong_stays_counted_until_somebody_takes_it_away(
    world: World, autojump_clock: MockClock
) -> None:
    async with world.running():
        world.put("broken.json", b"[{")
        old = world.put("old.ndjson", NDJSON)
        os.utime(old, ns=(7_000, 7_000))
        await trio.sleep(1)
        [intake] = world.intakes.reports()
        assert (intake.waiting, intake.oldest_us, intake.dead) == (2, START_US, 0)
    [intake] = world.intakes.reports()
    assert (intake.dead, intake.waiting, intake.oldest_us) == (1, 0, 0)
    for left in (world.folder / "dead").iterdir():
        left.unlink()
    world.restart()
    async with world.running():
        await trio.sleep(1)
    [intake] = world.intakes.reports()
    assert intake.dead == 0


async def test_a_file_that_is_still_being_written_waits(world: World, autojump_clock: MockClock) -> None:
    async with world.running():
        for number in range(5):
            with world.put("a.ndjson", b"").open("ab") as file:
                file.write(b"\n".join(events(number + 1)))
            os.utime(world.folder / "a.ndjson", ns=(number, number))
            await trio.sleep(2)
            assert world.reports() == []
    assert world.names() == {"Purchase": 5}


@pytest.mark.parametrize("name", [".hidden", "a.part", "b.tmp", "c.json.filepart", "d~"])
async def test_what_says_that_it_is_partial_stays(world: World, name: str, autojump_clock: MockClock) -> None:
    async with world.running():
        world.put(name, NDJSON)
        (world.folder / "a-folder").mkdir()
        os.symlink("/etc/passwd", world.folder / "link.json")
    assert world.reports() == []
    assert world.left()[""] == sorted([name, "link.json"])


async def test_lines_that_are_no_events_are_named_and_the_others_taken(
    world: World, autojump_clock: MockClock
) -> None:
    body = b"\n".join([*events(600), b"{", *events(1, 600), b'{"session_id": "s", "conversions": -1}'])
    async with world.running():
        world.put("a.ndjson", body)
    assert world.names() == {"Purchase": 601}
    assert world.left() == {"done": ["a.ndjson"], "dead": ["a.ndjson.reasons.txt"], "": []}
    reasons = (world.folder / "dead" / "a.ndjson.reasons.txt").read_text().splitlines()
    assert [line.split(":")[0] for line in reasons] == ["line 601", "line 603"]
    assert reasons[1].startswith("line 603: conversions: expected")


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"this is no JSON at all", "line 1: it is no JSON"),
        (b"[{]", "its array is no JSON"),
        (gzip.compress(NDJSON)[:-9], "its gzip is broken or cut short"),
        (b"\x1f\x8bnonsense", "its gzip is broken or cut short"),
        (b'["a", 1]', "line 1: an event must be a JSON object"),
    ],
)
async def test_a_file_that_cannot_be_read_is_dead(
    world: World, body: bytes, reason: str, autojump_clock: MockClock
) -> None:
    async with world.running():
        world.put("a.json", body)
    assert world.left() == {"dead": ["a.json", "a.json.reasons.txt"], "": []}
    assert (world.folder / "dead" / "a.json.reasons.txt").read_text().startswith(reason)
    assert world.intakes.reports()[0].failed == 1


async def test_an_empty_file_is_done(world: World, autojump_clock: MockClock) -> None:
    async with world.running():
        world.put("a.json", b"")
    assert world.left() == {"done": ["a.json"], "": []}


async def test_a_file_of_any_size_is_read_by_pieces(
    world: World, autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_folder, "_WHOLE", 1_000)
    monkeypatch.setattr(event_folder, "MOST_ARRAY", 2_000)
    monkeypatch.setattr(event_folder, "LONGEST_LINE", 1_500)
    async with world.running():
        world.put("lines.ndjson", b"\r\n".join(events(1_201)))
        world.put("packed.ndjson.gz", gzip.compress(b"\n\n".join(events(10, 2_000))))
        world.put("array.json", b"[" + b",".join(events(50)) + b"]")
        world.put("line.ndjson", json.dumps(event(city="x" * 4_000)).encode())
    assert world.names() == {"Purchase": 1_211}
    assert world.left()["done"] == ["lines.ndjson", "packed.ndjson.gz"]
    dead = world.folder / "dead"
    assert "an array of more than 2,000 bytes" in (dead / "array.json.reasons.txt").read_text()
    assert "a line of more than 1,500 bytes" in (dead / "line.ndjson.reasons.txt").read_text()


async def test_a_kill_in_the_midst_of_a_file_takes_nothing_twice(
    world: World, autojump_clock: MockClock
) -> None:
    world.put("a.ndjson", b"\n".join([b"x", *events(2_800)]))
    for when in ("dies_before", "dies_after"):
        getattr(world.store, when).add(world.store.commits + 2)
        with pytest.raises(BaseExceptionGroup) as caught:
            async with world.running():
                pass
        assert caught.group_contains(Killed)
        world.restart()
    async with world.running():
        pass
    assert world.names() == {"Purchase": 2_800}
    assert world.left() == {"done": ["a.ndjson"], "dead": ["a.ndjson.reasons.txt"], "": []}
    assert (world.folder / "dead" / "a.ndjson.reasons.txt").read_text().startswith("line 1: it is no JSON")


async def test_the_same_name_again_keeps_both(world: World, autojump_clock: MockClock) -> None:
    async with world.running():
        world.put("a.ndjson", NDJSON)
        await trio.sleep(10)
        world.put("a.ndjson", b"\n".join(events(1, 77)))
    assert world.left() == {"done": ["1-a.ndjson", "a.ndjson"], "": []}
    assert world.names() == {"Purchase": 4}


async def test_the_same_events_in_another_file_send_nothing(world: World, autojump_clock: MockClock) -> None:
    async with world.running():
        world.put("a.ndjson", NDJSON)
        world.put("b.ndjson", NDJSON)
    assert world.names() == {"Purchase": 3}
    assert world.left()["done"] == ["a.ndjson", "b.ndjson"]


async def test_while_it_is_paused_files_wait(world: World, autojump_clock: MockClock) -> None:
    await world.intakes.pause("folder", "anna")
    async with world.running():
        world.put("a.ndjson", NDJSON)
        await trio.sleep(60)
        assert world.left() == {"": ["a.ndjson"]}
        await world.intakes.resume("folder")
    assert world.left() == {"done": ["a.ndjson"], "": []}


async def test_while_nothing_can_be_stored_a_file_waits(world: World, autojump_clock: MockClock) -> None:
    world.outbox_full = True
    async with world.running():
        world.put("a.ndjson", NDJSON)
        await trio.sleep(60)
        assert world.left() == {"": ["a.ndjson"]}
        assert "warehouse" in world.intakes.reports()[0].last_error
        world.outbox_full = False
    assert world.left() == {"done": ["a.ndjson"], "": []}


async def test_a_folder_that_is_not_there_is_said(world: World, autojump_clock: MockClock) -> None:
    world.folder.rmdir()
    async with world.running():
        await trio.sleep(10)
        assert "cannot be read" in world.intakes.reports()[0].last_error
        world.folder.mkdir()
        world.put("a.ndjson", NDJSON)
    assert world.names() == {"Purchase": 3}
