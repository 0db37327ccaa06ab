"""What systemd sees of Weir: the messages, and the sockets that it keeps during a restart.

The test plays systemd: it owns the datagram socket, keeps what it is sent and passes it to the next run.
"""

from __future__ import annotations

import array
import itertools
import os
import signal
import socket
import statistics
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.journeys.stand_ins import Start, address, get, handed_over, load
from tests.rig import program, wait_for


class PlayedSystemd:
    """The part of systemd that a service talks to. Everything it heard is kept, with the time."""

    def __init__(self, where: str) -> None:
        self.where = where
        self.heard: list[tuple[float, str]] = []
        self.stored: list[int] = []
        self._inbox = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._inbox.bind("\0" + where[1:] if where.startswith("@") else where)
        self._inbox.settimeout(0.1)
        self._closing = False
        self._thread = threading.Thread(target=self._listen)
        self._thread.start()

    def close(self) -> None:
        self._closing = True
        self._thread.join()
        self._inbox.close()
        self.drop()

    def drop(self) -> None:
        for descriptor in self.stored:
            os.close(descriptor)
        self.stored.clear()

    def _listen(self) -> None:
        space = socket.CMSG_SPACE(64 * 4)
        while not self._closing:
            try:
                data, rights, _, _ = self._inbox.recvmsg(4096, space)
            except TimeoutError:
                continue
            text = data.decode()
            for _, _, packed in rights:
                self._keep(array.array("i", packed))
            if text.startswith("FDSTOREREMOVE=1"):
                self.drop()
            self.heard.append((time.monotonic(), text))

    def _keep(self, fds: array.array[int]) -> None:
        known = {os.fstat(descriptor).st_ino for descriptor in self.stored}
        for descriptor in fds:
            if os.fstat(descriptor).st_ino in known:  # systemd drops what it has already
                os.close(descriptor)
            else:
                self.stored.append(descriptor)

    def texts(self, start: str = "") -> list[str]:
        return [text for _, text in self.heard if text.startswith(start)]

    def wait(self, start: str, count: int = 1) -> str:
        wait_for(f"{count} × {start}", lambda: len(self.texts(start)) >= count)
        return self.texts(start)[-1]


@pytest.fixture
def systemd(tmp_path: Path) -> Iterator[PlayedSystemd]:
    made = PlayedSystemd(str(tmp_path / "notify"))
    yield made
    made.close()


def test_it_is_ready_without_a_core_and_says_what_serves(start: Start, systemd: PlayedSystemd) -> None:
    (Path(systemd.where).parent / "data" / "core.slow").write_text("2")
    weir = start("--edges", "2", wait=False, env={"NOTIFY_SOCKET": systemd.where})
    systemd.wait("READY=1")
    where = address(weir)
    away = f"STATUS=2 of 2 edges serve on 127.0.0.1:{where[1]}; the core is not ready: clicks are answered"
    assert systemd.wait(away) and get(where)
    systemd.wait(f"STATUS=2 of 2 edges serve on 127.0.0.1:{where[1]}; the core is ready")
    weir.kill("edge-1")
    systemd.wait("STATUS=1 of 2 edges serve")
    assert weir.stop() == 0
    stopping = systemd.wait("STOPPING=1").splitlines()
    assert "EXTEND_TIMEOUT_USEC=30000000" in stopping, "stop_seconds and a margin, whatever the unit says"
    assert systemd.texts("READY=1") == ["READY=1"] and not systemd.texts("WATCHDOG")


def test_a_reload_is_said_whether_the_configuration_is_taken_or_not(
    start: Start, systemd: PlayedSystemd, tmp_path: Path
) -> None:
    file = tmp_path / "w.toml"
    file.write_text("")
    weir = start("--config", str(file), env={"NOTIFY_SOCKET": systemd.where})
    for turn, text in enumerate(["[retention]\nclicks_days = 30\n", "wrong = 1\n"], 1):
        file.write_text(text)
        weir.signal(signal.SIGHUP)
        systemd.wait("READY=1", 1 + turn)
        assert int(systemd.wait("RELOADING=1\nMONOTONIC_USEC=", turn).rpartition("=")[2]) > 0
    said = [text.split("=")[0] for text in systemd.texts() if text.startswith(("READY", "RELOADING"))]
    assert said == ["READY", "RELOADING", "READY", "RELOADING", "READY"]


