"""The part of the exposition about reporting: ad platforms, intakes, queues, statements, alerts. Pure.

Efflux's figures have its names, exactly and without a prefix. A ratio with nothing to divide is absent.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Protocol

from appliance.model.platforms import AccountReport
from appliance.model.status import QUERY_BOUNDS, SystemStatus

MOST_LABELS = 200


class Samples(Protocol):
    """metrics.Exposition."""

    def add(self, kind: str, name: str, words: str, value: float, /, **labels: object) -> None: ...

    def seeds(self, kind: str, name: str, words: str, value: float) -> None:
        """One without a prefix."""


def reporting(out: Samples, status: SystemStatus) -> None:
    _efflux(out, status)
    rate = status.recent.conversions_per_minute
    if rate is not None:
        out.add("gauge", "conversions_per_minute", "New conversions, of the last five minutes.", rate)
    for name, ratio in sorted(status.recent.error_ratios.items())[:MOST_LABELS]:
        words = "Share of what ended lately that has failed."
        out.add("gauge", "recent_error_ratio", words, ratio, of=name)
    for account in status.accounts[:MOST_LABELS]:
        _account(out, account, status.at_us)
    _queues(out, status)
    _statements(out, status)
    alerts = status.alerts
    out.add("gauge", "alerts", "Open alerts.", sum(alerts.kinds.values()))
    for kind, count in sorted(alerts.kinds.items()):
        out.add("gauge", "alerts_open", "Open alerts, by kind.", count, kind=kind)
    out.add("counter", "alerts_opened_total", "Alerts opened.", alerts.opened)
    for channel in alerts.channels:
        out.add(
            "gauge", "alert_channel_up", "1 unless the last try failed.", not channel.error, to=channel.name
        )


def _efflux(out: Samples, status: SystemStatus) -> None:
    events = status.interpreter
    processed = events.processed if events is not None else 0
    passed = events.passed if events is not None else 0
    out.seeds("counter", "TotalRecordsProcessed", "Interpreted events read.", processed)
    out.seeds("counter", "TotalRecordsFiltered", "Interpreted events that passed the filter.", passed)
    if processed:
        share = passed / processed * 100
        out.seeds("gauge", "FilteringRatio", "Per cent of events that passed the filter.", share)
    taken = sum(each.batches for each in status.intakes)
    failed = sum(each.failed for each in status.intakes)
    out.seeds("counter", "ProcessedMessages", "Messages, files and requests of all intakes taken.", taken)
    out.seeds("counter", "FailedMessages", "Messages, files and requests that failed.", failed)
    for each in status.intakes:
        name = {"intake": each.name}
        out.add("counter", "intake_batches_total", "Messages, files, requests taken.", each.batches, **name)
        out.add(
            "counter", "intake_failed_total", "Messages, files, requests that failed.", each.failed, **name
        )
        out.add("counter", "intake_events_total", "Interpreted events read.", each.events, **name)
        out.add("gauge", "intake_paused", "1 while it takes nothing.", bool(each.paused_by), **name)
        out.add("gauge", "intake_dead_letters", "What lies with its dead letters.", each.dead, **name)
        if each.waiting >= 0:
            out.add("gauge", "intake_waiting", "What is left to take.", each.waiting, **name)
        if each.oldest_us:
            age = _age(each.oldest_us, status.at_us)
            out.add("gauge", "intake_oldest_seconds", "Age of the oldest left.", age, **name)
    if events is None:
        return
    ended = events.refused + events.passed - events.unchanged
    out.add("counter", "events_unchanged_total", "Events that say nothing new.", events.unchanged)
    out.add("counter", "events_reports_total", "Reports made of events.", events.reports)
    for label, count in _commonest(
        {**events.labels, **({"unreadable": events.refused} if events.refused else {})}
    ):
        out.add("counter", "events_labelled_total", "Events not reported, by label.", count, label=label)
        if ended > 0:
            words = "Share of what ended that has this label."
            out.add("gauge", "error_ratio", words, count / ended, of="interpreted events", label=label)


def _account(out: Samples, account: AccountReport, at_us: int) -> None:
    name = {"account": account.account_id, "platform": account.platform}
    out.add("gauge", "platform_queued", "Events that wait.", account.queued, **name)
    if account.oldest_us:
        out.add(
            "gauge", "platform_oldest_seconds", "Age of the oldest.", _age(account.oldest_us, at_us), **name
        )
    if account.next_deadline_us:
        left = (account.next_deadline_us - at_us) / 1e6
        out.add("gauge", "platform_deadline_seconds", "Until the first event expires.", left, **name)
    for currency, value in sorted(account.at_risk.items()):
        words = "Value of what waits, in currency units."
        out.add("gauge", "platform_at_risk", words, value / 1e6, **name, currency=currency)
    for state in ("sending", "dry_run", "held", "paused", "throttled"):
        out.add("gauge", "platform_state", "1 for its state.", account.state == state, **name, state=state)
    for outcome, count in sorted(account.events.items()):
        out.add("counter", "platform_events_total", "Events, by outcome.", count, **name, outcome=outcome)
    for outcome, count in sorted(account.answers.items()):
        out.add("counter", "platform_answers_total", "Requests, by outcome.", count, **name, outcome=outcome)
    words = "Events of which the platform said that it received fewer than were sent."
    out.add("counter", "platform_unreconciled_total", words, account.unreconciled, **name)
    paused = sum(bool(each.paused_us) for each in account.pixels)
    out.add("gauge", "platform_pixels_paused", "Pixels that the platform refuses.", paused, **name)
    answers = sum(account.answers.values())
    if answers:
        share = account.answers.get("accepted", 0) / answers
        out.add("gauge", "platform_success_ratio", "Share of requests that were accepted.", share, **name)
    ended = account.accepted + account.refused
    for label, count in _commonest(account.refused_by):
        words = "Events refused, of those kept, by label."
        out.add("gauge", "platform_refused", words, count, **name, label=label)
        if ended:
            words = "Share of what ended that has this label."
            out.add("gauge", "error_ratio", words, count / ended, of=account.target, label=label)
    if account.match_quality is not None:
        words = "Estimate from 0 to 10 by the identifiers sent."
        out.add("gauge", "platform_match_quality", words, account.match_quality, **name)
    if account.busy_at_us:
        out.add("gauge", "platform_busy_percent", "Of the platform's allowance.", account.busy, **name)


def _queues(out: Samples, status: SystemStatus) -> None:
    for queue in status.queues[:MOST_LABELS]:
        name = {"queue": queue.name}
        out.add("gauge", "queue_depth", "Deliveries that wait.", queue.depth, **name)
        out.add("gauge", "queue_dead", "Deliveries given up.", queue.dead, **name)
        if queue.oldest_us:
            age = _age(queue.oldest_us, status.at_us)
            out.add("gauge", "queue_oldest_seconds", "Age of the oldest that waits.", age, **name)


def _statements(out: Samples, status: SystemStatus) -> None:
    words = "How long statements on the warehouse take, by kind."
    for each in status.queries:
        for bound, count in zip(QUERY_BOUNDS, each.buckets, strict=True):
            out.add("histogram", "query_seconds_bucket", words, count, kind=each.kind, le=f"{bound:g}")
        out.add("histogram", "query_seconds_bucket", words, each.count, kind=each.kind, le="+Inf")
        out.add("histogram", "query_seconds_sum", words, each.seconds, kind=each.kind)
        out.add("histogram", "query_seconds_count", words, each.count, kind=each.kind)
        out.add("counter", "query_failures_total", "Statements that failed.", each.failed, kind=each.kind)
    upkeep = status.upkeep
    out.add("counter", "optimize_runs_total", "Rounds of OPTIMIZE.", upkeep.runs)
    out.add("counter", "optimize_partitions_total", "Partitions merged.", upkeep.partitions)
    out.add("counter", "optimize_rows_before_total", "Rows of these before.", upkeep.rows_before)
    out.add("counter", "optimize_rows_after_total", "Rows of these after.", upkeep.rows_after)
    out.add("counter", "optimize_seconds_total", "Time that they took.", upkeep.seconds)
    if upkeep.last_us:
        out.add("gauge", "optimize_last_seconds", "How long the last round took.", upkeep.last_seconds)
        out.add("gauge", "optimize_last_time_seconds", "When, unix time.", upkeep.last_us / 1e6)


def _age(since_us: int, at_us: int) -> float:
    return max(0, at_us - since_us) / 1e6


def _commonest(counts: Mapping[str, int]) -> Iterable[tuple[str, int]]:
    """Labels come from outside too: the commonest few."""
    found = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))[:50]
    return ((label[:100], count) for label, count in found)
