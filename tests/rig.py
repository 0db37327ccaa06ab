"""Starts a real Weir on free ports and looks at it from outside. Used by journeys, smoke, faults and bench.

    with start_weir(tmp_path / "data", "--edges", "2") as weir:
        httpx.get(weir.public + "/c/demo")
        weir.kill("edge-0")

Everything here blocks; a trio test that has other tasks running calls it through `trio.to_thread.run_sync`.
BINARY in the environment names an executable to run instead of `python -m appliance`.
"""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from appliance.call import call
from appliance.datadir import holders, run_file

ROOT = Path(__file__).resolve().parent.parent
PATIENCE = 120.0
"""Seconds: many times what anything takes. A wait that is not needed costs nothing, and machines are busy."""


class CallFailed(AssertionError):
    """`weir call` answered with an error; `answer` is the decoded JSON, or the text."""

    def __init__(self, name: str, code: int, answer: Any) -> None:
        super().__init__(f"weir call {name} exited {code}: {answer}")
        self.answer = answer


def program() -> list[str]:
    """The argv that starts the executable under test."""
    binary = os.environ.get("BINARY")
    return [str(Path(binary).absolute())] if binary else [sys.executable, "-m", "appliance"]


def wait_for(what: str, ready: Callable[[], Any], seconds: float = PATIENCE) -> Any:
    """Ask `ready` until it answers something true; return that. AssertionError naming `what` when late."""
    deadline = time.monotonic() + seconds
    pause = 0.005
    while not (answer := ready()):
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {seconds:g} s in vain: {what}")
        time.sleep(pause)
        pause = min(0.1, pause * 1.3)  # who asks all the time slows down what he waits for
    return answer


