"""Alerts, put together: what is looked at, from where on it is wrong, and who is told."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from urllib.parse import urlsplit

from msgspec.structs import replace

from appliance.actors.alerts import Alerts, Look, Teller
from appliance.actors.kernel import thread_runner
from appliance.alarms import KINDS, Thresholds, alarms
from appliance.config import Settings
from appliance.model.deliveries import Standing
from appliance.model.doctor import Finding
from appliance.model.status import QueueReport
from appliance.outbound.guard import Fetch
from appliance.outbound.notices import ByMail, ByWebhook
from appliance.overview import Overview
from appliance.ports import Post
from appliance.recent import Recent, sampled
from appliance.stores.sqlite.alerts import SqliteAlerts
from appliance.stores.sqlite.deliveries import SqliteDeliveries

MINUTE_US = 60_000_000


def watch_over(
    *,
    settings: Settings,
    store: SqliteAlerts,
    overview: Overview,
    outbox: SqliteDeliveries,
    standings: Callable[[], Mapping[str, Standing]],
    findings: Callable[[], Sequence[Finding]],
    post: Post | None,
    fetch: Fetch,
    hide: Callable[[str], str],
    now_us: Callable[[], int],
) -> Alerts:
    """The actor that watches over everything `overview` and the outbox tell of. `hide` takes secrets out of a
    text: errors of others may hold some."""
    wanted = settings.alerts
    limits = Thresholds(
        queue_us=int(wanted.queue_minutes * MINUTE_US),
        error_ratio=wanted.error_percent / 100,
        error_least=wanted.error_least,
        disk_free_bytes=wanted.disk_free_mb * 1_000_000,
    )
    recent = Recent(int(wanted.error_minutes * MINUTE_US))
    run = thread_runner(1)

    async def queues() -> Sequence[QueueReport]:
        return await run(queues_of, outbox, standings(), now_us())

    def look(seen: Sequence[QueueReport]) -> Look:
        status = replace(overview.status(), queues=tuple(seen))
        recent.add(sampled(status))
        report = recent.report()
        wrong = alarms(replace(status, recent=report), findings(), limits)
        return Look([it._replace(text=hide(it.text)) for it in wrong], report)

    who = settings.public.domain or urlsplit(settings.admin.url).hostname or "Weir"
    tellers: list[Teller] = []
    if post is not None:
        tellers += [ByMail(post, address, who) for address in wanted.emails]
    if wanted.webhook:
        tellers.append(ByWebhook(fetch, wanted.webhook, wanted.webhook_secret, who, now_us))
    return Alerts(
        store=store,
        queues=queues,
        look=look,
        hold=lambda kind: KINDS[kind].hold,
        tellers=tellers,
        run_blocking=thread_runner(1),
        now_us=now_us,
    )


def queues_of(
    outbox: SqliteDeliveries, standings: Mapping[str, Standing], now_us: int
) -> tuple[QueueReport, ...]:
    """Every target with deliveries that wait or were given up. Blocking; raises Unavailable.

    While a target fails, all of it is late; else what is due and was not taken, and not what a delay holds.
    """
    waiting = {it.target: it for it in outbox.waiting()}
    dead = {target: states.get("dead", 0) for target, states in outbox.counts().items()}
    found = []
    for name in sorted(waiting.keys() | {target for target, count in dead.items() if count}):
        it = waiting.get(name)
        late_us = 0
        if it is not None:
            failing = name in standings and standings[name].failures > 0
            late_us = it.oldest_us if failing else it.due_us if it.due_us < now_us else 0
        found.append(
            QueueReport(
                name=name,
                depth=it.pending if it else 0,
                oldest_us=it.oldest_us if it else 0,
                dead=dead.get(name, 0),
                late_us=late_us,
            )
        )
    return tuple(found)
