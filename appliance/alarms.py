"""What is wrong now, as causes that somebody should be told of: docs/reference/alerts.md. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from appliance.attribution.ailments import AILMENTS, fault_of
from appliance.degraded import RECENT_US
from appliance.model import money
from appliance.model.alerts import Alarm
from appliance.model.doctor import Finding
from appliance.model.platforms import AccountReport, PixelReport
from appliance.model.status import SystemStatus

MINUTE_US = 60_000_000
MOST = 200
"""Alarms of one kind at a time: what is beyond is a number in the last of them."""


class Thresholds(NamedTuple):
    """From where on something is wrong: section `[alerts]` of the configuration."""

    queue_us: int = 30 * MINUTE_US
    error_ratio: float = 0.2
    error_least: int = 20
    disk_free_bytes: int = 2_000_000_000


class Kind(NamedTuple):
    """`hold`: seconds that it must have lasted before an alert is opened."""

    words: str
    hold: float = 0.0


KINDS: Mapping[str, Kind] = {
    "dead_letters": Kind("deliveries that were given up, or messages of an intake that nobody could read"),
    "queue_old": Kind("something waits for longer than `alerts.queue_minutes`", 60.0),
    "error_ratio": Kind("too much of what ended in the last `alerts.error_minutes` has failed"),
    "token_dead": Kind("an ad platform refuses an account, or its token cannot be opened: its events expire"),
    "pixel_dead": Kind("an ad platform refuses one pixel of an account: its events expire"),
    "not_received": Kind(
        "an ad platform takes requests and says that it received fewer events than were sent"
    ),
    "target_paused": Kind("a postback target is left alone after failures in a row"),
    "disk_low": Kind("less than `alerts.disk_free_mb` is free where the data directory is"),
    "warehouse_away": Kind("the reports' database does not answer", 300.0),
    "not_ready": Kind("Weir does not do its work", 60.0),
    "edge_away": Kind("an edge is not connected", 60.0),
    "edge_stale": Kind("an edge keeps an older routing table", 60.0),
    "journal": Kind("an edge cannot write its journal, or has just lost events to a full disk"),
    "actor_down": Kind("a part of the core does not run", 60.0),
    "intake_failing": Kind("an intake cannot read its queue or folder", 300.0),
    "destination_ill": Kind("a destination failed its probes"),
    "network_ill": Kind("the doctor found what costs money while nobody looks"),
}


def alarms(status: SystemStatus, findings: Sequence[Finding], limits: Thresholds) -> list[Alarm]:
    """Every cause there is now; each (kind, about) once."""
    found: dict[tuple[str, str], Alarm] = {}
    counts: dict[str, int] = {}
    for alarm in _all(status, findings, limits):
        if (alarm.kind, alarm.about) in found:
            continue
        counts[alarm.kind] = counts.get(alarm.kind, 0) + 1
        if counts[alarm.kind] < MOST:
            found[alarm.kind, alarm.about] = alarm
    more = {kind: count - MOST + 1 for kind, count in counts.items() if count >= MOST}
    rest = [Alarm(kind, "others", f"{count:,} more like these") for kind, count in more.items()]
    return [*found.values(), *rest]


def _all(status: SystemStatus, findings: Sequence[Finding], limits: Thresholds) -> Iterator[Alarm]:
    yield from _accounts(status)
    yield from _dead_letters(status)
    yield from _old(status, status.at_us - limits.queue_us)
    yield from _errors(status, limits)
    yield from _appliance(status, limits)
    for edge in status.edges:
        name = f"edge {edge.edge}"
        if not edge.connected:
            yield Alarm("edge_away", name, f"{name} is not connected to the core")
        if edge.refused:
            yield Alarm("edge_stale", name, f"{name} keeps an older routing table: {edge.refused}")
        journal = edge.report.journal if edge.report is not None else None
        if journal is not None and journal.mode != "recording":
            why = f": {journal.last_error}" if journal.last_error else ""
            yield Alarm("journal", name, f"the journal of {name} is in mode {journal.mode}{why}")
        elif lost := status.recent.lost.get(name, 0):
            text = f"{_many(lost, 'event')} of {name} were lost to a full disk lately"
            yield Alarm("journal", name, text)
    for each in status.health:
        if each.state == "unhealthy":
            why = f": {each.last.error}" if each.last is not None and each.last.error else ""
            about = f"destination {each.destination_id}"
            yield Alarm("destination_ill", about, f"{about} failed its probes{why}")
    for it in findings:
        known = AILMENTS.get(it.code)
        if known and known.grave and not it.muted and status.at_us - it.last_us <= RECENT_US:
            yield Alarm(
                "network_ill",
                f"network {it.network_id} {it.code}",
                f"network {it.network_id}: {fault_of(it)}",
            )


def _accounts(status: SystemStatus) -> Iterator[Alarm]:
    for account in status.accounts:
        # What an operator has wait is held without a reason.
        cannot = account.state == "held" and account.reason and account.queued
        dead = [each for each in account.pixels if each.paused_us]
        if cannot or (account.state == "paused" and (account.paused_us or not dead)):
            yield Alarm("token_dead", account.target, _dead_token(account))
        for pixel in dead:
            yield Alarm("pixel_dead", pixel.target, _dead_pixel(account, pixel))
        if missing := status.recent.unreconciled.get(account.target, 0):
            yield Alarm(
                "not_received",
                account.target,
                f"{account.platform} received {_many(missing, 'event')} fewer of {_account(account)} lately"
                " than it was sent, in requests that it took: see its own diagnostics",
            )
    for target in status.deliveries.paused:
        if target.startswith("postback:"):
            yield Alarm("target_paused", target, f"{_named(target)} is left alone after failures in a row")


def _dead_token(account: AccountReport) -> str:
    """Who is refused, why, until when something can be done, and what is lost otherwise."""
    why = f": {account.reason}" if account.reason else ""
    refused = account.state == "paused"
    says, remedy = (
        ("is refused by its platform", "Replace its token") if refused else ("cannot report", "Mend it")
    )
    return f"{_account(account)} {says}{why}. {_at_risk(account, remedy)}"


def _dead_pixel(account: AccountReport, pixel: PixelReport) -> str:
    """The same of one pixel: a new token would change nothing."""
    remedy = "Correct it, or let the account's token have it,"
    return (
        f"{_account(account)}: its pixel {pixel.pixel_id} “{pixel.code}” is refused by its platform:"
        f" {pixel.reason}. {_at_risk(pixel, remedy)}"
    )


def _at_risk(of: AccountReport | PixelReport, remedy: str) -> str:
    if not of.queued:
        return "Nothing of it is waiting."
    events = _many(of.queued, "event")
    worth = ", ".join(f"{money.amount(sum_):,.2f} {code}" for code, sum_ in sorted(of.at_risk.items()))
    worth = f" worth {worth}" if worth else ""
    if not of.next_deadline_us:
        return f"Waiting: {events}{worth}."
    return (
        f"{remedy} before {moment(of.next_deadline_us)}: from then on {events}{worth},"
        " which are waiting now, expire one after another."
    )


def _dead_letters(status: SystemStatus) -> Iterator[Alarm]:
    """What a rule of a platform refused is no dead letter: it is in `error_ratio` and in the account."""
    for queue in status.queues:
        if queue.dead and queue.name.startswith("postback:"):
            text = f"given up: {_many(queue.dead, 'delivery')} to {_named(queue.name)}; see deliveries.list"
            yield Alarm("dead_letters", queue.name, text)
    for intake in status.intakes:
        if intake.dead:
            text = f"with the dead letters of the intake {intake.name}: {_many(intake.dead, 'message')}"
            yield Alarm("dead_letters", f"intake:{intake.name}", text)


def _old(status: SystemStatus, oldest_us: int) -> Iterator[Alarm]:
    behind: dict[str, float] = {}
    held: dict[str, bool] = {}
    for each in status.consumers:
        name = f"{each.consumer} of edge {each.edge}"
        behind[name] = max(behind.get(name, 0.0), each.behind_seconds)
        held[name] = held.get(name, False) or each.held
    for name, seconds in behind.items():
        since_us = status.at_us - int(seconds * 1e6)
        if seconds and since_us <= oldest_us:
            why = " (an operator holds it)" if held[name] else ""
            text = f"{name} has not taken an event since {moment(since_us)}{why}"
            yield Alarm("queue_old", name, text)
    for queue in status.queues:
        if queue.late_us and queue.late_us <= oldest_us and queue.name.startswith("postback:"):
            count = _many(queue.depth, "delivery")
            text = f"waiting since {moment(queue.late_us)}: {count} to {_named(queue.name)}"
            yield Alarm("queue_old", queue.name, text)
    for account in status.accounts:
        # A dead token has an alert of its own, and what is held waits because somebody wants it to.
        waits = account.state in ("sending", "throttled") and account.queued
        if waits and account.oldest_us and account.oldest_us <= oldest_us:
            count = _many(account.queued, "event")
            text = f"waiting since {moment(account.oldest_us)}: {count} of {_account(account)}"
            yield Alarm("queue_old", account.target, text)
    for intake in status.intakes:
        if not intake.paused_by and intake.oldest_us and intake.oldest_us <= oldest_us:
            count = _many(intake.waiting, "message") if intake.waiting > 0 else "messages"
            text = f"waiting since {moment(intake.oldest_us)}: {count} of the intake {intake.name}"
            yield Alarm("queue_old", f"intake:{intake.name}", text)


def _errors(status: SystemStatus, limits: Thresholds) -> Iterator[Alarm]:
    accounts = {account.target: account for account in status.accounts}
    for name, ratio in status.recent.error_ratios.items():
        count = status.recent.ended.get(name, 0)
        if ratio <= limits.error_ratio or count < limits.error_least:
            continue
        labels = status.recent.labels.get(name, {})
        who = f"events of {_account(accounts[name])}" if name in accounts else name
        commonest = max(labels, key=lambda label: labels[label], default="")
        why = f", most of all for “{commonest}”" if commonest else ""
        text = f"{ratio * 100:.0f} % of the last {count:,} {who} failed{why}"
        yield Alarm("error_ratio", name, text)


def _appliance(status: SystemStatus, limits: Thresholds) -> Iterator[Alarm]:
    if status.problems:
        yield Alarm("not_ready", "weir", f"Weir does not do its work: {'; '.join(status.problems)}")
    if status.disk_free_bytes < limits.disk_free_bytes:
        free = status.disk_free_bytes / 1e6
        yield Alarm("disk_low", "data", f"{free:,.0f} MB are free where the data directory is")
    if status.warehouse.state == "down":
        why = f": {status.warehouse.last_error}" if status.warehouse.last_error else ""
        yield Alarm("warehouse_away", "warehouse", f"the reports' database does not answer{why}")
    for actor in status.actors:
        if actor.state not in ("running", "stopped"):
            why = f": {actor.last_error}" if actor.last_error else ""
            yield Alarm("actor_down", actor.name, f"{actor.name} is {actor.state}{why}")
    for intake in status.intakes:
        if intake.last_error and not intake.paused_by:
            text = f"the intake {intake.name} cannot read: {intake.last_error}"
            yield Alarm("intake_failing", f"intake:{intake.name}", text)


def _many(count: int, noun: str) -> str:
    if count == 1:
        return f"1 {noun}"
    return f"{count:,} {noun[:-1]}ies" if noun.endswith("y") else f"{count:,} {noun}s"


def _account(account: AccountReport) -> str:
    return f"ad account {account.account_id} “{account.name}” ({account.platform})"


def _named(target: str) -> str:
    return f"postback target {target.partition(':')[2]}"


def moment(at_us: int) -> str:
    """A time for people, to the minute."""
    return datetime.fromtimestamp(at_us / 1e6, UTC).strftime("%Y-%m-%d %H:%M UTC")
