"""`make faults KILLS=30`: nothing that was answered is lost, nothing counts twice, whatever fails.

    python -m tests.faults.run --kills 30 [--phase kills --phase disk …] [--seed N] [--keep DIR]

Each phase has a data directory of its own and runs under clicks and postbacks without pause; afterwards its
warehouse is compared with what was answered. The very last line is
`answered=N reported=R unrecorded=U lost=0 doubled=0`; the exit code is 0 only when that is so.
"""

from __future__ import annotations

import argparse
import os
import random
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from appliance.model.events import ClickIdentity, encode
from appliance.stores.journal.reader import journal_directory, segments
from appliance.stores.journal.segment import Segment
from tests.faults.caps import capping
from tests.faults.deliveries import telling
from tests.faults.disk import CannotMount, SmallDisk, small_disk
from tests.faults.networks import Networks
from tests.faults.platforms import reporting
from tests.faults.tally import Tally, held_by, tally
from tests.records import click
from tests.rig import CallFailed, alive, start_weir, wait_for
from tests.visitors import Visit, Visitors, summary
from tests.wire import Address, address_of

EDGES = 2
SHIPPED_WITHIN = 120.0
TARGETS = ("/c/demo?cost=0.01", "/r/demo", "/go/demo?x=%D0%BA")


class Site:
    """A Weir that is started again when its parent dies, as systemd would, always on the same port."""

    def __init__(self, data: Path, env: dict[str, str] | None = None) -> None:
        self.data = data
        self._env = env or {}
        self.weir = start_weir(data, "--edges", str(EDGES), env=self._env)
        self.address: Address = address_of(self.weir.public)

    def restart(self) -> None:
        """After the parent's death."""
        old = self.weir
        old.process.wait()
        bind = f"{self.address[0]}:{self.address[1]}"
        self.weir = start_weir(self.data, "--edges", str(EDGES), "--public", bind, env=self._env, wait=False)
        if old.process.stdout is not None:
            old.process.stdout.close()
        self.weir.wait_ready(core=False)

    def status(self) -> dict[str, Any]:
        """system.status, once a core answers."""

        def ask() -> dict[str, Any] | None:
            try:
                answer: dict[str, Any] = self.weir.call("system.status")
            except CallFailed:
                return None  # the core is on its way
            return answer

        found: dict[str, Any] = wait_for("system.status", ask, 60)
        return found

    def journals(self) -> list[dict[str, Any]]:
        """Every connected edge's journal report."""
        return [edge["report"]["journal"] for edge in self.status()["edges"] if edge["report"]]

    def wait_journals(self, what: str, until: Callable[[dict[str, Any]], bool]) -> list[dict[str, Any]]:
        def ask() -> list[dict[str, Any]] | None:
            found = self.journals()
            return found if len(found) == EDGES and all(map(until, found)) else None

        answer: list[dict[str, Any]] = wait_for(what, ask, 60)
        return answer

    def wait_shipped(self, losses: bool = False) -> None:
        """Until both consumers have every journal to its end and no postback waits.

        With `losses`, postbacks of lost clicks wait for ever: then their number must stand still.
        """
        began_us = time.time_ns() // 1_000
        waited: list[int] = []
        left: list[str] = []

        def done() -> bool:
            status = self.status()
            waited.append(status["conversions"]["waiting"])
            left[:] = [*status["problems"], *self._unread(status, began_us)]
            if losses:
                time.sleep(2)
            if waited[-1] and not (losses and waited[-2:] == [waited[-1]] * 2):
                left.append(f"{waited[-1]} postbacks wait")
            return not left

        try:
            wait_for("everything shipped", done, SHIPPED_WITHIN)
        except AssertionError as fault:
            raise AssertionError(f"not everything is shipped: {left}") from fault

    def _unread(self, status: dict[str, Any], since_us: int) -> Iterator[str]:
        """What is not read to its end, by the edges' own last numbers, not by the consumers' word."""
        reports = {edge["edge"]: edge["report"] for edge in status["edges"] if edge["connected"]}
        fresh = {index: report for index, report in reports.items() if report and report["at_us"] > since_us}
        if len(fresh) < EDGES:
            yield f"only edges {sorted(fresh)} have reported since"
        current = {(index, report["journal"]["epoch"]) for index, report in fresh.items()}
        for path in segments(self.data):
            edge, epoch = int(path.parent.parent.name), int(path.stem, 16)
            if (edge, epoch) not in current:
                yield f"{path.name} of edge {edge} is still there"
        taken = {(each["consumer"], each["edge"], each["epoch"]): each["seq"] for each in status["consumers"]}
        for index, report in fresh.items():
            journal = report["journal"]
            for consumer in ("publisher", "conversions") if journal["commits"] else ():
                seq = taken.get((consumer, index, journal["epoch"]), 0)
                if seq != journal["last_seq"]:
                    yield f"{consumer} is at {seq} of {journal['last_seq']} on edge {index}"


