"""The core's doors: admin port, socket of `weir call` and live feed, from ready until the stop."""

from __future__ import annotations

import functools
import logging
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import trio

from appliance import unix
from appliance.actors.catalog_desk import CatalogDesk
from appliance.actors.identity import IdentityActor
from appliance.actors.kernel import Tree, supervise
from appliance.actors.live import Live
from appliance.addresses import host_port
from appliance.call_door import CallDoor
from appliance.config import Settings
from appliance.control import Control
from appliance.errors import ConfigError, FieldProblem, Missing
from appliance.http.admin.server import AdminServer, listen
from appliance.listening import shown_address
from appliance.model.catalog import Campaign
from appliance.operations import demo

log = logging.getLogger("weir.core")
# Of stop_seconds: what requests in flight at the doors may take. The rest of the core's 60 % is for shipping.
DOORS_SHARE = 0.1


class AdminPort:
    """The admin port's socket. Bound at once, so that a taken port is a clear error; again on a restart."""

    def __init__(self, bind: str) -> None:
        host, port = host_port(bind)
        try:
            self._fresh: socket.socket | None = listen(host, port)
        except OSError as fault:
            why = f"{bind}: {fault.strerror}; is something else listening there?"
            raise ConfigError("cannot open the admin port", [FieldProblem("admin.bind", why)]) from fault
        self._name = self._fresh.getsockname()
        self.address = shown_address(self._fresh)

    def listen(self) -> socket.socket:
        fresh, self._fresh = self._fresh, None
        return fresh or listen(self._name[0], self._name[1])


async def serve_doors(
    control: Control,
    tree: Tree,
    desk: CatalogDesk,
    identity: IdentityActor,
    live: Live,
    call_door: CallDoor,
    admin: AdminServer,
    port: AdminPort,
) -> None:
    """The innermost life: doors open, ready, until the stop."""
    settings, run = control.settings, Path(control.settings.data) / "run"
    async with trio.open_nursery() as doors:
        closed = trio.Event()
        grace = settings.stop_seconds * DOORS_SHARE
        calls = functools.partial(call_door.serve, lambda: unix.listen(run / "call.sock"), closed, grace)
        await doors.start(supervise, tree, "live", live.run)
        await doors.start(supervise, tree, "call", calls)
        await doors.start(supervise, tree, "admin", functools.partial(admin.serve, port.listen, closed))
        lines = [*_claim_line(identity, settings, port.address), *await _lines_to_try(desk, settings)]
        control.say({"say": "ready", "admin": port.address, "try": lines})
        log.info("core ready", extra={"admin": port.address})
        await control.stop.wait()
        began = time.monotonic()
        live.stop()  # first: a socket that still waits for a frame would take the whole grace
        closed.set()
    say_stage(control, "doors closed", began)


def _claim_line(identity: IdentityActor, settings: Settings, address: str) -> Iterator[str]:
    """The way in for the first administrator, until it was used."""
    if identity.claim_token:
        origin = settings.admin.url or f"http://{demo.reachable(address)}"
        yield f"Become its administrator in a browser, once: {origin}/claim/{identity.claim_token}"


async def _lines_to_try(desk: CatalogDesk, settings: Settings) -> list[str]:
    """What a person may type next, while the demo campaign is there."""
    try:
        campaign = await desk.get("campaign", demo.SLUG)
    except Missing:
        return []
    usable = isinstance(campaign, Campaign) and campaign.status == "active"
    public = settings.public
    return demo.lines_to_try(public.bind, settings.data, public.domain) if usable else []


def say_stage(control: Control, name: str, began: float) -> float:
    """Tell the parent how long a stage of the stop took; returns when the next one begins."""
    now = time.monotonic()
    control.say({"say": "stage", "name": name, "seconds": round(now - began, 3)})
    return now
