"""The parent of processes, with stand-ins for edge and core: real processes, sockets and signals.

Real time: each test takes a second or a few. Loopback only, ports chosen by the kernel.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import threading
import time
from pathlib import Path

import pytest

from tests.journeys.stand_ins import STAND_IN, Start, address, get, handed_over, load
from tests.rig import PATIENCE, ROOT, Weir, alive, wait_for


def test_it_says_where_it_listens_and_what_to_try(start: Start) -> None:
    weir = start("--edges", "2")
    wait_for("ready", lambda: weir.logged("ready"))
    said = weir.where()
    told = {child.pop("name"): child for child in said.pop("children")}
    assert said == {
        "pid": weir.process.pid,
        "public": said["public"],
        "admin": "127.0.0.1:365",
        "version": "0.1.0",
    }
    assert {name: child["pid"] for name, child in told.items()} == weir.children()
    assert sorted(weir.children()) == ["core", "edge-0", "edge-1"]
    assert get(address(weir)).split()[1] in map(str, weir.children().values())
    assert weir.stop() == 0
    port = address_port(weir)
    assert weir.stdout().splitlines() == [
        f"Weir 0.1.0 listens on 127.0.0.1:{port}; admin at http://127.0.0.1:365/",
        "try this",
        "and that",
    ]


def address_port(weir: Weir) -> int:
    return int(weir.logged("starting")[0]["public"].rpartition(":")[2])


def test_an_ordered_stop_goes_edges_then_sockets_then_core(start: Start) -> None:
    weir = start("--edges", "2")
    where = address(weir)
    slow: list[str] = []
    waiting = threading.Thread(target=lambda: slow.append(get(where, "/0.5")))
    waiting.start()
    time.sleep(0.2)
    assert weir.stop() == 0
    waiting.join()
    assert len(slow) == 1, "what was in flight at the stop is answered"
    stages = [line["stage"] for line in weir.logged("stage", process="parent") if "child" not in line]
    assert stages == ["edges stopped", "public sockets closed", "core stopped"]
    assert len(weir.logged("stage", stage="requests answered")) == 2
    assert not weir.where() and not weir.family()
    with pytest.raises(ConnectionRefusedError):
        get(where)


def test_a_killed_edge_leaves_connections_waiting_not_refused(start: Start) -> None:
    weir = start("--edges", "1")
    where = address(weir)
    get(where)
    dead = weir.kill("edge-0")
    body = get(where)  # arrives while nobody accepts
    assert body.split()[0] == "0" and body.split()[1] != str(dead)
    assert weir.logged("child died, starts again", child="edge-0", signal="SIGKILL", delay=0.05)


def test_the_edge_serves_with_the_core_dead_and_the_core_restarts(start: Start) -> None:
    weir = start()
    dead = weir.kill("core")
    assert get(address(weir))
    assert weir.wait_child("core", besides=dead) != dead


def test_children_leave_when_the_parent_is_killed_and_a_new_parent_waits_for_them(start: Start) -> None:
    weir = start("--edges", "2")
    (weir.data / "core.slow").write_text("0")
    slow: list[str] = []
    where = address(weir)
    waiting = threading.Thread(target=lambda: slow.append(get(where, "/1")))
    waiting.start()
    time.sleep(0.2)
    children = weir.children()
    weir.kill("parent")
    weir.process.wait()
    second = start("--edges", "2", "--public", f"127.0.0.1:{where[1]}")
    assert not any(alive(pid) for pid in children.values())
    waiting.join()
    assert len(slow) == 1, "they stopped in order: the request was answered"
    assert get(address(second))


def test_a_second_weir_on_the_same_data_says_who_holds_it(start: Start) -> None:
    weir = start()
    second = start(wait=False, env={"WEIR_STOP_SECONDS": "1"})
    assert second.process.wait(PATIENCE) == 1
    said = second.log.read_text()
    assert "another Weir uses" in said and str(weir.pid) in said
    assert get(address(weir))


def test_a_second_weir_does_not_share_the_public_port(start: Start, tmp_path: Path) -> None:
    weir = start()
    taken = f"127.0.0.1:{address(weir)[1]}"
    done = subprocess.run(
        [*STAND_IN, "serve", "--data", str(tmp_path / "other"), "--public", taken],
        capture_output=True, text=True, cwd=ROOT, timeout=PATIENCE,
    )  # fmt: skip
    assert done.returncode == 2
    assert f"public.bind: {taken}: Address already in use" in done.stderr


@pytest.mark.slow
def test_sighup_restarts_every_edge_without_a_failed_connection(start: Start) -> None:
    weir = start("--edges", "2")
    before = weir.children()
    with load(address(weir)) as visitors:
        for turn in range(2):
            weir.signal(signal.SIGHUP)
            wait_for("reloaded", lambda turn=turn: len(weir.logged("reloaded")) > turn)
        time.sleep(0.3)
    assert visitors.errors == []
    assert len(visitors.answers) > 50
    print(f"SIGHUP x2 over 2 edges: {len(visitors.answers)} answers, longest {visitors.longest:.3f} s")
    after = weir.children()
    assert after["core"] == before["core"], "nothing changed: the core stays"
    assert after["edge-0"] != before["edge-0"] and after["edge-1"] != before["edge-1"]
    assert not alive(before["edge-0"]) and not alive(before["edge-1"])


def test_sighup_with_a_wrong_file_names_every_fault_and_changes_nothing(start: Start, tmp_path: Path) -> None:
    file = tmp_path / "weir.toml"
    file.write_text("[retention]\nclicks_days = 30\n")
    weir = start("--config", str(file))
    before = weir.children()
    file.write_text("[retention]\nclicks_days = 0\n[nonsense]\nx = 1\n")
    weir.signal(signal.SIGHUP)
    wait_for("two faults", lambda: len(weir.logged("configuration not taken")) == 2)
    assert {line["path"] for line in weir.logged("configuration not taken")} == {
        "nonsense",
        "retention.clicks_days",
    }
    assert weir.children() == before and weir.where()["admin"] == "127.0.0.1:30"
    file.write_text("edges = 3\n[retention]\nclicks_days = 31\n")
    weir.signal(signal.SIGHUP)
    wait_for("the core with the new setting", lambda: weir.where()["admin"] == "127.0.0.1:31")
    assert weir.logged("takes effect at the next start", setting="edges")
    assert weir.children()["edge-0"] != before["edge-0"]


def test_an_edge_that_cannot_start_keeps_the_rest_running_and_is_tried_at_sighup(
    start: Start, tmp_path: Path
) -> None:
    (tmp_path / "data" / "edge-1.refuse").touch()
    (tmp_path / "data" / "core.refuse").touch()
    weir = start("--edges", "2", wait=False)
    weir.wait_ready(core=False)
    for child in ("edge-1", "core"):
        wait_for(
            f"{child} refused",
            lambda child=child: weir.logged(
                "child cannot start: correct the configuration and send SIGHUP", child=child, delay=5.0
            ),
        )
    where = address(weir)
    assert {get(where).split()[0] for _ in range(20)} == {"0"}, "edge 0 serves both sockets"
    (weir.data / "edge-1.refuse").unlink()
    weir.signal(signal.SIGHUP)
    wait_for("released", lambda: weir.logged("socket released", socket=1))
    assert {get(where).split()[0] for _ in range(40)} == {"0", "1"}


def test_a_death_by_signal_before_ready_is_no_configuration_error(start: Start) -> None:
    weir = start("--edges", "2")
    (weir.data / "edge-1.slow").write_text("1.0")
    first = weir.kill("edge-1")
    for _ in range(2):
        time.sleep(0.2)
        first = weir.wait_child("edge-1", besides=first)
        os.kill(first, signal.SIGKILL)
    died = wait_for(
        "three deaths", lambda: len(found := weir.logged("child died, starts again")) == 3 and found
    )
    assert [line["delay"] for line in died] == [0.05, 0.1, 0.2]


@pytest.mark.slow
def test_the_socket_of_an_edge_that_is_long_away_is_served_by_a_sibling(start: Start) -> None:
    weir = start("--edges", "2")
    where = address(weir)
    wait_for("both", lambda: weir.logged("ready"))
    time.sleep(0.5)  # what was adopted during the start has been released
    with load(where, clients=6) as visitors:
        adopted, released = (len(weir.logged(f"socket {what}", socket=1)) for what in ("adopted", "released"))
        (weir.data / "edge-1.slow").write_text("3")
        time.sleep(0.3)
        dead = weir.kill("edge-1")
        wait_for("adopted", lambda: len(weir.logged("socket adopted", socket=1, child="edge-0")) > adopted)
        (weir.data / "edge-1.slow").unlink()
        wait_for("released", lambda: len(weir.logged("socket released", socket=1, child="edge-0")) > released)
        time.sleep(0.5)
    # The kill may catch one request per client in the edge's hands; no other fails.
    assert len(visitors.errors) <= 6 and not any("refused" in error for error in visitors.errors)
    print(f"kill -9, away 3 s: longest {visitors.longest:.3f} s, {len(visitors.errors)} cut at the kill")
    assert visitors.longest < 2.5, "nobody waited until the edge was back"
    assert {body.split()[0] for body in visitors.answers[-50:]} == {"0", "1"}
    assert str(dead) not in {body.split()[1] for body in visitors.answers[-50:]}


def test_a_second_signal_cuts(start: Start) -> None:
    weir = start(env={"WEIR_STOP_SECONDS": "600"})
    (weir.data / "core.deaf").touch()
    weir.process.terminate()
    wait_for("the core is asked", lambda: weir.logged("stage", stage="public sockets closed"))
    weir.process.send_signal(signal.SIGINT)
    assert weir.process.wait(PATIENCE) == 1
    assert not weir.family()


def test_a_child_that_does_not_stop_in_its_share_is_killed(start: Start) -> None:
    weir = start(env={"WEIR_STOP_SECONDS": "1"})
    (weir.data / "edge-0.deaf").touch()
    assert weir.stop() == 0
    assert weir.logged("killed: it did not stop in time", child="edge-0", seconds=0.4)


@pytest.mark.slow
def test_an_orphan_that_cannot_stop_is_ended_by_the_kernel(start: Start) -> None:
    weir = start(env={"WEIR_STOP_SECONDS": "1"})
    (weir.data / "core.deaf").touch()
    pid = weir.children()["core"]
    weir.kill("parent")
    wait_for("the alarm", lambda: not alive(pid))


@pytest.mark.parametrize(
    ("sockets", "homes"),
    [(3, ["0", "1", "0"]), (1, ["0", "1"])],
    ids=["more sockets than edges: adopted", "fewer: shared"],
)
def test_the_sockets_that_systemd_hands_over_are_served(
    start: Start, tmp_path: Path, sockets: int, homes: list[str]
) -> None:
    listeners = [socket.create_server(("127.0.0.1", 0)) for _ in range(sockets)]
    fds = [listener.fileno() for listener in listeners]
    weir = start("--edges", "2", argv=handed_over(fds), pass_fds=fds)
    ports = [listener.getsockname() for listener in listeners]
    for listener in listeners:
        listener.close()
    assert address(weir) == ports[0]
    if sockets > 1:
        wait_for("every socket at home", lambda: [get(port).split()[0] for port in ports] == homes)
    else:
        slow = [threading.Thread(target=get, args=(ports[0], "/0.5")) for _ in range(4)]
        for thread in slow:
            thread.start()
        seen: set[str] = set()
        wait_for("both edges answer", lambda: seen.add(get(ports[0]).split()[0]) or seen == set(homes))
        for thread in slow:
            thread.join()
        assert not weir.logged("socket adopted"), "a shared socket is served as long as one edge lives"
    assert weir.stop() == 0


def test_descriptors_that_nobody_needs_do_not_reach_the_core(start: Start) -> None:
    weir = start("--edges", "2")
    table = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    listening = {f"socket:[{row[9]}]" for row in table if row[3] == "0A"}
    children = weir.children()

    def held(role: str) -> set[str]:
        return {str(link.readlink()) for link in Path(f"/proc/{children[role]}/fd").iterdir()} & listening

    assert len(held("edge-0")) == 2
    assert held("core") == set(), "a queue that nobody accepts from would stay open"
