"""CloudWatch's metrics and logs, by botocore: what aws.py says of calls and errors holds here too."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from botocore.exceptions import ClientError

from appliance.errors import Missing
from appliance.stores.aws import Session, spoken


class CloudMetrics:
    def __init__(self, session: Session, namespace: str) -> None:
        self._client = session.client("cloudwatch", 2)
        self._namespace = namespace

    def put(self, samples: Sequence[tuple[str, float, str, tuple[tuple[str, str], ...]]]) -> None:
        """(name, value, unit, dimensions) of this minute: 1,000 and 1 MB at most, 30 dimensions each."""
        data = [
            {
                "MetricName": name,
                "Value": value,
                "Unit": unit,
                "StorageResolution": 60,
                "Dimensions": [{"Name": of, "Value": text} for of, text in dimensions],
            }
            for name, value, unit, dimensions in samples
        ]
        with spoken():
            self._client.put_metric_data(Namespace=self._namespace, MetricData=data)


class CloudLogs:
    """A group of log streams; what is not there is made."""

    def __init__(self, session: Session, group: str) -> None:
        self._client = session.client("logs", 2)
        self._group = group

    def put(self, stream: str, lines: Sequence[tuple[int, str]]) -> None:
        """(unix milliseconds, text), in the order of time; 10,000, 1 MiB and 24 hours at most."""
        events = [{"timestamp": at_ms, "message": text} for at_ms, text in lines]
        try:
            self._put(stream, events)
        except Missing:
            _made(self._client.create_log_group, logGroupName=self._group)
            _made(self._client.create_log_stream, logGroupName=self._group, logStreamName=stream)
            self._put(stream, events)

    def _put(self, stream: str, events: Any) -> None:
        with spoken():
            self._client.put_log_events(logGroupName=self._group, logStreamName=stream, logEvents=events)


def _made(make: Callable[..., Any], **names: str) -> None:
    """Make it, unless somebody did before."""
    with spoken():
        try:
            make(**names)
        except ClientError as fault:
            if fault.response.get("Error", {}).get("Code") != "ResourceAlreadyExistsException":
                raise