@contextmanager
def phase(
    name: str, data: Path, env: dict[str, str] | None = None, losses: bool = False
) -> Iterator[tuple[Site, Visitors, Networks]]:
    """A running Weir with visitors and networks on it; they stop, and it ships, at the end of the block."""
    began = time.monotonic()
    site = Site(data, {"WEIR_LOG__LEVEL": "info", **(env or {})})
    visitors = Visitors(lambda: site.address, TARGETS, name=name, clients=4, pause=0.008)
    networks = Networks(lambda: site.address, visitors, name)
    visitors.start()
    networks.start()
    try:
        yield site, visitors, networks
        visitors.stop()
        networks.stop()
        print(f"{name}: {summary(visitors.visits)}; {len(visitors.failed)} clicks without an answer, "
              f"{sum(sale.tries for sale in networks.all)} postbacks sent, {networks.refused} got 503; "
              f"{time.monotonic() - began:.0f} s", flush=True)  # fmt: skip
        site.wait_shipped(losses)
    except BaseException:
        print(f"{name}: failed; the end of its log:\n{site.weir.log.read_text()[-3000:]}", flush=True)
        raise
    finally:
        visitors.stop()
        networks.stop()
        if site.weir.process.poll() is None:
            site.weir.stop(60)
        site.weir.end()


def verdict(
    name: str,
    site: Site,
    visitors: Visitors,
    networks: Networks,
    unrecorded: int,
    others: Sequence[Visit] = (),
) -> Tally:
    """The phase's figures, printed; `others` were clicked before it began."""
    found = tally([*others, *visitors.visits], networks.all, held_by(site.data), unrecorded)
    print(f"{name}: {found.closing_line()}\n{name}: {found.sales_line()}", flush=True)
    for fault in found.faults:
        print(f"{name}: FAULT {fault}", flush=True)
    return found


# -- the phases ------------------------------------------------------------------------------------------


BACKLOG = 40_000


