"""What Weir tells systemd (sd_notify(3)), and the public sockets it leaves in systemd's care.

Nothing here waits and nothing raises: what could not be said is said at the next look. Started by anybody
else than systemd, it says nothing.
"""

from __future__ import annotations

import logging
import os
import socket
import time
from array import array
from collections.abc import MutableMapping, Sequence

log = logging.getLogger("weir.parent")

STORED_NAME = "weir-public"
"""The name under which systemd keeps our sockets, and gives them back in LISTEN_FDNAMES."""

BEATS = 4
"""Signs of life per WATCHDOG_USEC; sd_watchdog_enabled(3) wants two at least."""

STOP_MARGIN = 10.0
"""Seconds beyond `stop_seconds` that a stop may take: killing what is left, and a slow disk."""


class Systemd:
    """The service manager that started us. The parent owns it; the children never learn of it."""

    def __init__(self, environ: MutableMapping[str, str]) -> None:
        """Takes the variables out of `environ`, so that no child speaks for us."""
        address = environ.pop("NOTIFY_SOCKET", "")
        watchdog, for_whom = environ.pop("WATCHDOG_USEC", ""), environ.pop("WATCHDOG_PID", "")
        ours = for_whom in ("", str(os.getpid()))
        self._address = "\0" + address[1:] if address.startswith("@") else address
        self._beat = int(watchdog) / 1e6 / BEATS if watchdog.isdigit() and ours else 0.0
        self._last_beat = float("-inf")
        self._ready = False
        self._status = ""
        self._unstored: Sequence[socket.socket] = ()
        self._socket: socket.socket | None = None
        if self._address[:1] in ("/", "\0"):
            self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            self._socket.setblocking(False)

    def update(self, ready: bool, status: str) -> None:
        """How things are now: READY once, the status line when it changed, a sign of life when it is due."""
        if self._unstored and self._store(self._unstored):
            self._unstored = ()
        if ready and not self._ready:
            self._ready = self._say("READY=1")
        if status != self._status and self._say(f"STATUS={status}"):
            self._status = status
        now = time.monotonic()
        if self._beat and now - self._last_beat >= self._beat and self._say("WATCHDOG=1"):
            self._last_beat = now

    def reloading(self) -> None:
        """A reload begins. Before we were ready it is part of the start, and not said."""
        if self._ready:
            now_us = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
            self._say(f"RELOADING=1\nMONOTONIC_USEC={now_us}")

    def reloaded(self) -> None:
        """It is over, whether the configuration was taken or not."""
        if self._ready:
            self._ready = self._say("READY=1")

    def stopping(self, seconds: float) -> None:
        """A stop begins that may take `seconds`, whatever TimeoutStopSec says."""
        longest = int((seconds + STOP_MARGIN) * 1e6)
        self._say(f"STOPPING=1\nSTATUS=stopping in order\nEXTEND_TIMEOUT_USEC={longest}")

    def keep(self, sockets: Sequence[socket.socket]) -> None:
        """Have systemd keep them over a restart. It knows those that it has already."""
        self._unstored = () if self._store(sockets) else sockets

    def forget(self) -> None:
        """Have it close all that it keeps for us."""
        self._say(f"FDSTOREREMOVE=1\nFDNAME={STORED_NAME}")

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _store(self, sockets: Sequence[socket.socket]) -> bool:
        # FDPOLL=0: a listening socket is nothing to watch, and must not be dropped for what poll says.
        fds = array("i", [sock.fileno() for sock in sockets])
        return self._say(f"FDSTORE=1\nFDNAME={STORED_NAME}\nFDPOLL=0", fds)

    def _say(self, text: str, fds: array[int] | None = None) -> bool:
        """True when nobody listens or the words are with systemd."""
        if self._socket is None:
            return True
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, fds)] if fds else []
        try:
            self._socket.sendmsg([text.encode()], rights, 0, self._address)
        except OSError as fault:  # its queue is full, or it is being replaced itself
            log.debug("systemd was not reached", extra={"error": str(fault), "said": text})
            return False
        return True
