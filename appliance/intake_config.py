"""The sections of the configuration about intakes of interpreted events, and about AWS."""

from __future__ import annotations

import re
from collections.abc import Iterator

from msgspec import Struct

from appliance.addresses import is_url
from appliance.errors import FieldProblem


class Aws(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Amazon's services. Nothing of it is loaded unless a queue, a table or CloudWatch is named.

    Without a key of its own Weir asks where Amazon's own tools do: AWS_ACCESS_KEY_ID, ~/.aws, the machine's
    role.
    """

    region: str = ""
    endpoint: str = ""
    access_key_id: str = ""
    secret_access_key: str = ""
    metrics_namespace: str = ""
    log_group: str = ""


class Trigger(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The queue that announces objects with all events: they are filtered, then reported."""

    queue_url: str = ""
    dead_letter_url: str = ""
    attempts: int = 3
    parallel: int = 4
    paused: bool = False
    subscriptions_table: str = ""
    filtered_bucket: str = ""


class Report(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The queue that announces objects whose events were filtered already."""

    queue_url: str = ""
    dead_letter_url: str = ""
    attempts: int = 3
    parallel: int = 4
    paused: bool = False


class Folder(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A folder in which files of events are put; empty: none."""

    path: str = ""
    paused: bool = False


class Intake(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Ways in for interpreted events. `filter`: subscriptions are asked; off, everything is reported."""

    filter: bool = True
    trigger: Trigger = Trigger()
    report: Report = Report()
    folder: Folder = Folder()


_QUEUE = re.compile(r"https?://[^/?#\s]+(?:/[^?#\s]*)?/[\w.-]{1,80}", re.ASCII)
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", re.ASCII)
_TABLE = re.compile(r"[\w.-]{3,255}", re.ASCII)
_REGION = re.compile(r"[a-z0-9-]{1,40}", re.ASCII)


def check_aws(aws: Aws, intake: Intake) -> Iterator[FieldProblem]:
    """What types cannot say of both sections."""
    if aws.endpoint and not is_url(aws.endpoint):
        yield FieldProblem("aws.endpoint", "an absolute http(s) URL")
    if aws.region and not _REGION.fullmatch(aws.region):
        yield FieldProblem("aws.region", "a region's name, for example eu-central-1")
    if bool(aws.access_key_id) != bool(aws.secret_access_key):
        missing = "secret_access_key" if aws.access_key_id else "access_key_id"
        yield FieldProblem(f"aws.{missing}", "a key has two parts: give both, or neither")
    for name, queue in (("trigger", intake.trigger), ("report", intake.report)):
        where = f"intake.{name}"
        for key in ("queue_url", "dead_letter_url"):
            url = getattr(queue, key)
            if url and not _QUEUE.fullmatch(url):
                yield FieldProblem(
                    f"{where}.{key}", "a queue's URL: https://sqs.REGION.amazonaws.com/ACCOUNT/NAME"
                )
        if queue.dead_letter_url and queue.dead_letter_url == queue.queue_url:
            yield FieldProblem(f"{where}.dead_letter_url", "another queue than the one that is read")
        if not 1 <= queue.attempts <= 1000:
            yield FieldProblem(f"{where}.attempts", "from 1 to 1000")
        if not 1 <= queue.parallel <= 32:
            yield FieldProblem(f"{where}.parallel", "from 1 to 32")
    trigger = intake.trigger
    if trigger.queue_url and trigger.queue_url == intake.report.queue_url:
        yield FieldProblem("intake.report.queue_url", "another queue than intake.trigger.queue_url")
    if trigger.subscriptions_table and not _TABLE.fullmatch(trigger.subscriptions_table):
        yield FieldProblem("intake.trigger.subscriptions_table", "a table's name")
    if trigger.filtered_bucket and not _BUCKET.fullmatch(trigger.filtered_bucket):
        yield FieldProblem("intake.trigger.filtered_bucket", "a bucket's name")
    if aws.log_group and not re.fullmatch(r"[\w./#-]{1,512}", aws.log_group, re.ASCII):
        yield FieldProblem("aws.log_group", "a log group's name, for example /aws/ec2/conversion-reporting")
    if aws.metrics_namespace and (
        aws.metrics_namespace.startswith("AWS/")
        or not re.fullmatch(r"[\w./# :-]{1,255}", aws.metrics_namespace, re.ASCII)
    ):
        yield FieldProblem("aws.metrics_namespace", "a namespace that does not begin with AWS/")
    urls = [queue.queue_url for queue in (trigger, intake.report) if queue.queue_url]
    used = bool(urls or aws.metrics_namespace or aws.log_group)
    if used and all(map(_QUEUE.fullmatch, urls)) and not region_of(aws, intake):
        yield FieldProblem("aws.region", "the region of what is named in [aws] and [intake]")


def region_of(aws: Aws, intake: Intake) -> str:
    """The region that is configured, else the one in a queue's URL; "" for none."""
    if aws.region:
        return aws.region
    for url in (intake.trigger.queue_url, intake.report.queue_url):
        found = re.match(r"https?://(?:sqs\.([a-z0-9-]+)|([a-z0-9-]+)\.queue)\.amazonaws\.com", url)
        if found:
            return found[1] or found[2]
    return ""
