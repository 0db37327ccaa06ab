"""Every way in for objects of events keeps the same promises, over the same interpreter.

A folder, and a bucket that a queue announces (moto plays Amazon; without it that half is skipped).
"""

from __future__ import annotations

import gzip
import json
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import pytest
import trio

from appliance.actors.intake_folder import FolderIntake, Pauses
from appliance.actors.intake_sqs import QueueIntake
from appliance.actors.kernel import thread_runner
from appliance.model.interpreted import IntakeReport
from appliance.stores.event_folder import EventFolder
from tests.actors.interpreter_rig import Site, event, lines

if TYPE_CHECKING:
    from tests.journeys.efflux_cloud import Cloud

BROKEN = b'[{"session_id": "s", '
Run = Callable[..., Awaitable[None]]


class Intake(Protocol):
    """A way in. `name` is what operators pause it by."""

    name: str

    def put(self, key: str, body: bytes) -> None: ...

    def run(self) -> Run:
        """Another life of it, over the site's interpreter of now."""

    def dead(self) -> int:
        """How many objects lie with the dead letters."""

    def left(self) -> int:
        """How many are still to be taken."""


class Folder:
    name = "folder"

    def __init__(self, site: Site) -> None:
        self.site, self.path = site, site.directory / "events"
        self.path.mkdir()

    def put(self, key: str, body: bytes) -> None:
        (self.path / key.replace("/", "_")).write_bytes(body)

    def run(self) -> Run:
        return FolderIntake(
            files=EventFolder(self.path),
            where="",
            sink=self.site.interpreter,
            intakes=self.site.intakes,
            run_blocking=thread_runner(1),
            now_us=lambda: self.site.now_us,
            pauses=Pauses(look=0.02, again=0.02),
        ).run

    def dead(self) -> int:
        return EventFolder(self.path).buried()

    def left(self) -> int:
        return len(EventFolder(self.path).look())


class Announced:
    name = "trigger"

    def __init__(self, site: Site, cloud: Cloud) -> None:
        from tests.aws.site import Site as Amazon

        self.site, self.amazon = site, Amazon(cloud)
        self.amazon.redrive(2)
        self.hidden_s = 60

    def put(self, key: str, body: bytes) -> None:
        self.amazon.put(key, body)

    def run(self) -> Run:
        from appliance.stores.aws import Buckets

        made = QueueIntake(
            self.name,
            connect=lambda: (self.amazon.queue(), Buckets(self.amazon.session)),
            way=self.site.interpreter,
            running=self.site.intakes.running,
            filtered=False,
            polling=thread_runner(1, abandon=True),
            run_blocking=thread_runner(9, abandon=True),
            now_us=lambda: self.site.now_us,
            back_s=0,
            hidden_s=self.hidden_s,
        )
        self.site.intakes.register(self.name, made.report)
        return made.run

    def dead(self) -> int:
        return self.amazon.cloud.left(self.amazon.dead_url)

    def left(self) -> int:
        return self.amazon.cloud.left(self.amazon.queue_url)


@pytest.fixture(scope="module")
def cloud() -> Iterator[Cloud]:
    pytest.importorskip("moto", reason="moto is not installed: pip install -e '.[aws,dev]'")
    from tests.journeys.efflux_cloud import Cloud

    with Cloud() as made:
        yield made


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = Site(tmp_path)
    yield made
    made.close()


@pytest.fixture(params=["folder", "sqs"])
def intake(request: pytest.FixtureRequest, site: Site) -> Intake:
    return Folder(site) if request.param == "folder" else Announced(site, request.getfixturevalue("cloud"))


@asynccontextmanager
async def running(intake: Intake) -> AsyncIterator[None]:
    """One life; what is under way at its end is cut off."""
    async with trio.open_nursery() as nursery:
        await nursery.start(intake.run())
        yield
        nursery.cancel_scope.cancel()


async def reached(what: Callable[[], bool]) -> None:
    with trio.fail_after(60):
        while not await trio.to_thread.run_sync(what):  # noqa: ASYNC110
            await trio.sleep(0.02)


