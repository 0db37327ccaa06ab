"""A bucket that announces itself to a queue, and the adapters that a core would have of both."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest

pytest.importorskip("moto", reason="moto is not installed: pip install -e '.[aws,dev]'")

import trio

from appliance.actors.intake_sqs import QueueIntake
from appliance.actors.kernel import thread_runner
from appliance.intake_config import Aws
from appliance.stores.aws import Buckets, CampaignTable, Session, SqsQueue
from tests.actors.queue_rig import Books, always
from tests.journeys.efflux_cloud import REGION, Cloud

_numbers = itertools.count(1)
SECRET = "s3cret-of-the-test"


class Site:
    """`bucket` announces whatever is put into it to `queue_url`."""

    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud
        number = next(_numbers)
        self.bucket, self.filtered = f"events-{number}", f"filtered-{number}"
        for name in (self.bucket, self.filtered):
            cloud.s3.create_bucket(Bucket=name)
        self.dead_url = cloud.sqs.create_queue(QueueName=f"dead-{number}")["QueueUrl"]
        self.queue_url = cloud.sqs.create_queue(QueueName=f"events-{number}")["QueueUrl"]
        self.announce(self.bucket, self.queue_url)
        self.session = Session(
            Aws(endpoint=cloud.endpoint, access_key_id="AK", secret_access_key=SECRET), REGION
        )

    def announce(self, bucket: str, queue_url: str) -> None:
        """S3 says s3:TestEvent at once."""
        notify = {"QueueArn": self.arn(queue_url), "Events": ["s3:ObjectCreated:*"]}
        self.cloud.s3.put_bucket_notification_configuration(
            Bucket=bucket, NotificationConfiguration={"QueueConfigurations": [notify]}
        )

    def arn(self, url: str) -> str:
        found = self.cloud.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
        return str(found["Attributes"]["QueueArn"])

    def redrive(self, receives: int) -> None:
        policy = json.dumps({"deadLetterTargetArn": self.arn(self.dead_url), "maxReceiveCount": receives})
        self.cloud.sqs.set_queue_attributes(QueueUrl=self.queue_url, Attributes={"RedrivePolicy": policy})

    def put(self, key: str, body: bytes, **more: str) -> None:
        self.cloud.s3.put_object(Bucket=self.bucket, Key=key, Body=body, **more)

    def say(self, body: str) -> None:
        self.cloud.sqs.send_message(QueueUrl=self.queue_url, MessageBody=body)

    def dead(self) -> list[dict[str, Any]]:
        """The messages among the dead letters, which stay there."""
        found: list[dict[str, Any]] = []
        while messages := self.cloud.sqs.receive_message(
            QueueUrl=self.dead_url,
            MaxNumberOfMessages=10,
            VisibilityTimeout=60,
            MessageAttributeNames=["All"],
        ).get("Messages"):
            found += messages
        return found

    def queue(self, dead_letter_url: str = "") -> SqsQueue:
        return SqsQueue(self.session, self.queue_url, dead_letter_url)

    def table(self, name: str, **more: Any) -> CampaignTable:
        """A table of campaigns, and its adapter."""
        self.cloud.dynamodb.create_table(
            TableName=name,
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
        return CampaignTable(self.session, name, **more)

    def intake(self, books: Books, dead_letter_url: str = "", **more: Any) -> QueueIntake:
        return QueueIntake(
            "trigger",
            connect=lambda: (self.queue(dead_letter_url), Buckets(self.session)),
            way=books,
            polling=thread_runner(1, abandon=True),
            run_blocking=thread_runner(9, abandon=True),
            now_us=lambda: 0,
            **{"running": always, "filtered": True, "back_s": 0, **more},
        )

    async def emptied(self) -> None:
        """Nothing waits, and nothing is in hand."""
        with trio.fail_after(60):
            while await trio.to_thread.run_sync(self.cloud.left, self.queue_url):  # noqa: ASYNC110
                await trio.sleep(0.05)
