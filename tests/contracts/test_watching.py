"""Alerts put together: queues as the outbox has them, something that is wrong, a mail that says so."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trio

from appliance import logs
from appliance.actors.kernel import thread_runner
from appliance.alert_config import Alerts
from appliance.config import Outbound, Settings
from appliance.model.conversions import Settlement
from appliance.model.deliveries import Selection, Standing
from appliance.model.holds import Holds
from appliance.model.platforms import AccountReport
from appliance.model.status import QueueReport, WarehouseReport
from appliance.outbound.guard import Fetch, Guard
from appliance.outbound.mail import Smtp
from appliance.overview import Overview, Parts
from appliance.stores.sqlite.alerts import SqliteAlerts
from appliance.stores.sqlite.deliveries import SqliteDeliveries
from appliance.stores.sqlite.ledger import SqliteLedger
from appliance.watching import queues_of, watch_over
from tests.contracts.test_deliveries import NOW, delivery, result
from tests.doors import NoWarehouse
from tests.web.test_mail import SENDER, Server, serving

MINUTE = 60_000_000


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.db"


@pytest.fixture
def outbox(path: Path) -> Iterator[SqliteDeliveries]:
    """Targets 1 (due), 2 (a delay), 3 (failing), 4 (nothing but dead ones), and one of a pixel."""
    ledger, store = SqliteLedger(path, lambda: NOW // 1000), SqliteDeliveries(path)
    wanted = [
        delivery(1),
        delivery(2),
        delivery(3, "postback:2", not_before_us=NOW + 60 * MINUTE),
        delivery(4, "postback:3", not_before_us=NOW + 60 * MINUTE),
        delivery(5, "postback:4"),
        delivery(6, "pixel:1"),
    ]
    ledger.commit(Settlement(deliveries=wanted))
    taken = store.take({"postback:4": 1}, NOW + MINUTE, NOW + 2 * MINUTE)
    store.finish([result(each, "dead", reason="gone") for each in taken], [], NOW + MINUTE)
    yield store
    store.close()
    ledger.close()


def test_every_queue_says_since_when_something_is_late(outbox: SqliteDeliveries) -> None:
    standings = {"postback:3": Standing(target="postback:3", failures=4)}
    found = {each.name: each for each in queues_of(outbox, standings, NOW + 30 * MINUTE)}
    assert found == {
        "pixel:1": QueueReport(name="pixel:1", depth=1, oldest_us=NOW + 6, late_us=NOW + 6),
        "postback:1": QueueReport(name="postback:1", depth=2, oldest_us=NOW + 1, late_us=NOW + 1),
        "postback:2": QueueReport(name="postback:2", depth=1, oldest_us=NOW + 3, late_us=0),
        "postback:3": QueueReport(name="postback:3", depth=1, oldest_us=NOW + 4, late_us=NOW + 4),
        "postback:4": QueueReport(name="postback:4", depth=0, dead=1),
    }


def test_a_queue_whose_dead_ones_are_cancelled_is_none(outbox: SqliteDeliveries) -> None:
    outbox.cancel(Selection(targets=("postback:4",)), 0, 100, NOW, "seen")
    assert "postback:4" not in {each.name for each in queues_of(outbox, {}, NOW)}


async def test_what_is_wrong_is_mailed_with_its_deadline_and_without_its_secrets(
    path: Path, outbox: SqliteDeliveries, tmp_path: Path
) -> None:
    account = AccountReport(
        account_id=7, name="Main", platform="meta", target="account:7", state="paused", dry_run=False,
        queued=45, at_risk={"USD": 12_500_000}, next_deadline_us=NOW, reason="code 190, token=sup3rsecret",
    )  # fmt: skip
    parts = Parts(accounts=lambda: [account], warehouse=lambda: WarehouseReport(state="up"))
    settings = Settings(
        alerts=Alerts(emails=("ann@example.com",), disk_free_mb=0), outbound=Outbound(allow=("127.0.0.0/8",))
    )
    store = SqliteAlerts(path)
    nothing: Any = tuple
    async with serving(Server(), "smtp") as server:
        post = Smtp(f"smtp://127.0.0.1:{server.port}", SENDER, thread_runner(1), 5)
        actor = watch_over(
            settings=settings,
            store=store,
            overview=Overview(tmp_path, parts, Holds(), NoWarehouse()),
            outbox=outbox,
            standings=dict,
            findings=nothing,
            post=post,
            fetch=Fetch(Guard()),
            hide=logs.mask,
            now_us=lambda: NOW + 30 * MINUTE,
        )
        async with trio.open_nursery() as nursery:
            await nursery.start(lambda *, task_status: actor.run(task_status=task_status))
            with trio.fail_after(30):
                while not actor.alerts() or not all(alert.told for alert in actor.alerts()):  # noqa: ASYNC110
                    await trio.sleep(0.05)
            nursery.cancel_scope.cancel()
    said = " ".join(server.received.decode().replace("=\n", "").split())
    assert "45 events worth 12.50 USD" in said and "ad account 7" in said
    assert "given up: 1 delivery to postback target 4" in said
    assert "sup3rsecret" not in said and "token=" in said
    stored = store.load()
    store.close()
    assert {(it.kind, it.told) for it in stored} >= {
        ("token_dead", ("mail:ann@example.com",)),
        ("dead_letters", ("mail:ann@example.com",)),
    }
    assert actor.recent().error_ratios == {}
