"""The parent of `weir serve`: owns the public sockets, starts and restarts children, stops them in order.

It does nothing else, so that it has no reason to die: everything with a reason lives in a child.
"""

from __future__ import annotations

import logging
import os
import resource
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import trio

from appliance import __version__, logs
from appliance.child import Child, Command, spawn, weir_command
from appliance.config import Settings
from appliance.datadir import remove_run_file, take_lock
from appliance.errors import ConfigError
from appliance.listening import open_public
from appliance.notice import Notice
from appliance.placing import Placing
from appliance.seat import Seat
from appliance.systemd import STOP_MARGIN, Systemd

log = logging.getLogger("weir.parent")

EDGES_SHARE = 0.4
"""Of `stop_seconds`: edges answer what is in flight and flush their journal; the rest is the core's."""
CUT_SECONDS = 1.0
"""After a second signal: this long to leave, then kill -9."""
TICK = 0.25
"""Seconds between two looks at everything when nothing has changed."""
MOST_DESCRIPTORS = 1 << 20
"""Some containers allow a billion; nothing here needs more than a million."""

AT_START_ONLY = ("data", "edges")
"""Settings that a reload cannot change; the public address is the third."""


def serve(
    settings: Settings,
    reload: Callable[[], Settings],
    command: Command = weir_command,
) -> int:
    """Run Weir until a signal; the exit code: 0 after an ordered stop, 1 when a second signal cut it.

    `reload` reads the configuration again for SIGHUP and may raise ConfigError. Raises ConfigError when
    the public port cannot be opened, Unavailable when another Weir uses the data directory.
    """
    return trio.run(Supervisor(settings, reload, command).run)