def report(site: Site) -> IntakeReport:
    [found] = site.intakes.reports()
    return found


def array(*numbers: int, **changed: object) -> bytes:
    return json.dumps([event(number, **changed) for number in numbers]).encode()


def sessions(site: Site) -> Counter[str]:
    """What was reported, by the click that each event names."""
    return Counter(each.click_ids["fbclid"] for each in site.reports() if each.event_name == "Purchase")


async def test_every_form_is_taken(site: Site, intake: Intake) -> None:
    async with running(intake):
        intake.put("a/array.json", array(1, 2))
        intake.put("a/lines.ndjson", b"\n".join(lines(event(3), event(4))))
        intake.put("a/packed.json.gz", gzip.compress(array(5)))
        intake.put("a/one ü+.json", json.dumps(event(6), indent=1).encode())
        await reached(lambda: intake.left() == 0)
    assert sessions(site) == {f"IwAR{number}": 1 for number in range(1, 7)}
    found = report(site)
    assert (found.events, found.failed, found.last_error) == (6, 0, "")


async def test_what_nobody_subscribed_to_is_not_reported(site: Site, intake: Intake) -> None:
    async with running(intake):
        intake.put("some.json", json.dumps([event(1), event(2, campaign_id="other")]).encode())
        await reached(lambda: intake.left() == 0)
    assert sessions(site) == {"IwAR1": 1}


async def test_the_same_content_again_reports_nothing_and_more_of_it_the_difference(
    site: Site, intake: Intake
) -> None:
    async with running(intake):
        for name, body in (("a", array(1)), ("again", array(1)), ("more", array(1, conversions=3))):
            intake.put(f"{name}.json", body)
            await reached(lambda: intake.left() == 0)
    assert sessions(site) == {"IwAR1": 3}


async def test_poison_is_put_aside_and_the_rest_is_taken(site: Site, intake: Intake) -> None:
    async with running(intake):
        intake.put("broken.json", BROKEN)
        intake.put("cut.json.gz", gzip.compress(array(8, 9))[:-8])
        intake.put("good.json", array(1))
        intake.put("mixed.json", json.dumps([event(2), {"no": "session"}, event(3)]).encode())
        await reached(lambda: intake.left() == 0 and intake.dead() == 3)
    assert sessions(site) == {"IwAR1": 1, "IwAR2": 1, "IwAR3": 1}


async def test_an_outage_puts_nothing_aside(site: Site, intake: Intake) -> None:
    site.store.refuses = {1, 2}
    async with running(intake):
        intake.put("a.json", array(1, 2))
        await reached(lambda: intake.left() == 0)
        assert (intake.dead(), report(site).failed) == (0, 0)
    assert sessions(site) == {"IwAR1": 1, "IwAR2": 1}


async def test_paused_it_takes_nothing(site: Site, intake: Intake) -> None:
    run = intake.run()
    await site.intakes.pause(intake.name, "ada")
    intake.put("a.json", array(1))
    async with trio.open_nursery() as nursery:
        await nursery.start(run)
        await trio.sleep(0.3)
        assert (intake.left() > 0, site.reports(), report(site).paused_by) == (True, [], "ada")
        await site.intakes.resume(intake.name)
        await reached(lambda: intake.left() == 0)
        nursery.cancel_scope.cancel()
    assert sessions(site) == {"IwAR1": 1}


async def test_a_life_that_ends_in_the_middle_loses_nothing_and_reports_nothing_twice(
    site: Site, intake: Intake
) -> None:
    """Cut off between two pieces: the next life goes on after the first."""
    count = 1_200
    if isinstance(intake, Announced):  # so that it is seen again soon
        intake.hidden_s = 2
        intake.amazon.redrive(1_000)
    site.store.refuses = set(range(2, 10_000))
    intake.put("large.json", array(*range(count)))
    async with running(intake):
        await reached(lambda: site.store.commits >= 2)
    first = len(sessions(site))
    assert 0 < first < count
    site.store.refuses = set()
    site.begin()
    async with running(intake):
        await reached(lambda: intake.left() == 0)
    assert sessions(site) == {f"IwAR{number}": 1 for number in range(count)}
