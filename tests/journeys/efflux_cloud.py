"""The founding document's queues, buckets and table in a moto server: a process of its own on loopback.

with Cloud() as cloud:
    weir = start_weir(data, env=cloud.settings())
    cloud.put("networks/tonic/…/13/2025-02-01T13:00:00.000Z.json", body)   # is announced by itself
    cloud.dead(cloud.trigger)                                              # keys of the dead letters
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Self
from urllib.parse import quote_plus, unquote_plus

import boto3
from botocore.config import Config

from tests.rig import ROOT

REGION = "us-east-1"
INTERPRETED, FILTERED, TABLE = (
    "interpreted-events-bucket",
    "report-conversions-bucket",
    "conversion-reporting-subscriptions",
)
_SERVER = """
import sys
from moto.server import ThreadedMotoServer
server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
server.start()
print(server.get_host_and_port()[1], flush=True)
sys.stdin.read()
"""


class Queue:
    """An SQS queue and where its dead letters go, by their URLs."""

    def __init__(self, sqs: Any, name: str, receives: int, visibility: int) -> None:
        self.name = name
        self.dead_url: str = sqs.create_queue(QueueName=f"{name}-dlq")["QueueUrl"]
        self.dead_arn = _arn(sqs, self.dead_url)
        redrive = json.dumps({"deadLetterTargetArn": self.dead_arn, "maxReceiveCount": receives})
        self.url: str = sqs.create_queue(
            QueueName=name,
            Attributes={"RedrivePolicy": redrive, "VisibilityTimeout": str(visibility)},
        )["QueueUrl"]
        self.arn = _arn(sqs, self.url)


class Cloud:
    """`trigger` and `report` are the two queues. A message may be received `receives` times."""

    def __init__(self, receives: int = 3, visibility: int = 3) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", _SERVER],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=ROOT,
        )  # fmt: skip
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise AssertionError(f"moto did not start: {self._process.wait()}")
        self.endpoint = f"http://127.0.0.1:{int(line)}"
        self.s3, self.sqs, self.dynamodb, self.cloudwatch = map(
            self.client, ("s3", "sqs", "dynamodb", "cloudwatch")
        )
        self.trigger = Queue(self.sqs, "trigger-conversion-reporting", receives, visibility)
        self.report = Queue(self.sqs, "report-conversions-queue", receives, visibility)
        for bucket, queue in ((INTERPRETED, self.trigger), (FILTERED, self.report)):
            self.s3.create_bucket(Bucket=bucket)
            announce = {"QueueArn": queue.arn, "Events": ["s3:ObjectCreated:*"]}
            # S3 says s3:TestEvent at once: the first message of each queue has no records.
            self.s3.put_bucket_notification_configuration(
                Bucket=bucket, NotificationConfiguration={"QueueConfigurations": [announce]}
            )
        self.dynamodb.create_table(
            TableName=TABLE,
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()

    def client(self, service: str) -> Any:
        return boto3.client(
            service, endpoint_url=self.endpoint, region_name=REGION, aws_access_key_id="test",
            aws_secret_access_key="test", config=Config(retries={"max_attempts": 5}),
        )  # fmt: skip

    def settings(self, **more: str) -> dict[str, str]:
        """Environment of a Weir that consumes both queues, and writes what it filtered for the second."""
        return {
            "WEIR_AWS__ENDPOINT": self.endpoint,
            "WEIR_AWS__REGION": REGION,
            "WEIR_AWS__ACCESS_KEY_ID": "test",
            "WEIR_AWS__SECRET_ACCESS_KEY": "test",
            "WEIR_INTAKE__TRIGGER__QUEUE_URL": self.trigger.url,
            "WEIR_INTAKE__TRIGGER__SUBSCRIPTIONS_TABLE": TABLE,
            "WEIR_INTAKE__TRIGGER__FILTERED_BUCKET": FILTERED,
            "WEIR_INTAKE__REPORT__QUEUE_URL": self.report.url,
            **more,
        }

    def subscribe(self, *campaigns: str) -> None:
        for start in range(0, len(campaigns), 25):
            items = [{"PutRequest": {"Item": {"id": {"S": each}}}} for each in campaigns[start : start + 25]]
            self.dynamodb.batch_write_item(RequestItems={TABLE: items})

    def put(self, key: str, body: bytes, bucket: str = INTERPRETED, **more: str) -> None:
        """An object; its bucket announces it."""
        self.s3.put_object(Bucket=bucket, Key=key, Body=body, **more)

    def say(self, queue: Queue, message: Mapping[str, Any] | str) -> None:
        """A message as it is."""
        body = message if isinstance(message, str) else json.dumps(message)
        self.sqs.send_message(QueueUrl=queue.url, MessageBody=body)

    def left(self, url: str) -> int:
        """Messages that wait in a queue, or are being worked at. moto counts these after those, and a message
        that becomes visible meanwhile is in neither: so it is asked twice."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        asked = [
            self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"] for _ in range(2)
        ]
        return max(sum(int(found[name]) for name in names) for found in asked)

    def dead(self, queue: Queue) -> Counter[str]:
        """The dead letters of a queue, by the keys they announce, or by their text. They stay there."""
        found: Counter[str] = Counter()
        taken = []
        while messages := self.sqs.receive_message(
            QueueUrl=queue.dead_url, MaxNumberOfMessages=10, VisibilityTimeout=600
        ).get("Messages"):
            taken += messages
        for each in taken:
            found.update(keys(each["Body"]))
            self.sqs.change_message_visibility(
                QueueUrl=queue.dead_url, ReceiptHandle=each["ReceiptHandle"], VisibilityTimeout=0
            )
        return found


def record(key: str, bucket: str = INTERPRETED) -> dict[str, Any]:
    """A record as S3 itself writes it, for a key as it is: with a plus for a space."""
    return {
        "eventVersion": "2.1", "eventSource": "aws:s3", "awsRegion": REGION, "eventName": "ObjectCreated:Put",
        "eventTime": "2025-02-01T13:00:00.000Z",
        "s3": {
            "s3SchemaVersion": "1.0", "bucket": {"name": bucket, "arn": f"arn:aws:s3:::{bucket}"},
            "object": {"key": quote_plus(key, safe="/"), "size": 1, "sequencer": "0055AED6DCD90281E5"},
        },
    }  # fmt: skip


def keys(body: str) -> Sequence[str]:
    """The keys that a message announces; the message itself when it is none of S3's."""
    try:
        records = json.loads(body)["Records"]
        return [unquote_plus(each["s3"]["object"]["key"]) for each in records]
    except (ValueError, KeyError, TypeError):
        return [body]


def _arn(sqs: Any, url: str) -> str:
    found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
    return str(found["Attributes"]["QueueArn"])
