"""Amazon's part of a core, put together: its queues beside the other intakes, and what CloudWatch is told.

Nothing of it is imported before a queue, a namespace or a log group is configured.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING

from appliance.actors.cloudwatch import LogFeed, LogTap, Metrics, MetricsFeed, Streams, figures_of
from appliance.actors.intake_objects import Objects
from appliance.actors.intake_sqs import Queue, QueueIntake
from appliance.actors.kernel import thread_runner
from appliance.config import Settings
from appliance.errors import Unavailable
from appliance.intake_config import Aws, Intake, Report, Trigger, region_of
from appliance.logs import JsonLines, stream_of
from appliance.model.status import SystemStatus
from appliance.platforms import AdPlatforms

if TYPE_CHECKING:
    from appliance.stores.aws import CampaignTable, Session

NO_DRIVER = "Amazon's driver is not installed: pip install 'weir[aws]'"


def attach(
    platforms: AdPlatforms, settings: Settings, now_us: Callable[[], int], status: Callable[[], SystemStatus]
) -> None:
    """Add the actors that the configuration asks for. `status`: what /metrics is made of."""
    aws, intake = settings.aws, settings.intake
    queues: tuple[tuple[str, Trigger | Report], ...] = (
        ("trigger", intake.trigger),
        ("report", intake.report),
    )
    for name, queue in queues:
        if queue.queue_url:
            _queue(platforms, name, queue, aws, intake, now_us)
    if table := intake.trigger.subscriptions_table:
        asked = _Campaigns(functools.partial(_table, aws, intake, table))
        platforms.interpreter.others = asked.known
    if aws.metrics_namespace:
        feed = MetricsFeed(
            functools.partial(_metrics, aws, intake),
            lambda: figures_of(status()),
            thread_runner(1, abandon=True),
        )
        platforms.add("cloudwatch_metrics", feed.run)
    if aws.log_group:
        tap = LogTap(stream_of)
        tap.setFormatter(JsonLines("core"))
        logging.getLogger().addHandler(tap)
        lines = LogFeed(functools.partial(_streams, aws, intake), tap, thread_runner(1, abandon=True))
        platforms.add("cloudwatch_logs", lines.run)


def _queue(
    platforms: AdPlatforms,
    name: str,
    queue: Trigger | Report,
    aws: Aws,
    intake: Intake,
    now_us: Callable[[], int],
) -> None:
    made = QueueIntake(
        name,
        connect=functools.partial(_adapters, aws, intake, queue),
        way=platforms.interpreter,
        running=platforms.intakes.running,
        filtered=not isinstance(queue, Trigger),
        polling=thread_runner(1, abandon=True),
        run_blocking=thread_runner(_threads(queue), abandon=True),
        now_us=now_us,
        parallel=queue.parallel,
        attempts=queue.attempts,
        filtered_bucket=queue.filtered_bucket if isinstance(queue, Trigger) else "",
        where=queue.queue_url,
    )
    platforms.intakes.register(name, made.report)
    platforms.add(f"intake_{name}", made.run)


def _threads(queue: Trigger | Report) -> int:
    """Each message reads and renews itself; one more looks at the queue's sizes."""
    return 2 * queue.parallel + 1


class _Campaigns:
    """The table of campaigns as the interpreter asks it: one at a time, connected when it is asked first."""

    def __init__(self, connect: Callable[[], CampaignTable]) -> None:
        self._connect = connect
        self._run = thread_runner(1, abandon=True)
        self._table: CampaignTable | None = None

    async def known(self, campaigns: Collection[str]) -> Collection[str]:
        return await self._run(self._ask, campaigns)

    def _ask(self, campaigns: Collection[str]) -> Collection[str]:
        self._table = self._table or self._connect()
        return self._table.known(campaigns)


# What imports the driver: in a thread, when it is first asked for.


def _session(aws: Aws, intake: Intake) -> Session:
    try:
        from appliance.stores.aws import Session
    except ImportError as fault:
        raise Unavailable(f"{NO_DRIVER} ({fault})") from None
    return Session(aws, region_of(aws, intake))


def _adapters(aws: Aws, intake: Intake, queue: Trigger | Report) -> tuple[Queue, Objects]:
    session = _session(aws, intake)
    from appliance.stores.aws import Buckets, SqsQueue

    many = _threads(queue) + 1
    return SqsQueue(session, queue.queue_url, queue.dead_letter_url, many), Buckets(session, many)


def _table(aws: Aws, intake: Intake, name: str) -> CampaignTable:
    session = _session(aws, intake)
    from appliance.stores.aws import CampaignTable

    return CampaignTable(session, name)


def _metrics(aws: Aws, intake: Intake) -> Metrics:
    session = _session(aws, intake)
    from appliance.stores.aws_watch import CloudMetrics

    return CloudMetrics(session, aws.metrics_namespace)


def _streams(aws: Aws, intake: Intake) -> Streams:
    session = _session(aws, intake)
    from appliance.stores.aws_watch import CloudLogs

    return CloudLogs(session, aws.log_group)
