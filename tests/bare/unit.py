"""Runs a unit file's ExecStart as systemd would: user, capability, notify socket, watchdog, file store."""

from __future__ import annotations

import fcntl
import os
import re
import shlex
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.bare.root import Root
from tests.rig import alive, wait_for

FIRST_STORED = 100
"""Descriptors are handed to the shell in the root from here on; it moves them to 3, 4, ..."""
START_SECONDS = 90.0
NOTIFY = "/run/bare-notify"


@dataclass(frozen=True)
class Unit:
    """What the proof needs of a unit file. Raises KeyError for a line that must be there."""

    command: list[str]
    user: str
    capabilities: list[str]
    watchdog_seconds: float
    stop_seconds: float
    stored: int
    environ: dict[str, str]

    @classmethod
    def read(cls, path: Path) -> Unit:
        lines = re.findall(r"^(\w+)=(.*)$", path.read_text().replace("\\\n", " "), re.MULTILINE)
        last = dict(lines)
        assert last["Type"].startswith("notify"), f"Type={last['Type']}: READY=1 would mean nothing"
        environ = dict(
            word.split("=", 1) for key, value in lines if key == "Environment" for word in shlex.split(value)
        )
        return cls(
            command=shlex.split(last["ExecStart"]),
            user=last["User"],
            capabilities=[name.lower().removeprefix("cap_") for name in last["AmbientCapabilities"].split()],
            watchdog_seconds=seconds(last["WatchdogSec"]),
            stop_seconds=seconds(last["TimeoutStopSec"]),
            stored=int(last["FileDescriptorStoreMax"]),
            environ=environ,
        )


def seconds(text: str) -> float:
    """systemd's time spans, as far as units use them: `30`, `30s`, `1min 30s`."""
    parts = re.findall(r"(\d+(?:\.\d+)?)\s*(ms|s|sec|min|m|h)?(?:\s+|$)", text.strip() + " ")
    factors = {"ms": 0.001, "min": 60, "m": 60, "h": 3600}
    return sum(float(number) * factors.get(unit, 1) for number, unit in parts)


@dataclass
class Heard:
    """What came over the notify socket, and the descriptors put into the store, by name."""

    lines: list[tuple[float, str]] = field(default_factory=list)
    stored: dict[str, list[int]] = field(default_factory=dict)

    def times(self, line: str) -> list[float]:
        """When it was said, by time.monotonic()."""
        return [at for at, said in self.lines if said == line]


class Notifications:
    """The notify socket inside the root: a thread that listens until closed."""

    def __init__(self, root: Root, most: int) -> None:
        self.heard = Heard()
        self._most = most
        self._path = root / NOTIFY
        self._path.unlink(missing_ok=True)
        self._sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._sock.bind(str(self._path))
        self._path.chmod(0o666)
        self._sock.settimeout(0.2)
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def _listen(self) -> None:
        while not self._closed.is_set():
            try:
                message, fds, _, _ = socket.recv_fds(self._sock, 65536, 64)
            except TimeoutError:
                continue
            self._take(message.decode(), fds)

    def _take(self, message: str, fds: list[int]) -> None:
        lines = message.splitlines()
        now = time.monotonic()
        self.heard.lines += [(now, line) for line in lines]
        fields = dict(line.partition("=")[::2] for line in lines)
        name = fields.get("FDNAME", "stored")
        if "FDSTOREREMOVE" in fields:
            for descriptor in self.heard.stored.pop(name, []):
                os.close(descriptor)
        for descriptor in fds:
            held = sum(map(len, self.heard.stored.values()))
            known = [os.fstat(each).st_ino for each in self.heard.stored.get(name, [])]
            # systemd keeps one of each file and no more than FileDescriptorStoreMax.
            if "FDSTORE" not in fields or held >= self._most or os.fstat(descriptor).st_ino in known:
                os.close(descriptor)
                continue
            high = fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, FIRST_STORED)
            os.close(descriptor)
            self.heard.stored.setdefault(name, []).append(high)

    def take_stored(self) -> list[tuple[str, int]]:
        """(name, descriptor) of all, in the order they came; the store is empty afterwards."""
        taken = [(name, each) for name, held in self.heard.stored.items() for each in held]
        self.heard.stored = {}
        return taken

    def drop_stored(self) -> None:
        for _, descriptor in self.take_stored():
            os.close(descriptor)

    def close(self) -> None:
        self._closed.set()
        self._thread.join()
        self._sock.close()
        self._path.unlink(missing_ok=True)
        self.drop_stored()