def alive(pid: int) -> bool:
    """True for a process that runs; a zombie does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


class Weir:
    """A running `weir serve`. Leaving the `with` block stops it, and kills whoever is left."""

    def __init__(
        self,
        data: Path,
        args: Sequence[str],
        env: Mapping[str, str],
        argv: Sequence[str],
        pass_fds: Sequence[int] = (),
    ) -> None:
        self.data = data
        self.log = data.parent / f"{data.name}.log"
        self._argv = list(argv)
        clean = {name: value for name, value in os.environ.items() if not name.startswith("WEIR_")}
        self._env = {**clean, "PYTHONPATH": str(ROOT), **env}
        self._out = self.log.open("ab")
        self.process = subprocess.Popen(
            [*argv, "serve", "--data", str(data), "--public", "127.0.0.1:0", "--admin", "127.0.0.1:0", *args],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=self._out,
            cwd=ROOT,
            env=self._env,
            pass_fds=pass_fds,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        try:
            if self.process.poll() is None:
                self.stop()
        finally:
            self.end()

    # What it says about itself

    def where(self) -> dict[str, Any]:
        """run/weir.json; {} while it is not there."""
        try:
            found: dict[str, Any] = json.loads(run_file(self.data).read_text())
        except FileNotFoundError:
            return {}
        return found

    def wait_ready(self, core: bool = True, seconds: float = PATIENCE) -> Self:
        """Wait until an edge serves, and the core too unless told otherwise."""

        def ready() -> bool:
            if self.process.poll() is not None:
                raise AssertionError(
                    f"weir exited with {self.process.returncode}:\n{self.log.read_text()[-3000:]}"
                )
            where = self.where()
            # A parent that was killed leaves its file behind.
            fresh = "pid" in where and alive(where["pid"])
            return fresh and bool(where["admin"] or not core)

        wait_for("run/weir.json", ready, seconds)
        return self

    @property
    def public(self) -> str:
        """The public URL, without a slash at the end."""
        return "http://" + self.where()["public"].replace("0.0.0.0", "127.0.0.1")

    @property
    def admin(self) -> str:
        """The admin URL as of now: it changes when the core restarts on port 0."""
        return "http://" + self.where()["admin"]

    @property
    def pid(self) -> int:
        """The parent's pid; under a onefile the inner one."""
        return int(self.where().get("pid", self.process.pid))

    def children(self) -> dict[str, int]:
        """`{"edge-0": pid, "core": pid}` of what is alive; the newer of two that replace each other."""
        found: dict[str, int] = {}
        parent = self.pid
        for process in Path("/proc").iterdir():
            if not process.name.isdigit():
                continue
            try:
                state, ppid = (process / "stat").read_text().rpartition(")")[2].split()[:2]
                words = (process / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if int(ppid) != parent or state == "Z":
                continue
            if b"core" in words:
                found["core"] = int(process.name)
            elif b"edge" in words:
                name = "edge-" + words[words.index(b"--index") + 1].decode()
                found[name] = max(int(process.name), found.get(name, 0))
        return found

    def log_lines(self) -> list[dict[str, Any]]:
        """The log's JSON lines so far."""
        lines = []
        for line in self.log.read_text("utf-8", "replace").splitlines():
            if line.startswith("{"):
                try:
                    lines.append(json.loads(line))
                except ValueError:
                    continue  # the last one may be half written
        return lines

    def logged(self, message: str, **fields: Any) -> list[dict[str, Any]]:
        """The log lines with this message and these fields."""
        wanted = {"message": message, **fields}
        return [line for line in self.log_lines() if wanted.items() <= line.items()]

    # What one does to it

    def call(self, name: str, payload: Any = None) -> Any:
        """`weir call`: the decoded answer. Raises CallFailed.

        BINARY is started for it. From the sources the same code runs here: Python's start is the slow part.
        """
        text = json.dumps({} if payload is None else payload)
        if "BINARY" in os.environ:
            words = [*program(), "call", "--data", str(self.data), name, "-"]
            done = subprocess.run(
                words, input=text, capture_output=True, text=True, cwd=ROOT, env=self._env, timeout=PATIENCE
            )
            code, printed = done.returncode, done.stdout or done.stderr
        else:
            out, err = io.StringIO(), io.StringIO()
            code = call(self.data, name, text, out, err)
            printed = out.getvalue() or err.getvalue()
        try:
            answer = json.loads(printed)
        except ValueError:
            answer = printed
        if code:
            raise CallFailed(name, code, answer)
        return answer

    def signal(self, number: int) -> None:
        os.kill(self.pid, number)

    def kill(self, role: str) -> int:
        """kill -9 `edge-0`, `core` or `parent`; the pid that died."""
        pid = self.pid if role == "parent" else self.children()[role]
        os.kill(pid, signal.SIGKILL)
        return pid

    def wait_child(self, role: str, besides: int = 0, seconds: float = PATIENCE) -> int:
        """The pid of `role` once there is one other than `besides`."""
        pid: int = wait_for(
            f"a new {role}", lambda: (p := self.children().get(role, 0)) != besides and p, seconds
        )
        return pid

    def stop(self, seconds: float = PATIENCE) -> int:
        """SIGTERM, then wait; the exit code."""
        self.process.terminate()
        return self.process.wait(seconds)

    def stdout(self) -> str:
        """All it printed; only once it has exited."""
        assert self.process.stdout is not None
        return self.process.stdout.read().decode()

    def family(self) -> list[int]:
        """Every living process of this data directory: they all hold its lock."""
        lock = self.data / "lock"
        return [pid for pid in holders(lock) if alive(pid)] if lock.exists() else []

    def end(self) -> None:
        """Kill what is left of it, by pid, and close the log."""
        if self.process.poll() is None:
            self.process.kill()
        for pid in self.family():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()
        self._out.close()


def start_weir(
    data: Path,
    *args: str,
    env: Mapping[str, str] | None = None,
    argv: Sequence[str] | None = None,
    wait: bool = True,
    pass_fds: Sequence[int] = (),
) -> Weir:
    """Start `weir serve` on free loopback ports over `data`; `args` and `env` add to its configuration.

    The log (JSON lines) is `<data>.log` beside the directory, appended to by every start.
    """
    data.parent.mkdir(parents=True, exist_ok=True)
    weir = Weir(data, args, env or {}, argv or program(), pass_fds)
    if wait:
        try:
            weir.wait_ready()
        except BaseException:
            weir.end()
            raise
    return weir
