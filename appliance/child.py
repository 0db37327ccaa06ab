"""One run of one child process, as its parent sees it: spawn, first line, what it says, its end."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import trio

from appliance.control import Lines

log = logging.getLogger("weir.parent")

Command = Callable[[str, int], Sequence[str]]
"""(role, index) → the argv of that child."""


def weir_command(role: str, index: int) -> list[str]:
    """The argv of a child of this very program.

    Compiled, `sys.argv[0]` is the onefile bootstrap, which would unpack everything again and hide the real
    pid; /proc/self/exe is the program itself (experiments.md k).
    """
    if "__compiled__" in globals():
        # Between dpkg's unpacking and the restart the file that we run is gone and the newer has its name.
        program = str(Path("/proc/self/exe").readlink()).removesuffix(" (deleted)")
        return [program, role, "--index", str(index)]
    return [sys.executable, "-m", "appliance", role, "--index", str(index)]


class Child:
    """A process from spawn to exit. Made by `spawn`; `follow` must run as long as it lives."""

    def __init__(self, role: str, index: int, process: trio.Process) -> None:
        self.role = role
        self.index = index
        self.name = f"{role}-{index}" if role == "edge" else role
        self.process = process
        self.began = trio.current_time()
        self.ready = trio.Event()
        self.gone = trio.Event()
        self.stopping = False
        """We asked it to stop: its death is no failure."""
        self.word: dict[str, Any] = {}
        """Its ready line: the core's carries `admin` and `try`."""

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def code(self) -> int | None:
        """Its exit code once gone; negative for a death by signal."""
        return self.process.returncode

    @property
    def serving(self) -> bool:
        """Ready, alive and not asked to leave."""
        return self.ready.is_set() and not self.gone.is_set() and not self.stopping

    async def tell(self, line: Mapping[str, Any]) -> None:
        """Send one line. A child that died meanwhile, or reads nothing for a second, misses it."""
        assert self.process.stdin is not None
        with trio.move_on_after(1) as late:
            try:
                await self.process.stdin.send_all(json.dumps(line).encode() + b"\n")
            except (trio.BrokenResourceError, trio.ClosedResourceError):
                return
        if late.cancelled_caught:
            log.error("a child does not read its pipe", extra={"child": self.name, "pid": self.pid})

    async def stop(self, seconds: float) -> None:
        """Ask for an ordered stop, wait for it, kill when `seconds` have passed."""
        with trio.move_on_after(seconds):
            if not self.stopping:  # a second stop would mean "now"
                self.stopping = True
                await self.tell({"do": "stop"})
            await self.gone.wait()
        if not self.gone.is_set():
            log.error("killed: it did not stop in time", extra={"child": self.name, "seconds": seconds})
            self.kill()
            await self.gone.wait()

    def kill(self) -> None:
        """kill -9; harmless when it is gone."""
        self.process.kill()

    async def follow(self, changed: Callable[[], None]) -> None:
        """Read what it says until it is gone; `changed` is called when it becomes ready and when it is gone.

        Cancelled, it lets go of the child, which sees the end of its stdin and stops in order.
        """
        assert self.process.stdin is not None and self.process.stdout is not None
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._listen, Lines(self.process.stdout), changed)
                await self.process.wait()
                # Its last words are in the pipe. A grandchild may hold the pipe open: do not wait for that.
                nursery.cancel_scope.deadline = trio.current_time() + 0.2
        finally:
            if self.process.returncode is not None:
                self.gone.set()
                changed()
            await trio.aclose_forcefully(self.process.stdin)
            await trio.aclose_forcefully(self.process.stdout)

    async def _listen(self, lines: Lines, changed: Callable[[], None]) -> None:
        while True:
            try:
                line = await lines.next()
            except ValueError as fault:
                # Something printed before the child took its stdout away from everybody.
                log.warning("unexpected output", extra={"child": self.name, "error": str(fault)})
                continue
            if line is None:
                return
            self._hear(line, changed)

    def _hear(self, line: dict[str, Any], changed: Callable[[], None]) -> None:
        match line.get("say"):
            case "ready":
                self.word = line
                self.ready.set()
                seconds = round(trio.current_time() - self.began, 3)
                log.info("child ready", extra={"child": self.name, "pid": self.pid, "seconds": seconds})
                changed()
            case "stage":
                stage = {"stage": line.get("name"), "seconds": line.get("seconds")}
                log.info("stage", extra={"child": self.name, **stage})
            case "stopped":
                log.debug("child says it has stopped", extra={"child": self.name})
            case other:
                log.warning("a child said something unknown", extra={"child": self.name, "say": other})


async def spawn(
    command: Command,
    role: str,
    index: int,
    settings: Mapping[str, Any],
    sockets: Sequence[int],
    lock: int,
) -> Child:
    """Start a child and tell it everything it needs; `sockets` and `lock` are inherited. Raises OSError.

    A session of its own: Ctrl-C on the terminal reaches the parent alone, which then stops all in order.
    close_fds stays True, so that no child holds a sibling's stdin and hides the parent's death from it.
    """
    process = await trio.lowlevel.open_process(
        list(command(role, index)),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        pass_fds=(*dict.fromkeys(sockets), lock),
        start_new_session=True,
    )
    child = Child(role, index, process)
    log.info("child started", extra={"child": child.name, "pid": child.pid})
    await child.tell({"settings": settings, "sockets": list(sockets), "lock": lock})
    return child
