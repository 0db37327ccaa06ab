"""The edge's composition root: listener, router, journal, link. It needs no core to answer a click.

Nesting is the stop order: listeners drain inside the life of router and link, those inside the journal's.
"""

from __future__ import annotations

import functools
import gc
import logging
import os
import resource
import time
from collections.abc import Sequence
from pathlib import Path

import msgspec
import trio

from appliance import __version__, geography
from appliance.actors.gates import Gates
from appliance.actors.identity_days import IdentityDays
from appliance.actors.journal import Journal, Limits
from appliance.actors.kernel import Mailbox, Tree, supervise, thread_runner
from appliance.actors.link import EdgeLink, unix_connector
from appliance.actors.memory import VisitorMemory
from appliance.actors.router import Router
from appliance.control import Control
from appliance.http.public.request import trusted_networks
from appliance.http.public.routes import Routes
from appliance.http.public.server import Server
from appliance.model.memory import Converted, LessonsTaken, ShareAgain, Taught
from appliance.model.messages import (
    Budgets,
    Closed,
    EdgeReport,
    Hello,
    ProducerReport,
    RotateJournal,
    Weights,
)
from appliance.model.table import Part, TableUpdate
from appliance.ports import Runner
from appliance.routing import agents
from appliance.routing.detection import Detection
from appliance.stores import closed_file, landings, lists, table_snapshot
from appliance.stores.feeds import FeedShelf
from appliance.stores.identity_keys import IdentityKeys
from appliance.stores.journal.lives import Life
from appliance.stores.journal.reader import journal_directory, journal_size
from appliance.stores.journal.segment import Segment
from appliance.stores.journal.shelter import Counters, Reserve
from appliance.stores.landings import LandingVisits
from appliance.stores.memory import MemoryFile, hashing_key

log = logging.getLogger("weir.edge")
# Updates supersede each other on the core's side already; the link asks and waits, so one is enough.
_TABLE_MAILBOX = 1
# Of the edge's share of the stop budget: the rest is the journal's.
_DRAIN_SHARE = 0.75
_EDGE_SHARE = 0.4
# A new edge without any table lets visitors wait this long for the core's first one before it says 404.
_FIRST_TABLE_SECONDS = 10.0
_MB = 1024 * 1024