def test_signs_of_life_come_twice_in_the_watchdogs_time_and_end_with_a_hung_parent(
    start: Start, systemd: PlayedSystemd
) -> None:
    weir = start(env={"NOTIFY_SOCKET": systemd.where, "WATCHDOG_USEC": "1400000"})
    first = len(systemd.texts("WATCHDOG=1"))
    systemd.wait("WATCHDOG=1", first + 5)
    times = [at for at, text in systemd.heard if text == "WATCHDOG=1"][first:]
    # Any single one may be late on a busy machine.
    assert statistics.median(b - a for a, b in itertools.pairwise(times)) < 0.7
    weir.signal(signal.SIGSTOP)
    time.sleep(0.1)
    heard = len(systemd.texts("WATCHDOG=1"))
    time.sleep(1.0)
    assert len(systemd.texts("WATCHDOG=1")) == heard
    weir.signal(signal.SIGCONT)


def test_a_watchdog_for_another_process_is_not_fed(start: Start, systemd: PlayedSystemd) -> None:
    others = {"WATCHDOG_USEC": "400000", "WATCHDOG_PID": "1"}
    start(env={"NOTIFY_SOCKET": systemd.where, **others})
    systemd.wait("READY=1")
    time.sleep(0.6)
    assert systemd.texts("WATCHDOG") == []


def test_no_child_can_speak_for_weir(start: Start, systemd: PlayedSystemd) -> None:
    weir = start(env={"NOTIFY_SOCKET": systemd.where, "WATCHDOG_USEC": "9000000", "WATCHDOG_PID": ""})
    for pid in weir.children().values():
        environ = Path(f"/proc/{pid}/environ").read_bytes()
        assert b"NOTIFY_SOCKET" not in environ and b"WATCHDOG" not in environ


def test_an_abstract_socket_is_understood_and_one_that_goes_away_is_no_matter(
    start: Start, tmp_path: Path
) -> None:
    systemd = PlayedSystemd(f"@weir-test-{os.getpid()}")
    try:
        weir = start(env={"NOTIFY_SOCKET": systemd.where, "WATCHDOG_USEC": "800000"})
        systemd.wait("READY=1")
    finally:
        systemd.close()
    time.sleep(0.5)
    assert get(address(weir)) and weir.stop() == 0


@pytest.mark.slow
@pytest.mark.parametrize("edges", ["2", "3", "1"], ids=["as many edges", "more edges", "fewer edges"])
def test_a_restart_refuses_and_resets_nobody(start: Start, systemd: PlayedSystemd, edges: str) -> None:
    weir = start("--edges", "2", env={"NOTIFY_SOCKET": systemd.where})
    where = address(weir)
    wait_for("the sockets", lambda: len(systemd.stored) == 2)
    bind = f"{where[0]}:{where[1]}"
    with load(where, clients=6) as visitors:
        time.sleep(0.3)
        assert weir.stop() == 0
        before = len(visitors.answers)
        fds = list(systemd.stored)
        argv = handed_over(fds, ["weir-public"] * len(fds))
        second = start(
            "--edges", edges, "--public", bind, argv=argv, pass_fds=fds,
            env={"NOTIFY_SOCKET": systemd.where},
        )  # fmt: skip
        wait_for("every edge", lambda: systemd.texts(f"STATUS={edges} of {edges}"))
        seen: set[str] = set()
        wait_for("all answer", lambda: seen.add(get(where).split()[0]) or len(seen) == int(edges))
        time.sleep(0.3)
    assert visitors.errors == []
    assert len(visitors.answers) > before + 20
    assert len(systemd.stored) == max(2, int(edges)), "those it had are not kept twice"
    print(f"restart: {len(visitors.answers)} answers, 0 errors, longest {visitors.longest:.3f} s")
    assert second.stop() == 0