class Started:
    """One start of the unit. Leaving the `with` block kills what is left of it."""

    def __init__(
        self,
        root: Root,
        unit: Unit,
        log: Path,
        stored: Sequence[tuple[str, int]] = (),
        environ: Mapping[str, str] | None = None,
    ) -> None:
        self.root = root
        self.unit = unit
        self.notifications = Notifications(root, unit.stored)
        self.heard = self.notifications.heard
        self.began = time.monotonic()
        caps = ",".join(f"+{name}" for name in unit.capabilities)
        watchdog_us = str(int(unit.watchdog_seconds * 1e6))
        own = {"HOME": "/", "NOTIFY_SOCKET": NOTIFY, "WATCHDOG_USEC": watchdog_us}
        bound = ",".join(["-all", *(f"+{name}" for name in unit.capabilities)])
        with log.open("ab") as out:
            self.process = subprocess.Popen(
                root.argv(
                    "setpriv", f"--reuid={unit.user}", f"--regid={unit.user}", "--init-groups",
                    "--no-new-privs", f"--bounding-set={bound}",
                    f"--inh-caps={caps}", f"--ambient-caps={caps}",
                    "/bin/bash", "-c", _handing_over(stored), "bash", *unit.command,
                ),
                env=root.environ() | own | unit.environ | dict(environ or {}),
                stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True,
                pass_fds=[descriptor for _, descriptor in stored],
            )  # fmt: skip
        for _, descriptor in stored:
            os.close(descriptor)
        self._log = log

    def __enter__(self) -> Started:
        return self

    def __exit__(self, *exc: object) -> None:
        self.end()

    def wait_ready(self) -> float:
        """Until READY=1; the seconds it took."""

        def ready() -> bool:
            assert self.process.poll() is None, f"ended with {self.process.returncode}: {self.log_end()}"
            return bool(self.heard.times("READY=1"))

        wait_for("READY=1", ready, START_SECONDS)
        return self.heard.times("READY=1")[0] - self.began

    def stop(self, budget: float) -> float:
        """SIGTERM; the seconds until it had gone. AssertionError for another exit code than 0."""
        began = time.monotonic()
        self.process.terminate()
        code = self.process.wait(budget)
        assert code == 0, f"exit code {code}: {self.log_end()}"
        return time.monotonic() - began

    def kill(self) -> None:
        """kill -9 of what systemd would call the main process."""
        self.process.kill()
        self.process.wait(10)

    def log_end(self) -> str:
        return self._log.read_text("utf-8", "replace")[-1500:]

    def end(self) -> None:
        for pid in family_of(self.process.pid):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self.process.wait(10)
        self.notifications.close()


def _handing_over(stored: Sequence[tuple[str, int]]) -> str:
    """The shell line that becomes the command: sd_listen_fds(3) wants 3, 4, ... and the program's own pid."""
    moves = " ".join(f"{3 + place}<&{fd} {fd}<&-" for place, (_, fd) in enumerate(stored))
    names = ":".join(name for name, _ in stored)
    given = f"exec {moves}; export LISTEN_PID=$$ LISTEN_FDS={len(stored)} LISTEN_FDNAMES={names}; "
    return (given if stored else "") + 'export WATCHDOG_PID=$$; exec "$@"'


def family_of(pid: int) -> list[int]:
    """The living among `pid`, what it started, and what those started: each leads a session of its own."""
    parents: dict[int, int] = {}
    for process in Path("/proc").iterdir():
        try:
            if process.name.isdigit() and alive(int(process.name)):
                fields = (process / "stat").read_text().rpartition(")")[2].split()
                parents[int(process.name)] = int(fields[1])
        except OSError:
            continue
    found = [pid] if pid in parents else []
    for member in found:
        found += [child for child, parent in parents.items() if parent == member]
    return found
