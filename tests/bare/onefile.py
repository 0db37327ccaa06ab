"""dist/weir itself in a bare root: how long starts take, and what the launcher does when things go wrong."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.bare.root import Root
from tests.bare.table import Table
from tests.bare.unit import NOTIFY, Notifications, family_of
from tests.rig import alive, wait_for
from tests.wire import address_of, exchange

FIRST_START = 15.0
LATER_START = 4.0
STOP_SECONDS = 20.0
"""The default `stop_seconds`."""
USER = 12001
"""Some user without a name, and STRANGER another one."""
STRANGER = 12002
WORLD = "/var/tmp/onefile"
PROGRAM = f"{WORLD}/weir"
UNPACKING = "the first start of this build unpacks it"
PATIENCE = 120.0


class Onefile:
    """Everything happens below one directory of the root, which is gone afterwards."""

    def __init__(self, root: Root, binary: Path, table: Table) -> None:
        self.root, self.table = root, table
        self.world = root / WORLD
        self._binary = binary
        self._number = 0

    def prove(self) -> None:
        self.world.mkdir(mode=0o755, parents=True)
        shutil.copy(self._binary, self.world / "weir")
        try:
            self.timed()
            self.served()
            self.concurrent()
            self.killed_while_unpacking()
            self.older_builds()
            self.refusals()
        finally:
            shutil.rmtree(self.world)

    # -- starting it -------------------------------------------------------------------------------------

    def cache(self) -> str:
        """A new, empty cache directory of the user's."""
        self._number += 1
        name = f"{WORLD}/cache{self._number}"
        (self.root / name).mkdir(mode=0o700)
        os.chown(self.root / name, USER, USER)
        return name

    def begin(self, *words: str, **environ: str) -> subprocess.Popen[str]:
        """The program as USER, in a session of its own."""
        as_user = ["setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups", PROGRAM, *words]
        clean = {name: value for name, value in self.root.environ().items() if name != "HOME"}
        return subprocess.Popen(
            self.root.argv(*as_user), env=clean | environ, start_new_session=True, text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip

    def version(self, cache: str) -> tuple[float, str]:
        """(seconds, stderr) of `weir version`."""
        began = time.monotonic()
        process = self.begin("version", XDG_CACHE_HOME=cache)
        out, err = finish(process)
        assert process.returncode == 0 and out.startswith("weir "), f"{process.returncode}: {out}{err}"
        return time.monotonic() - began, err

    def builds(self, cache: str) -> list[str]:
        """What lies in the cache, lock files aside."""
        folder = self.root / cache / "weir"
        return sorted(path.name for path in folder.glob("*") if path.suffix != ".lock")

    def drop(self, cache: str) -> None:
        shutil.rmtree(self.root / cache)

    # -- the checks --------------------------------------------------------------------------------------

    def timed(self) -> None:
        cache = self.cache()
        with self.table.check(f"`weir version`, first start: under {FIRST_START:g} s") as note:
            seconds, err = self.version(cache)
            note.text = f"{seconds:.1f} s; {load()}"
            assert UNPACKING in err and seconds < FIRST_START, f"{note.text}: {err}"
        with self.table.check(f"`weir version`, later starts: under {LATER_START:g} s") as note:
            starts = [self.version(cache) for _ in range(3)]
            note.text = ", ".join(f"{seconds:.1f} s" for seconds, _ in starts)
            assert all(err == "" for _, err in starts), starts
            assert max(seconds for seconds, _ in starts) < LATER_START, note.text
        self.drop(cache)

    @contextmanager
    def serving(self, cache: str, data: str) -> Iterator[tuple[subprocess.Popen[str], float, float]]:
        """`weir serve`; the seconds until READY=1, when edges serve, and until its core answers too."""
        notifications = Notifications(self.root, 0)
        began = time.monotonic()
        process = self.begin(
            "serve", "--data", data, "--public", "127.0.0.1:0", "--admin", "127.0.0.1:0",
            XDG_CACHE_HOME=cache, WEIR_LOG__LEVEL="error", NOTIFY_SOCKET=NOTIFY,
        )  # fmt: skip
        try:
            heard = notifications.heard
            wait_for("READY=1", lambda: self._alive(process) and heard.times("READY=1"), PATIENCE)
            ready = heard.times("READY=1")[0] - began
            wait_for("the core", lambda: self._alive(process) and self._where(data)["admin"], PATIENCE)
            yield process, ready, time.monotonic() - began
        finally:
            end_family(process)
            notifications.close()

    def _alive(self, process: subprocess.Popen[str]) -> bool:
        assert process.poll() is None, f"ended with {process.returncode}: {process.communicate()}"
        return True

    def _where(self, data: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.root / data / "run" / "weir.json").read_text())
        return found

    def served(self) -> None:
        cache, data = self.cache(), self.cache()
        with self.table.check(f"`weir serve` until READY=1, first start: under {FIRST_START:g} s") as note:
            note.text = self._serve_once(cache, data, FIRST_START)
        with self.table.check(f"`weir serve` until READY=1, later start: under {LATER_START:g} s") as note:
            note.text = self._serve_once(cache, data, LATER_START)
        with self.table.check("after kill -9 of what was started nothing stays behind") as note:
            note.text = self._kill(cache, data)
        self.drop(cache)
        self.drop(data)

    def _serve_once(self, cache: str, data: str, budget: float) -> str:
        """Start, click, stop; the seconds until it was ready."""
        with self.serving(cache, data) as (process, ready, core):
            answer = exchange(address_of(f"http://{self._where(data)['public']}"), "/c/demo")
            assert answer.status == 302, answer
            process.terminate()
            code = process.wait(STOP_SECONDS + 5)
        assert code == 0, f"stopped with {code}"
        said = f"{ready:.1f} s, and {core:.1f} s until the core answers too; {load()}"
        assert ready < budget, said
        return said

    def _kill(self, cache: str, data: str) -> str:
        with self.serving(cache, data) as (process, _, _):
            family = family_of(process.pid)
            assert len(family) >= 3, f"expected a parent, an edge and a core: {family}"
            process.kill()
            began = time.monotonic()
            wait_for("their end", lambda: not any(map(alive, family)), STOP_SECONDS + 5)
            return f"{len(family)} processes, gone after {time.monotonic() - began:.1f} s"

    def concurrent(self) -> None:
        cache = self.cache()
        with self.table.check("six first starts at once all succeed and unpack once") as note:
            began = time.monotonic()
            processes = [self.begin("version", XDG_CACHE_HOME=cache) for _ in range(6)]
            ended = [finish(process) for process in processes]
            assert [process.returncode for process in processes] == [0] * 6, ended
            unpacked = sum(UNPACKING in err for _, err in ended)
            assert (unpacked, len(self.builds(cache))) == (1, 1), (unpacked, self.builds(cache))
            note.text = f"{time.monotonic() - began:.1f} s for all"
        self.drop(cache)

    def killed_while_unpacking(self) -> None:
        for whole in (True, False):
            cache = self.cache()
            victim = "everything" if whole else "the started process"
            with self.table.check(f"kill -9 of {victim} amid unpacking: the next start repairs it") as note:
                process = self.begin("version", XDG_CACHE_HOME=cache)
                self._wait_half(cache)
                assert process.poll() is None and self.builds(cache)[0].endswith(".new"), self.builds(cache)
                half = self._unpacked_mb(cache)
                if whole:
                    os.killpg(process.pid, signal.SIGKILL)
                else:
                    process.kill()
                seconds, _ = self.version(cache)
                end_family(process)
                (build,) = self.builds(cache)
                assert not build.endswith(".new"), build
                note.text = f"killed at {half:.0f} MB, the next took {seconds:.1f} s"
            self.drop(cache)

    def _wait_half(self, cache: str) -> None:
        wait_for("half an unpacked build", lambda: self._unpacked_mb(cache) > 50, PATIENCE)

    def _unpacked_mb(self, cache: str) -> float:
        total = 0
        for path in (self.root / cache / "weir").glob("*.new/**/*"):
            try:
                total += path.lstat().st_size
            except FileNotFoundError:
                continue
        return total / 1e6

    def older_builds(self) -> None:
        cache = self.cache()
        with self.table.check("a new build removes an older one, but not one that runs"):
            folder = self.root / cache / "weir"
            folder.mkdir(mode=0o700)
            for build in ("0" * 16, "1" * 16):
                (folder / build).mkdir()
                (folder / build / "weir").touch()
                (folder / f"{build}.lock").touch(0o600)
            for path in (folder, *folder.rglob("*")):
                os.chown(path, USER, USER)
            with (folder / f"{'1' * 16}.lock").open("rb") as held:
                fcntl.flock(held, fcntl.LOCK_SH)
                self.version(cache)
            left = self.builds(cache)
            assert len(left) == 2 and left[0] == "1" * 16, left
            assert not (folder / f"{'0' * 16}.lock").exists(), "its lock file stays"
        self.drop(cache)

    def refusals(self) -> None:
        cache = self.cache()
        with self.table.check("a cache directory of somebody else is refused") as note:
            (self.root / cache / "weir").mkdir(mode=0o755)
            os.chown(self.root / cache / "weir", STRANGER, STRANGER)
            note.text = self._refused(XDG_CACHE_HOME=cache)
            assert "Set XDG_CACHE_HOME" in note.text, note.text
        self.drop(cache)
        with self.table.check("without HOME it says what to set") as note:
            note.text = self._refused()
            assert "set XDG_CACHE_HOME" in note.text, note.text

    def _refused(self, **environ: str) -> str:
        process = self.begin("version", **environ)
        out, err = finish(process)
        assert process.returncode == 1 and out == "", (process.returncode, out, err)
        return err.strip()


def load() -> str:
    """What else the machine has to do: seconds on a busy one say little about the executable."""
    return f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors"


def finish(process: subprocess.Popen[str]) -> tuple[str, str]:
    """Its stdout and stderr; when it takes too long it is killed."""
    try:
        return process.communicate(timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        end_family(process)
        raise


def end_family(process: subprocess.Popen[str]) -> None:
    """Kill what is left of it and of what it started."""
    for pid in family_of(process.pid):
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
    process.communicate()