@pytest.mark.slow
def test_a_restart_after_kill_9_of_everything_refuses_nobody(start: Start, systemd: PlayedSystemd) -> None:
    weir = start("--edges", "2", env={"NOTIFY_SOCKET": systemd.where})
    where = address(weir)
    wait_for("the sockets", lambda: len(systemd.stored) == 2)
    with load(where, clients=6) as visitors:
        time.sleep(0.3)
        weir.end()
        fds = list(systemd.stored)
        start(
            "--edges", "2", "--public", f"{where[0]}:{where[1]}",
            argv=handed_over(fds, ["weir-public"] * 2), pass_fds=fds,
        )  # fmt: skip
        time.sleep(0.5)
    # A kill may catch one request per client in an edge's hands.
    assert len(visitors.errors) <= 6 and not any("refused" in error for error in visitors.errors)


def test_another_address_lets_go_of_the_stored_sockets(start: Start, systemd: PlayedSystemd) -> None:
    weir = start("--edges", "2", env={"NOTIFY_SOCKET": systemd.where})
    old = address(weir)
    wait_for("the sockets", lambda: len(systemd.stored) == 2)
    assert weir.stop() == 0
    fds = [os.dup(descriptor) for descriptor in systemd.stored]  # a systemd that is slow to let go
    try:
        second = start(
            # The same port: only who no longer listens lets it be bound.
            "--edges", "1", "--public", f"0.0.0.0:{old[1]}",
            argv=handed_over(fds, ["weir-public"] * 2), pass_fds=fds, env={"NOTIFY_SOCKET": systemd.where},
        )  # fmt: skip
    finally:
        for descriptor in fds:
            os.close(descriptor)
    assert second.where()["public"] == f"0.0.0.0:{old[1]}"
    removed = systemd.texts().index("FDSTOREREMOVE=1\nFDNAME=weir-public")
    assert systemd.texts()[removed + 1].startswith("FDSTORE=1")
    wait_for("the new one", lambda: len(systemd.stored) == 1)
    assert get(old)


def test_an_operators_own_socket_wins_over_the_stored_ones(start: Start, systemd: PlayedSystemd) -> None:
    stored, own = socket.create_server(("127.0.0.1", 0)), socket.create_server(("127.0.0.1", 0))
    fds = [stored.fileno(), own.fileno()]
    weir = start(
        argv=handed_over(fds, ["weir-public", "weir.socket"]),
        pass_fds=fds,
        env={"NOTIFY_SOCKET": systemd.where},
    )
    assert address(weir) == own.getsockname()
    systemd.wait("FDSTOREREMOVE=1")
    assert systemd.texts("FDSTORE=1") == [], "systemd has the operator's sockets anyway"
    stored.close()
    own.close()


@pytest.mark.slow
def test_the_real_weir_restarts_without_a_refused_or_reset_visitor(
    start: Start, systemd: PlayedSystemd
) -> None:
    weir = start("--edges", "2", argv=program(), env={"NOTIFY_SOCKET": systemd.where})
    where = address(weir)
    wait_for("the sockets", lambda: len(systemd.stored) == 2)
    with load(where, clients=6, path="/c/demo", status="302") as visitors:
        time.sleep(0.5)
        assert weir.stop() == 0
        before = len(visitors.answers)
        fds = list(systemd.stored)
        start(
            "--edges", "2", "--public", f"{where[0]}:{where[1]}", pass_fds=fds,
            argv=handed_over(fds, ["weir-public"] * 2, program()),
            env={"NOTIFY_SOCKET": systemd.where},
        )  # fmt: skip
        time.sleep(0.5)
    print(f"restart: {len(visitors.answers)} answers, longest {visitors.longest:.3f} s, {visitors.errors}")
    assert visitors.errors == []
    assert len(visitors.answers) > before + 20