def backlog(data: Path) -> list[Visit]:
    """Clicks that wait in a journal when Weir starts: the first kills meet full inserts, not a trickle."""
    now_us = time.time_ns() // 1_000 - 3_600_000_000
    segment = Segment(journal_directory(data, 0), 0, now_us // 1_000, "process")
    visits = []
    for first in range(0, BACKLOG, 500):
        bodies = []
        for number in range(first, first + 500):
            token = f"backlog-{number}"
            event = click(number, at_us=now_us + number, campaign_id=1, subs={7: token})
            bodies += [encode(event), encode(ClickIdentity(1, event.id, event.at_us, "203.0.113.7"))]
            visits.append(Visit(0.0, 0.0, token, 302, event.id))
        segment.append(bodies)
    segment.close()
    return visits


def killing(folder: Path, kills: int, dice: random.Random) -> Tally:
    """kill -9 at random moments, spread over edges, core and parent."""
    waiting = backlog(folder / "kills")
    victims = [("edge-0", "core", "parent", "edge-1", "core")[n % 5] for n in range(kills)]
    dice.shuffle(victims)
    with phase("kills", folder / "kills") as (site, visitors, networks):
        for victim in victims:
            time.sleep(dice.uniform(0.05, 1.2))
            if victim == "parent":
                site.weir.kill("parent")
                site.restart()
                continue
            wait_for(f"a {victim} to kill", lambda victim=victim: site.weir.children().get(victim), 60)
            # A core lives from its imports to its shipping: any moment of that may be the last.
            time.sleep(dice.uniform(0.0, 1.5) if victim == "core" else dice.uniform(0.0, 0.5))
            pid = site.weir.children().get(victim)
            if pid is not None:
                site.weir.kill(victim)
                wait_for(f"{victim} dead", lambda pid=pid: not alive(pid))
        time.sleep(1)
    unrecorded = declared(site)
    print(f"kills: {', '.join(f'{victims.count(v)} x {v}' for v in sorted(set(victims)))}", flush=True)
    return verdict("kills", site, visitors, networks, unrecorded, waiting)


def declared(site: Site) -> int:
    """Unrecorded events by every edge's lasting counters, as a fresh start on its directory shows them."""
    again = start_weir(site.data, "--edges", str(EDGES))
    try:
        site.weir = again
        journals = site.wait_journals("both edges' reports", lambda journal: True)
        total = sum(journal["unrecorded"] for journal in journals)
        metrics = httpx.get(f"{again.admin}/metrics").text
        shown = re.findall(r"journal_unrecorded_total\S* (\d+)", metrics)
        assert sum(map(int, shown)) == total, f"/metrics says {shown}, system.status {journals}"
        assert again.stop() == 0
    finally:
        again.end()
    return total


def full_disk(folder: Path) -> Tally:
    """The edges' disk fills twice: visitors go on, networks repeat, nothing is lost."""
    data = folder / "disk"
    with small_disk(data / "edges", 24) as disk:
        small = {"WEIR_JOURNAL__RESERVE_MB": "1", "WEIR_JOURNAL__SEGMENT_MB": "1"}
        with phase("disk", data, small) as (site, visitors, networks):
            for _ in range(2):
                time.sleep(1.5)
                before = networks.refused
                fill_until_full(site, disk)
                time.sleep(2)
                wait_for("a postback answered 503", lambda before=before: networks.refused > before, 30)
                waiting = sum(journal["ring"] for journal in site.journals())
                disk.empty()
                site.wait_journals(
                    "both journals record again", lambda journal: journal["mode"] == "recording"
                )
                print(f"disk: full; {waiting} events waited in memory, "
                      f"{networks.refused - before} postbacks were asked to repeat", flush=True)  # fmt: skip
            time.sleep(1)
        unrecorded = declared(site)
        assert unrecorded == 0, f"{unrecorded} events unrecorded, and the ring never overflowed"
        return verdict("disk", site, visitors, networks, unrecorded)


def fill_until_full(site: Site, disk: SmallDisk) -> None:
    """Until both edges' journals have given up: each first spends its reserve."""

    def full() -> bool:
        disk.fill()
        found = site.journals()
        return len(found) == EDGES and all(journal["mode"] == "ring" for journal in found)

    wait_for("both journals full", full, 60)


def overflow(folder: Path) -> Tally:
    """A tiny ring overflows, then its edge is killed: what is lost is exactly what is declared."""
    data = folder / "overflow"
    ring = 300
    with small_disk(data / "edges", 24) as disk:
        small = {"WEIR_JOURNAL__RESERVE_MB": "0", "WEIR_JOURNAL__SEGMENT_MB": "1",
                 "WEIR_JOURNAL__RING_EVENTS": str(ring)}  # fmt: skip
        with phase("overflow", data, small, losses=True) as (site, visitors, networks):
            time.sleep(1)
            fill_until_full(site, disk)
            overflown = site.wait_journals("both rings overflow", lambda journal: journal["unrecorded"] > 50)
            with visitors.held():  # nobody in its hands: what dies with it is in its ring
                for index in range(EDGES):
                    pid = site.weir.children()[f"edge-{index}"]
                    if index == 0:
                        site.weir.kill("edge-0")
                        site.weir.wait_child("edge-0", besides=pid)
                site.wait_journals("the killed edge's successor on the full disk",
                                   lambda journal: journal["mode"] == "ring")  # fmt: skip
            time.sleep(1)
            disk.empty()
            site.wait_journals("both journals record again", lambda journal: journal["mode"] == "recording")
            time.sleep(1)
        print(f"overflow: rings of {ring} lost {[j['unrecorded'] for j in overflown]} and more; "
              "edge 0 was killed with its ring full", flush=True)  # fmt: skip
        unrecorded = declared(site)
        assert unrecorded > 100
        return verdict("overflow", site, visitors, networks, unrecorded)


def failing_warehouse(folder: Path, seconds: float) -> Tally:
    """The warehouse is away: only shipping waits, and it catches up."""
    with phase("warehouse", folder / "warehouse") as (site, visitors, networks):
        time.sleep(2)
        before = len(visitors.answered)
        site.weir.call("warehouse.detach", {"seconds": seconds})
        time.sleep(seconds / 2)
        middle = site.status()
        try:
            site.weir.call("reports.overview")
        except CallFailed as fault:
            refusal = fault.answer["error"]["code"] if isinstance(fault.answer, dict) else fault.answer
        else:
            raise AssertionError("a report was answered while the warehouse was detached")
        time.sleep(seconds / 2)
        wait_for("the warehouse is back", lambda: site.status()["warehouse"]["state"] == "up", 60)
        behind = max(consumer["behind_seconds"] for consumer in middle["consumers"])
        print(f"warehouse: away {seconds:g} s ({middle['warehouse']['state']}, reports said {refusal!r}): "
              f"{len(visitors.answered) - before} clicks answered, {behind:.1f} s behind half way",
              flush=True)  # fmt: skip
        time.sleep(1)
    return verdict("warehouse", site, visitors, networks, declared(site))


# -- the program -----------------------------------------------------------------------------------------

PHASES = ("kills", "disk", "overflow", "warehouse", "caps", "postbacks", "platforms")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--phase", action="append", choices=PHASES, help="only this one; may be repeated")
    parser.add_argument("--postbacks", type=int, help="sales of the phase postbacks; 400 per kill")
    parser.add_argument("--events", type=int, help="events of the phase platforms; 2,000 a kill")
    parser.add_argument("--seed", type=int, default=time.time_ns() % 1_000_000)
    parser.add_argument("--seconds", type=float, default=30.0, help="how long the warehouse is away")
    parser.add_argument("--keep", type=Path, help="leave the data directories and logs here")
    options = parser.parse_args()
    print(f"seed {options.seed}", flush=True)
    folder = options.keep or Path(tempfile.mkdtemp(prefix="weir-faults-"))
    total, failed, skipped = Tally(), [], []
    # After each kill a minute passes until what it held is taken up: among all phases fewer are enough.
    few = options.kills if options.phase else max(2, options.kills // 3)
    run: dict[str, Callable[[], Tally]] = {
        "kills": lambda: killing(folder, options.kills, random.Random(options.seed)),
        "disk": lambda: full_disk(folder),
        "overflow": lambda: overflow(folder),
        "warehouse": lambda: failing_warehouse(folder, options.seconds),
        "caps": lambda: capping(Site(folder / "caps"), options.kills, random.Random(options.seed)),
        "postbacks": lambda: telling(
            Site(folder / "postbacks", {"WEIR_OUTBOUND__ALLOW": "127.0.0.0/8"}),
            options.kills,
            options.postbacks or 400 * options.kills,
            random.Random(options.seed),
        ),
        "platforms": lambda: reporting(
            Site(folder / "platforms", {"WEIR_OUTBOUND__ALLOW": "127.0.0.0/8"}),
            folder / "meta",
            few,
            options.events or 2_000 * few,
            random.Random(options.seed),
        ),
    }
    try:
        for name in options.phase or PHASES:
            try:
                total += run[name]()
            except CannotMount as fault:
                skipped.append(name)
                print(f"{name}: SKIPPED, no small disk can be mounted here: {fault}", flush=True)
            except AssertionError as fault:
                failed.append(name)
                print(f"{name}: FAILED {fault}", flush=True)
    finally:
        if options.keep is None and not failed and not total.faults:
            shutil.rmtree(folder, ignore_errors=True)
        else:
            print(f"data directories and logs: {folder}", flush=True)
    if skipped:
        print(
            f"not run: {', '.join(skipped)}"
            + (": that fails under CI" if os.environ.get("CI") == "true" else "")
        )
    if failed:
        print(f"failed: {', '.join(failed)}")
    print(total.sales_line())
    print(total.closing_line())
    wrong = failed or total.faults or total.lost or total.doubled
    return 1 if wrong or (skipped and os.environ.get("CI") == "true") else 0


if __name__ == "__main__":
    sys.exit(main())
