"""The public listening sockets: one per edge with SO_REUSEPORT, or those that systemd hands over.

Those that it hands over are an operator's own (a .socket unit), or ours, which it kept during a restart.

The parent opens them once and keeps them: closing one of several SO_REUSEPORT listeners resets what
queued on it (92 of 200 connections), and one socket shared by all edges does not balance (0/64, 1/63).
"""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass
from ipaddress import ip_address

from appliance.addresses import host_port
from appliance.errors import ConfigError, FieldProblem
from appliance.systemd import STORED_NAME, Systemd

BACKLOG = 8192
"""Connections that wait while an edge restarts: 0.5 s at 16k/s. The kernel cuts it to net.core.somaxconn."""

FIRST_INHERITED = 3
"""sd_listen_fds(3): inherited sockets begin at descriptor 3."""


@dataclass(frozen=True)
class PublicSockets:
    """`places[i]` is what edge i serves; places beyond the number of edges are adopted by some edge too."""

    places: tuple[socket.socket, ...]

    @property
    def address(self) -> str:
        """`"127.0.0.1:8080"`, `"[::]:8080"`: the first socket's address as a person would type it."""
        return shown_address(self.places[0])

    def twins(self, place: int) -> list[int]:
        """The places that are the same socket as `place`, itself included."""
        return [other for other, sock in enumerate(self.places) if sock is self.places[place]]

    def close(self) -> None:
        """What still waits in the queues is reset; only for when every edge has gone."""
        for sock in set(self.places):
            sock.close()


def shown_address(sock: socket.socket) -> str:
    """`host:port` of a bound TCP socket, IPv6 in brackets."""
    name = sock.getsockname()
    if not isinstance(name, tuple):
        return str(name)
    host, port = name[0], name[1]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def open_public(
    bind: str, edges: int, systemd: Systemd, environ: MutableMapping[str, str] | None = None
) -> PublicSockets:
    """The sockets of `edges` edges, listening from now on. `environ` loses systemd's variables.

    An operator's sockets win; else ours of the last run are served on, if they are at `bind` still.
    Raises ConfigError when the address is taken or is not ours.
    """
    environ = os.environ if environ is None else environ
    named = _inherited(environ)
    for name in ("LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES"):
        environ.pop(name, None)  # the children must not believe that these are theirs
    given = [sock for name, sock in named if name != STORED_NAME]
    stored = [sock for name, sock in named if name == STORED_NAME]
    host, port = host_port(bind)
    kept = [] if given else [sock for sock in stored if _listens(sock) and _is_at(sock, host, port)]
    if stale := [sock for sock in stored if sock not in kept]:
        for sock in stale:
            _end(sock)
        systemd.forget()
    if given:
        return PublicSockets(tuple(given[i % len(given)] for i in range(max(edges, len(given)))))
    try:
        opened = kept + _open(host, kept[0].getsockname()[1] if kept else port, edges - len(kept), not kept)
    except OSError as fault:
        raise ConfigError(
            "cannot open the public port",
            [FieldProblem("public.bind", f"{bind}: {fault.strerror}; is something else listening there?")],
        ) from fault
    systemd.keep(opened)
    return PublicSockets(tuple(opened))


def _open(host: str, port: int, count: int, alone: bool) -> list[socket.socket]:
    """`count` sockets that share one address; `alone`: nobody else may listen there yet. Raises OSError."""
    opened: list[socket.socket] = []
    try:
        if port and alone:
            # With SO_REUSEPORT a second Weir of the same user would silently take half of the visitors.
            _bound(host, port, shared=False).close()
        for _ in range(count):
            opened.append(_bound(host, port, shared=True))
            port = opened[0].getsockname()[1]
        for sock in opened:
            sock.listen(BACKLOG)
    except OSError:
        for sock in opened:
            sock.close()
        raise
    return opened


def _is_at(sock: socket.socket, host: str, port: int) -> bool:
    """Whether it is bound there; port 0 is any port."""
    name = sock.getsockname()
    return isinstance(name, tuple) and ip_address(name[0]) == ip_address(host) and port in (0, name[1])


def _end(sock: socket.socket) -> None:
    """Stop listening for everybody who holds it: systemd may let go of its copy only after our bind."""
    try:
        sock.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass  # it does not listen any more
    sock.close()


def _bound(host: str, port: int, *, shared: bool) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        # SO_REUSEADDR: connections of the previous run may be in TIME_WAIT.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if shared:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        sock.setblocking(False)
        sock.bind((host, port))
    except OSError:
        sock.close()
        raise
    return sock


def _listens(sock: socket.socket) -> bool:
    return bool(sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)) and sock.type == socket.SOCK_STREAM


def _inherited(environ: Mapping[str, str]) -> list[tuple[str, socket.socket]]:
    """(name, socket) of what systemd passed. Raises ConfigError for what nobody can accept from."""
    if environ.get("LISTEN_PID") != str(os.getpid()):
        return []
    count = environ.get("LISTEN_FDS", "0")
    names = environ.get("LISTEN_FDNAMES", "").split(":")
    found = []
    for place in range(int(count) if count.isdigit() else 0):
        descriptor = FIRST_INHERITED + place
        name = names[place] if place < len(names) else ""
        try:
            sock = socket.socket(fileno=descriptor)
            listens = _listens(sock)
        except OSError as fault:
            raise ConfigError(
                "systemd handed over something that is no socket",
                [FieldProblem("LISTEN_FDS", f"descriptor {descriptor}: {fault.strerror}")],
            ) from fault
        if not listens and name != STORED_NAME:
            raise ConfigError(
                "systemd handed over a socket that does not listen",
                [FieldProblem("LISTEN_FDS", f"descriptor {descriptor}: use ListenStream= with Accept=no")],
            )
        sock.setblocking(False)
        sock.set_inheritable(False)  # pass_fds hands each child what it needs
        found.append((name, sock))
    return found
