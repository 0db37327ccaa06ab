"""What visitors notice when Weir's processes die, restart or find the disk full: nothing.

The real executable, real kills. `pytest -s` prints the figures; nothing about time is asserted.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.rig import Weir, start_weir, wait_for
from tests.visitors import Visit, click_id_of, summary, visiting
from tests.wire import Address, address_of, exchange

Start = Callable[..., Weir]
DEMO = ("/c/demo?cost=0.01", "/r/demo", "/go/demo?x=%D0%BA")


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    started: list[Weir] = []

    def go(*args: str, **options: object) -> Weir:
        weir = start_weir(tmp_path / "data", *args, **options)  # type: ignore[arg-type]
        started.append(weir)
        return weir

    yield go
    for weir in started:
        weir.end()


def where(weir: Weir) -> Callable[[], Address]:
    address = address_of(weir.public)
    return lambda: address


def kill(weir: Weir, role: str) -> tuple[float, float] | None:
    """kill -9; the moments just before and just after, or None when that process is not there now."""
    pid = weir.children().get(role)
    if pid is None:
        return None
    before = time.monotonic()
    os.kill(pid, signal.SIGKILL)
    # Reaped, not just a zombie: its first thread is one while others still hold the sockets.
    wait_for(f"{role} dead", lambda: not Path(f"/proc/{pid}").exists())
    return before, time.monotonic()


def outside(failed: list[Visit], kills: list[tuple[float, float]]) -> list[Visit]:
    """Those failures that were not under way at any kill of an edge."""
    return [
        visit for visit in failed
        if not any(visit.began <= after and visit.ended >= before for before, after in kills)
    ]  # fmt: skip


@pytest.mark.slow
def test_killing_core_and_edges_costs_no_connection_but_the_one_in_hand(start: Start) -> None:
    weir = start("--edges", "2")
    core_kills, edge_kills = 0, []
    with visiting(where(weir), DEMO, clients=8) as visitors:
        for second in range(20):
            time.sleep(1)
            core_kills += kill(weir, "core") is not None
            if second in (4, 10, 16):
                found = kill(weir, f"edge-{second // 2 % 2}")
                assert found is not None
                edge_kills.append(found)
        time.sleep(1)
    failed = visitors.failed
    print(f"\nresilience: {summary(visitors.visits)}; core killed {core_kills} times in 20 s, "
          f"edges {len(edge_kills)}; {len(failed)} requests cut in the hands of a killed edge")  # fmt: skip
    assert outside(failed, edge_kills) == [], edge_kills
    assert not [visit for visit in failed if "refused" in visit.error.lower()]
    assert len(failed) <= 8 * len(edge_kills), "more than one request per client and kill"
    assert [visit for visit in visitors.answered if visit.status != 302] == []
    assert core_kills >= 5
    weir.wait_child("core")


@pytest.mark.slow
def test_sighup_under_load(start: Start) -> None:
    weir = start("--edges", "2")
    before = weir.children()
    with visiting(where(weir), DEMO, clients=8, pause=0.002) as visitors:
        for turn in range(3):
            weir.signal(signal.SIGHUP)
            wait_for("reloaded", lambda turn=turn: len(weir.logged("reloaded")) > turn)
            time.sleep(0.2)
    # On a kept connection a client may meet the close that an idle server is free to make (RFC 9112 9.3.1).
    fresh = [visit for visit in visitors.failed if not visit.reused]
    print(f"\nSIGHUP x3 over 2 edges: {summary(visitors.visits)}; "
          f"{len(visitors.failed) - len(fresh)} met a closing kept connection")  # fmt: skip
    assert fresh == []
    after = weir.children()
    assert after["core"] == before["core"]
    assert {after["edge-0"], after["edge-1"]}.isdisjoint({before["edge-0"], before["edge-1"]})


@pytest.mark.slow
def test_a_long_absent_edge_has_its_socket_served_by_its_sibling(start: Start) -> None:
    weir = start("--edges", "2")
    kills = []
    with visiting(where(weir), DEMO, clients=6) as visitors:
        while not weir.logged("socket adopted", socket=1):  # each death doubles the wait for the next start
            found = kill(weir, "edge-1")
            if found is not None:
                kills.append(found)
            time.sleep(0.05)
            assert len(kills) < 20 and weir.process.poll() is None
        adopted = time.monotonic()
        wait_for("released", lambda: weir.logged("socket released", socket=1))
        time.sleep(0.3)
    waited = [visit.seconds for visit in visitors.answered if visit.began > adopted]
    print(f"\nadoption: {summary(visitors.visits)}; after it the longest was {max(waited):.3f} s")
    assert outside(visitors.failed, kills) == []
    assert [visit for visit in visitors.answered if visit.status != 302] == []


def test_the_edge_serves_while_the_core_is_dead_also_when_it_starts_without_one(start: Start) -> None:
    weir = start()
    address = where(weir)()
    wait_for("the table on disk", lambda: (weir.data / "edges/0/table.msgpack").exists())
    # A core that cannot start: its catalog is no database.
    catalog = weir.data / "catalog.db"
    held = catalog.read_bytes()
    for name in ("catalog.db", "catalog.db-wal", "catalog.db-shm"):
        (weir.data / name).unlink(missing_ok=True)
    catalog.write_bytes(b"not a database at all" * 500)
    kill(weir, "core")
    for _ in range(20):
        assert exchange(address, "/c/demo").status == 302
    dead = weir.children()["edge-0"]
    kill(weir, "edge-0")
    weir.wait_child("edge-0", besides=dead)
    assert exchange(address, "/c/demo").status == 302, "from the last table on disk"
    assert exchange(address, "/readyz").status == 200
    wait_for("the core dies of it", lambda: weir.logged("child died, starts again", child="core", code=1))
    catalog.write_bytes(held)
    weir.signal(signal.SIGHUP)
    wait_for("the core is back", lambda: _answers(weir))
    assert exchange(address, "/c/demo").status == 302


def _answers(weir: Weir) -> bool:
    try:
        return bool(weir.call("system.status")["ready"])
    except AssertionError:
        return False


def test_the_core_runs_with_the_edge_dead(start: Start) -> None:
    weir = start()
    kill(weir, "edge-0")
    made = weir.call("campaigns.create", {"name": "While away", "slug": "while-away"})
    assert made["slug"] == "while-away"
    address = where(weir)()

    def taken() -> bool:
        return exchange(address, "/c/while-away").body == b"Nothing here."

    wait_for("the edge is back and knows the new campaign", taken)


@contextmanager
def small_disk(path: Path, megabytes: int) -> Iterator[None]:
    """A tmpfs of so many MB at `path`. Skips, saying why, where nobody may mount."""
    path.mkdir(parents=True)
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "weir-test", str(path)],
        capture_output=True, text=True,
    )  # fmt: skip
    if made.returncode:
        pytest.skip(f"cannot mount a small disk: {made.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(path)], check=True)


def fill(path: Path) -> Path:
    """Leave not a byte free below `path`; the file that does it."""
    ballast = path / "ballast"
    with ballast.open("wb", buffering=0) as out:
        size = 1 << 20
        while size >= 1:
            try:
                out.write(b"\0" * size)
            except OSError:
                size //= 2
    return ballast


def test_an_edge_starts_on_a_full_disk_and_serves(start: Start, tmp_path: Path) -> None:
    edges = tmp_path / "data" / "edges"
    with small_disk(edges, 8):
        weir = start(env={"WEIR_JOURNAL__RESERVE_MB": "0"})
        address = where(weir)()
        assert exchange(address, "/c/demo").status == 302
        # The killed edge's segment would be shipped and removed, and the disk no longer full.
        weir.call("journal.hold", {"edge": 0, "consumer": "all"})
        ballast = fill(edges)
        dead = weir.children()["edge-0"]
        kill(weir, "edge-0")
        weir.wait_child("edge-0", besides=dead)
        for _ in range(5):
            assert exchange(address, "/c/demo").status == 302
        refused = exchange(address, "/pb/demo?click_id=x")
        assert refused.status == 503 and refused.headers["retry-after"]
        report = _journal(weir, lambda report: report["ring"] == 5)
        assert (report["mode"], report["unrecorded"]) == ("ring", 0)
        ballast.unlink()
        report = _journal(weir, lambda report: report["mode"] == "recording")
        assert (report["ring"], report["unrecorded"]) == (0, 0)
        assert exchange(address, "/pb/demo?click_id=x").status == 200
        assert weir.stop() == 0


def _journal(weir: Weir, until: Callable[[dict[str, object]], bool]) -> dict[str, object]:
    """The edge's journal as it reports it, once `until` holds."""

    def ask() -> dict[str, object] | None:
        report = weir.call("system.status")["edges"][0]["report"]
        return report["journal"] if report and until(report["journal"]) else None

    found: dict[str, object] = wait_for("the journal's report", ask)
    return found


