"""The installed package at work: a click on port 80, the watchdog, a restart, a stop under load."""

from __future__ import annotations

import itertools
import time

from tests.bare.installed import PORT, SHIPPED_WITHIN, Installed
from tests.bare.root import port_free_of_privilege
from tests.bare.table import Table
from tests.bare.unit import Started
from tests.faults.networks import Postback
from tests.rig import wait_for
from tests.visitors import Visit, Visitors, click_id_of, summary
from tests.wire import exchange

LOAD_SECONDS = 20.0
WATCHDOG = 4.0
"""Seconds instead of the unit's own, so that the proof sees several messages."""


def prove_running(site: Installed, table: Table) -> None:
    with table.check("port 80 needs a capability here"):
        port_free_of_privilege()
    with site.started(WATCHDOG_USEC=str(int(WATCHDOG * 1e6))) as weir:
        with table.check("the unit's ExecStart says READY=1") as note:
            note.text = f"{weir.wait_ready():.1f} s after the start, as {weir.unit.user}, on port 80"
        first_use(site, table)
        watched(weir, table)
        visitors = Visitors(lambda: PORT, ("/c/bare",), name="bare", clients=4, pause=0.02)
        visitors.start()
        try:
            time.sleep(2)
            restarted_under_load(site, weir, visitors, table)
        finally:
            visitors.stop()
            site.visits += visitors.visits
    with table.check("after the next start: lost 0, doubled 0") as note:
        with site.started() as weir:
            ready = weir.wait_ready()
            site.wait_shipped()
            weir.stop(weir.unit.stop_seconds)
        note.text = f"{site.judge()}; READY=1 after {ready:.1f} s"


def first_use(site: Installed, table: Table) -> None:
    with table.check("a link is made, clicked, sold and reported") as note:
        wait_for("the core", site.totals, SHIPPED_WITHIN)
        offer = site.call("destinations.create", name="Offer", url="https://offer.example/?cid={click_id}")
        campaign = site.call("campaigns.create", name="Bare", slug="bare")
        targets = [{"destination_id": offer["id"]}]
        site.call("streams.create", campaign_id=campaign["id"], rules=[], targets=targets)
        site.call("networks.create", name="Bare", slug="bare")
        visit = wait_for("the new link", _click, 30)
        site.visits.append(visit)
        query = f"click_id={visit.click_id}&transaction_id=bare-1&payout=1.50&currency=USD&status=approved"
        answer = exchange(PORT, f"/pb/bare?{query}")
        assert answer.status == 200, answer
        site.sales.append(Postback("bare-1", visit.click_id, 1, [answer.body.decode().split()[-1]]))
        totals = wait_for("the sale in the report", lambda: site.totals(conversions=1), SHIPPED_WITHIN)
        note.text = f"{totals['clicks']} click, {totals['conversions']} conversion"


def _click() -> Visit | None:
    answer = exchange(PORT, "/c/bare?sub7=bare-first")
    return Visit(0, 1, "bare-first", 302, click_id_of(answer.location)) if answer.status == 302 else None


def watched(weir: Started, table: Table) -> None:
    with table.check("watchdog messages come in time") as note:
        before = len(weir.heard.times("WATCHDOG=1"))
        wait_for("two messages", lambda: len(weir.heard.times("WATCHDOG=1")) >= before + 2, 2 * WATCHDOG)
        beats = itertools.pairwise(weir.heard.times("WATCHDOG=1"))
        longest = max(later - earlier for earlier, later in beats)
        assert longest < WATCHDOG, f"{longest:.1f} s between two of {WATCHDOG:g} s"
        note.text = f"every {longest:.1f} s at most, for WATCHDOG_USEC of {WATCHDOG:g} s"
    with table.check("the public sockets are in systemd's store") as note:
        stored = {name: len(fds) for name, fds in weir.heard.stored.items()}
        assert set(stored) == {"weir-public"}, stored
        note.text = f"{stored['weir-public']} as weir-public"


def restarted_under_load(site: Installed, weir: Started, visitors: Visitors, table: Table) -> None:
    """Stopped and started with the stored sockets, then stopped for good, all while clicks go on."""
    with table.check("a restart with the stored sockets refuses nobody") as note:
        stopped = weir.stop(weir.unit.stop_seconds)
        site.stored = weir.notifications.take_stored()
        assert site.stored, "nothing in the store"
        with site.started() as second:
            ready = second.wait_ready()
            time.sleep(2)
            note.text = f"stop {stopped:.1f} s, READY=1 {ready:.1f} s, {nobody_refused(visitors)}"
            with table.check("SIGTERM under load: exit code 0 within the stop budget") as stop_note:
                time.sleep(LOAD_SECONDS)
                taken = second.stop(second.unit.stop_seconds)
                second.notifications.drop_stored()  # as after `systemctl stop`
                visitors.stop()
                stop_note.text = f"{taken:.1f} s of {second.unit.stop_seconds:g}; {summary(visitors.visits)}"


def nobody_refused(visitors: Visitors) -> str:
    """AssertionError when a new connection failed; a kept one may meet its server's end."""
    fresh = [visit for visit in visitors.failed if not visit.reused]
    assert not fresh, f"{len(fresh)} of {len(visitors.visits)} failed: {fresh[0]}"
    longest = max(visit.seconds for visit in visitors.visits)
    kept = len(visitors.failed)
    return f"{len(visitors.visits)} clicks, longest {longest:.1f} s, {kept} met a closing kept connection"