async def main(control: Control, index: int) -> None:
    """Serve public socket `index` until told to stop."""
    settings = control.settings
    data = Path(settings.data)
    home = data / "edges" / str(index)
    journals = journal_directory(data, index)
    tree = Tree()
    blocking = thread_runner(2)  # the journal's maintenance, and a commit under durability = "power"
    table_files = thread_runner(1)  # read and written beside the journal, never before a commit
    counters = Counters(home)
    life = Life(data, index, time.time_ns() // 1_000_000)
    journal = Journal(
        lambda: Segment(
            journals, index, time.time_ns() // 1_000_000, settings.journal.durability, life.number
        ),
        lambda: journal_size(journals),
        Reserve(home / "reserve", settings.journal.reserve_mb * _MB),
        counters,
        Limits(
            segment_bytes=settings.journal.segment_mb * _MB,
            segment_seconds=settings.journal.segment_minutes * 60.0,
            total_bytes=settings.journal.size_limit_mb * _MB,
            ring_units=settings.journal.ring_events,
            commit_in_thread=settings.journal.durability == "power",
        ),
        blocking,
    )
    held = table_snapshot.load(home / "table.msgpack")
    detection = Detection()
    geo = geography.watch(settings.geo, home, detection)
    gates = Gates(
        life.number,
        closed_file.load(home / "closed.msgpack"),
        lambda closed: table_files(closed_file.save, home / "closed.msgpack", closed),
        journal.settled,
    )
    memory = VisitorMemory(
        settings.memory.pairs,
        hashing_key(data),
        MemoryFile(home),
        thread_runner(1),
        journal.position,
        lambda: time.time_ns() // 1_000,
        os.getpid(),
    )
    identity_keys = IdentityKeys(data, settings.retention.identity_days)
    identity_days = IdentityDays(identity_keys, thread_runner(1), lambda: time.time_ns() // 1_000)
    mailbox: Mailbox[TableUpdate] = Mailbox("router", _TABLE_MAILBOX)
    router = Router(
        mailbox,
        journal.append,
        held or (0, 0, ()),
        save=functools.partial(_save_table, table_files, home / "table.msgpack"),
        open_lists=functools.partial(lists.open_all, table_files, data),
        detection=detection,
        gates=gates,
        memory=memory,
        landings=LandingVisits(data / "edges" / landings.NAME),
        sealing=identity_keys,
    )
    have_table = trio.Event()
    if held:
        have_table.set()
    trusted = trusted_networks(settings.public.trusted_proxies)
    routes = Routes(
        router,
        settings.public,
        trusted,
        lambda: router.table.compiled_us > 0 and not control.stop.is_set(),
        FeedShelf(data).read,
    )
    server = Server(routes, journal.recorded, settings.public, trusted)

    async def take_table(update: TableUpdate) -> None:
        parts = await table_files(table_snapshot.with_files, data, update.parts)
        # A table lives long: collections while it grows find nothing and took up to 0.4 s each (10,000
        # campaigns), and once frozen it is not walked again.
        gc.disable()
        try:
            await mailbox.ask(msgspec.structs.replace(update, parts=parts), deadline=60.0)
        finally:
            gc.freeze()
            gc.enable()
        have_table.set()

    async def rotate(message: RotateJournal) -> None:
        await trio.lowlevel.checkpoint()
        journal.rotate(message.epoch, message.reason)

    def report() -> EdgeReport:
        return EdgeReport(
            edge=index,
            pid=os.getpid(),
            at_us=time.time_ns() // 1_000,
            revision=router.table.revision,
            table_age_us=time.time_ns() // 1_000 - router.table.compiled_us,
            ready=router.table.compiled_us > 0,
            connections=server.open,
            requests=routes.requests,
            replies=dict(routes.statuses),
            unknown_macros=dict(router.unknown_macros),
            bad_params=dict(router.bad_params),
            unexpanded={source: dict(names) for source, names in router.unexpanded.items()},
            undecided=router.failures,
            rss_bytes=_rss_bytes(),
            journal=journal.report(),
            producers=_producers(router, journal, settings.journal.ring_events),
            actors=tree.report(),
            geo=geo.report(),
            memory=memory.report(),
            unread_lists=router.unread_lists(),
            unsealed=identity_keys.unsealed,
            identity_error=identity_days.last_error,
        )

    link = EdgeLink(
        unix_connector(data / "run" / "link.sock"),
        lambda: Hello(index, os.getpid(), __version__, router.table.revision, router.digests()),
        report,
        take_table,
        rotate,
    )
    link.handle(Closed, gates.close)
    link.handle(Budgets, gates.lend)
    link.greet(gates.spending)
    link.handle(Weights, router.take_weights)
    link.handle(Taught, memory.taught)
    link.handle(Converted, memory.told_converted)
    link.handle(LessonsTaken, memory.taken)
    link.handle(ShareAgain, memory.share_again)
    link.greet(memory.remembering)
    async with trio.open_nursery() as keepers:
        await keepers.start(supervise, tree, "journal", journal.run)
        async with trio.open_nursery() as workers:
            agents.warm()  # 0.2 s that the first visitor would wait for
            await workers.start(supervise, tree, "geo", geo.run)
            await workers.start(supervise, tree, "identity_days", identity_days.run)
            remember = functools.partial(memory.run, link.say, lambda: link.connected)
            await workers.start(supervise, tree, "memory", remember)
            await workers.start(supervise, tree, "router", router.run, mailbox)
            # Collections took 8 % of an edge that answered new connections: what a click allocates dies by
            # its reference count, so the collector may look for the rest 30 times less often.
            gc.freeze()
            gc.set_threshold(20_000, 20, 50)
            await workers.start(supervise, tree, "link", link.run)
            await workers.start(supervise, tree, "gates", functools.partial(gates.run, link.say))
            async with trio.open_nursery() as listeners:
                await listeners.start(supervise, tree, "listener", server.run)
                with trio.move_on_after(_FIRST_TABLE_SECONDS):
                    await _first(have_table, control.stop)
                server.listen(index, control.sockets[index])
                listeners.start_soon(_obey, control, server)
                control.say({"say": "ready"})
                await control.stop.wait()
                began = time.monotonic()
                await server.drain(settings.stop_seconds * _EDGE_SHARE * _DRAIN_SHARE)
                _say_stage(control, "requests answered", began)
                listeners.cancel_scope.cancel()
            workers.cancel_scope.cancel()
        began = time.monotonic()
        journal.close()
    _say_stage(control, "journal flushed", began)
    counters.close()


async def _first(one: trio.Event, other: trio.Event) -> None:
    """Return when either event is set."""
    async with trio.open_nursery() as nursery:

        async def wait(event: trio.Event) -> None:
            await event.wait()
            nursery.cancel_scope.cancel()

        nursery.start_soon(wait, one)
        nursery.start_soon(wait, other)


async def _obey(control: Control, server: Server) -> None:
    """Serve a sibling's socket while that edge is away."""
    async for command in control.commands:
        index = command.get("socket", -1)
        if command.get("do") == "adopt" and 0 <= index < len(control.sockets):
            server.listen(index, control.sockets[index])
        elif command.get("do") == "release":
            server.leave(index)


def _say_stage(control: Control, name: str, began: float) -> None:
    """Tell the parent and the log how long one stage of the stop took."""
    seconds = round(time.monotonic() - began, 3)
    log.info("stage done", extra={"stage": name, "seconds": seconds})
    control.say({"say": "stage", "name": name, "seconds": seconds})


async def _save_table(
    run: Runner, path: Path, revision: int, compiled_us: int, parts: Sequence[Part]
) -> None:
    """Encoded here in pieces, written in a thread: one encoding of 20 MB held everything for 50 ms."""
    try:
        writer = await run(table_snapshot.Writer, path)
        try:
            for piece in table_snapshot.pieces(revision, compiled_us, parts):
                await run(writer.write, piece)
            await run(writer.finish)
        except BaseException:
            writer.abandon()
            raise
    except OSError as fault:
        log.error("the routing table could not be saved; it serves from memory", extra={"error": str(fault)})


def _producers(router: Router, journal: Journal, ring: int) -> tuple[ProducerReport, ...]:
    """Every topic's way into the journal. The queue is one for all topics, and so are its losses."""
    state = journal.report()
    return tuple(
        ProducerReport(
            topic=topic,
            queue_capacity=ring,
            queued=journal.queued + state.ring if topic == "click_events" else 0,
            published=published,
            dropped=state.unrecorded if topic == "click_events" else 0,
            publish_errors=journal.failures if topic == "click_events" else 0,
            failed_enqueue=journal.turned_away if topic == "postback_log_events" else 0,
            closed=state.mode == "closed",
        )
        for topic, published in (
            ("click_events", router.clicks),
            ("trafficback_events", router.trafficbacks),
            ("postback_log_events", router.postbacks),
        )
    )


def _rss_bytes() -> int:
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except (OSError, IndexError, ValueError):
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return pages * resource.getpagesize()