class Supervisor:
    """The state of the running appliance: its sockets, its seats, and who serves which socket."""

    def __init__(self, settings: Settings, reload: Callable[[], Settings], command: Command) -> None:
        self._settings = settings
        self._reload = reload
        self._command = command
        self._data = Path(settings.data)
        self._edges: list[Seat] = []
        self._stopping = trio.Event()
        self._cut = trio.Event()
        self._changed = trio.Event()
        self._reload_scope = trio.CancelScope()
        # One waiting reload is enough: it reads the file as it is then. A further SIGHUP is dropped.
        self._want_reload, self._reloads = trio.open_memory_channel[None](1)
        self._lock_fd = -1

    async def run(self) -> int:
        began = trio.current_time()
        self._terminal = _has_terminal()
        self._systemd = Systemd(os.environ)
        # One arena of malloc in core and edges. Each thread has its own otherwise, and pieces of megabytes
        # leave holes in each (300,000 events: 90 MB more in the core, and no event faster).
        os.environ.setdefault("MALLOC_ARENA_MAX", "1")
        # What a parent that was killed left behind may take all of its time, and LAST_SECONDS of control.py.
        self._lock_fd = await take_lock(self._data, self._settings.stop_seconds + STOP_MARGIN)
        remove_run_file(self._data)
        self._sockets = open_public(self._settings.public.bind, self._settings.edges, self._systemd)
        # The children learn the real port: the core prints links with it.
        self._settings = self._with_address(self._settings)
        _raise_descriptor_limit()
        log.info(
            "starting", extra={"version": __version__, "pid": os.getpid(), "public": self._sockets.address}
        )
        try:
            with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT, signal.SIGHUP) as signals:
                async with trio.open_nursery() as nursery:
                    self._take_seats(nursery)
                    nursery.start_soon(self._obey_signals, signals)
                    nursery.start_soon(self._obey_reloads)
                    nursery.start_soon(self._tend, began)
                    await self._stopping.wait()
                    self._systemd.stopping(self._settings.stop_seconds)
                    ordered = await self._stop()
                    nursery.cancel_scope.cancel()
        finally:
            remove_run_file(self._data)
            self._sockets.close()
            self._systemd.close()
            os.close(self._lock_fd)
        return 0 if ordered else 1

    def _take_seats(self, nursery: trio.Nursery) -> None:
        async def start(role: str, index: int, settings: Settings) -> Child:
            # The core never holds the public sockets: a queue that nobody accepts from would stay open.
            fds = [sock.fileno() for sock in self._sockets.places] if role == "edge" else []
            tree = msgspec.to_builtins(settings)
            child = await spawn(self._command, role, index, tree, fds, self._lock_fd)
            nursery.start_soon(child.follow, self._note_change)
            return child

        def seat(role: str, index: int, name: str) -> Seat:
            made = Seat(name, self._settings, lambda settings: start(role, index, settings))
            nursery.start_soon(made.keep)
            return made

        self._edges = [seat("edge", index, f"edge-{index}") for index in range(self._settings.edges)]
        self._core = seat("core", 0, "core")

    def _note_change(self) -> None:
        self._changed.set()
        self._changed = trio.Event()

    # Signals

    async def _obey_signals(self, signals: AsyncIterator[int]) -> None:
        async for number in signals:
            # SIGHUP reloads, unless it is our terminal that has just gone.
            if number == signal.SIGHUP and self._terminal == _has_terminal():
                try:
                    self._want_reload.send_nowait(None)
                except trio.WouldBlock:
                    pass
            elif not self._stopping.is_set():
                log.info(
                    "stopping in order; a second signal cuts", extra={"why": signal.Signals(number).name}
                )
                self._stopping.set()
            else:
                log.warning("cut by a second signal")
                self._cut.set()

    # Reload

    async def _obey_reloads(self) -> None:
        with self._reload_scope:
            async for _ in self._reloads:
                self._systemd.reloading()
                await self._take_configuration()
                self._systemd.reloaded()

    async def _take_configuration(self) -> None:
        """Read the configuration and restart the edges one by one; the core too if anything changed."""
        try:
            fresh = self._reload()
        except ConfigError as fault:
            for problem in fault.problems:
                log.error("configuration not taken", extra={"path": problem.path, "problem": problem.message})
            return
        for name in AT_START_ONLY:
            if getattr(fresh, name) != getattr(self._settings, name):
                log.warning("takes effect at the next start", extra={"setting": name})
                fresh = msgspec.structs.replace(fresh, **{name: getattr(self._settings, name)})
        fresh = self._with_address(fresh)
        changed = fresh != self._settings
        log.info("reloading", extra={"changed": changed})
        logs.configure(fresh.log, "parent")
        for seat in self._edges:
            served = seat.serving is not None
            if await seat.replace(fresh, self._edge_seconds()):
                self._settings = fresh
            elif served:
                log.error("reload given up: the new edge does not start; the old one stays",
                          extra={"child": seat.name})  # fmt: skip
                return
        self._settings = fresh
        if changed:
            await self._core.restart(fresh, self._core_seconds())
        log.info("reloaded")

    def _with_address(self, settings: Settings) -> Settings:
        public = msgspec.structs.replace(settings.public, bind=self._sockets.address)
        return msgspec.structs.replace(settings, public=public)

    async def _tend(self, began: float) -> None:
        """Whatever changes: every socket has somebody who serves it, and run/weir.json says where."""
        placing = Placing(self._sockets, self._edges)
        notice = Notice(self._data, self._sockets.address, self._edges, self._core, began, self._systemd)
        while not self._stopping.is_set():
            changed = self._changed
            await placing.settle()
            notice.update()
            with trio.move_on_after(TICK):
                await changed.wait()

    # Stopping

    def _edge_seconds(self) -> float:
        return self._settings.stop_seconds * EDGES_SHARE

    def _core_seconds(self) -> float:
        return self._settings.stop_seconds * (1 - EDGES_SHARE)

    async def _stop(self) -> bool:
        """Edges, public sockets, core: each after the one before. False when a second signal cut it."""
        self._reload_scope.cancel()
        with trio.CancelScope() as scope:
            async with trio.open_nursery() as nursery:

                async def cut() -> None:
                    await self._cut.wait()
                    scope.cancel()

                nursery.start_soon(cut)
                await self._stop_in_order()
                nursery.cancel_scope.cancel()
        if not scope.cancelled_caught:
            return True
        await self._stop_now()
        return False

    async def _stop_in_order(self) -> None:
        with _stage("edges stopped"):
            async with trio.open_nursery() as nursery:
                for seat in self._edges:
                    nursery.start_soon(seat.close, self._edge_seconds())
        with _stage("public sockets closed"):
            self._sockets.close()
        with _stage("core stopped"):
            await self._core.close(self._core_seconds())

    async def _stop_now(self) -> None:
        seats = (*self._edges, self._core)
        for seat in seats:
            seat.give_up()  # the core's was still to be closed: its child would be replaced at once
        children = [child for seat in seats for child in seat.children()]
        with trio.move_on_after(CUT_SECONDS):
            for child in children:
                child.stopping = True
                await child.tell({"do": "stop"})
                await child.tell({"do": "stop"})
            for child in children:
                await child.gone.wait()
        for child in children:
            if not child.gone.is_set():
                child.kill()
                await child.gone.wait()


@contextmanager
def _stage(name: str) -> Iterator[None]:
    began = trio.current_time()
    yield
    log.info("stage", extra={"stage": name, "seconds": round(trio.current_time() - began, 3)})


def _has_terminal() -> bool:
    return any(os.isatty(descriptor) for descriptor in (0, 2))


def _raise_descriptor_limit() -> None:
    """Every connection is a descriptor, and the usual soft limit is 1,024."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST_DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, MOST_DESCRIPTORS)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