def test_a_newcomers_first_minute(start: Start) -> None:
    """Tracked link → its page shows the click id and a curl line → that postback → the report has both."""
    weir = start()
    address = where(weir)()
    host = {"Host": f"127.0.0.1:{address[1]}"}
    click = exchange(address, "/c/demo?sub1=hello&cost=0.10", headers=host)
    click_id = click_id_of(click.location)
    assert click.status == 302 and click_id
    page = exchange(address, click.location, headers=host).body.decode()
    assert page.count(click_id) >= 2
    line = next(line for line in page.splitlines() if "curl" in line)
    url = line.partition('"')[2].partition('"')[0].replace("&amp;", "&")
    assert url.startswith(f"http://127.0.0.1:{address[1]}/pb/demo?click_id={click_id}&")
    told = exchange(address, url)
    assert told.status == 200 and told.body.startswith(b"OK")
    report = wait_for("the report", lambda: _overview(weir))
    figures = {name: str(report[name]) for name in ("clicks", "conversions", "revenue", "cost", "profit")}
    assert figures == {"clicks": "1", "conversions": "1", "revenue": "1.5", "cost": "0.1", "profit": "1.4"}
    assert weir.stop() == 0
    printed = weir.stdout()
    assert f"127.0.0.1:{address[1]}/c/demo" in printed and "/pb/demo" in printed
    assert "reports.overview" in printed and "admin at http://127.0.0.1:" in printed


def _overview(weir: Weir) -> dict[str, object] | None:
    try:
        answer: dict[str, object] = weir.call("reports.overview")
    except AssertionError:
        return None  # the warehouse is still opening
    return answer if answer["conversions"] else None
