"""Amazon's queues, buckets and tables, by botocore. Blocking; loaded only where one is configured.

Every call raises Missing for what is not there, Refused for what is not allowed, and Unavailable for all that
may pass: the network, throttling, a failing service, a key that is wrong or has expired. What the
configuration names is mended there: a table or a bucket that refuses is Unavailable too (`named`).
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import botocore.session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from appliance.errors import Missing, Refused, Unavailable
from appliance.intake_config import Aws
from appliance.model.queues import Fetched, Received, Sizes
from appliance.partners.notices import Created

_GONE = frozenset((
    "404", "NoSuchBucket", "NoSuchKey", "NoSuchVersion", "NotFound", "ResourceNotFoundException",
    "AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist", "NonExistentQueue",
    "ReceiptHandleIsInvalid", "MessageNotInflight", "AWS.SimpleQueueService.MessageNotInflight",
))  # fmt: skip
_FORBIDDEN = frozenset((
    "403", "AccessDenied", "AccessDeniedException", "AllAccessDisabled", "KMS.AccessDeniedException",
    "KMS.DisabledException",
))  # fmt: skip
_NOT_ALLOWED = frozenset(("405", "InvalidObjectState", "MethodNotAllowed"))
_CONNECT_SECONDS = 5
_READ_SECONDS = 30
"""More than the longest poll."""
_PIECE = 1 << 20
_LONGEST = 300


class Forbidden(Refused):
    """A policy says no: to this, or to everything."""


@contextmanager
def spoken() -> Iterator[None]:
    """botocore's errors in our own words. None of its texts holds a key's secret part."""
    try:
        yield
    except ClientError as fault:
        found = fault.response.get("Error", {})
        code = str(found.get("Code", ""))
        said = f"{fault.operation_name}: {code} {found.get('Message', '')}"[:_LONGEST].strip()
        if code in _GONE:
            raise Missing(said) from fault
        if code in _FORBIDDEN:
            raise Forbidden(said) from fault
        raise (Refused(said) if code in _NOT_ALLOWED else Unavailable(said)) from fault
    except BotoCoreError as fault:
        raise Unavailable(f"{type(fault).__name__}: {fault}"[:_LONGEST]) from fault


@contextmanager
def named(what: str, action: str) -> Iterator[None]:
    """As `spoken`, for what an operator has named: whatever is wrong with it, everything waits until he has
    mended it. Raises Unavailable only, saying how; `action` is what a policy must allow."""
    try:
        with spoken():
            yield
    except Missing as fault:
        text = f"the {what} is not there: make it, or name another ({fault.message})"
        raise Unavailable(text) from fault
    except Refused as fault:
        text = f"the {what} refuses: allow {action} on it to Weir's credentials ({fault.message})"
        raise Unavailable(text) from fault
    except Unavailable as fault:
        raise Unavailable(f"the {what}: {fault.message}") from fault


class Session:
    """Credentials, region and endpoint, from which clients are made; many threads may share a client."""

    def __init__(self, settings: Aws, region: str) -> None:
        for name in ("botocore", "urllib3"):  # their debug lines hold requests whole, signed and with events
            logging.getLogger(name).setLevel(logging.WARNING)
        self._session = botocore.session.Session()
        self._settings = settings
        self._region = region

    def client(self, service: str, connections: int = 10) -> Any:
        """Raises Unavailable, such as for a ~/.aws that cannot be read."""
        settings = self._settings
        config = Config(
            region_name=self._region,
            connect_timeout=_CONNECT_SECONDS,
            read_timeout=_READ_SECONDS,
            max_pool_connections=connections,
            retries={"mode": "standard", "total_max_attempts": 3},
            s3={"addressing_style": "path"} if settings.endpoint else None,
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
            tcp_keepalive=True,
        )
        with spoken():
            return self._session.create_client(
                service,
                config=config,
                endpoint_url=settings.endpoint or None,
                aws_access_key_id=settings.access_key_id or None,
                aws_secret_access_key=settings.secret_access_key or None,
            )


class SqsQueue:
    """One queue, and the one that its dead letters go to."""

    def __init__(self, session: Session, url: str, dead_letter_url: str = "", connections: int = 10) -> None:
        self._client = session.client("sqs", connections)
        self._url = url
        self._dead_letter_url = dead_letter_url
        self._redriven_to = ""
        """The queue of its redrive policy, once it is known."""

    def receive(self, most: int, wait_s: int, hidden_s: int) -> Sequence[Received]:
        """At most 10, waiting so long for the first; others do not see them for `hidden_s` seconds."""
        with spoken():
            found = self._client.receive_message(
                QueueUrl=self._url,
                MaxNumberOfMessages=min(most, 10),
                WaitTimeSeconds=min(wait_s, 20),
                VisibilityTimeout=hidden_s,
                MessageSystemAttributeNames=["ApproximateReceiveCount", "SentTimestamp"],
            )
        return [
            Received(
                one["MessageId"],
                one["ReceiptHandle"],
                one["Body"],
                int(one.get("Attributes", {}).get("ApproximateReceiveCount", 1)),
                int(one.get("Attributes", {}).get("SentTimestamp", 0)) * 1_000,
            )
            for one in found.get("Messages", ())
        ]

    def hide(self, receipt: str, seconds: int) -> None:
        """Others do not see it for so long from now on. Raises Missing when the message is ours no more."""
        with spoken():
            self._client.change_message_visibility(
                QueueUrl=self._url, ReceiptHandle=receipt, VisibilityTimeout=seconds
            )

    def delete(self, receipt: str) -> None:
        with spoken():
            self._client.delete_message(QueueUrl=self._url, ReceiptHandle=receipt)

    def bury(self, message: Received, reason: str) -> bool:
        """Put a copy with the dead letters and delete the message; False where no queue for them is named."""
        if not self._dead_letter_url:
            return False
        said = {"reason": {"DataType": "String", "StringValue": reason[:_LONGEST] or "unknown"}}
        with spoken():
            self._client.send_message(
                QueueUrl=self._dead_letter_url, MessageBody=message.body, MessageAttributes=said
            )
        self.delete(message.receipt)
        return True

    def sizes(self) -> Sizes:
        with spoken():
            found = self._client.get_queue_attributes(QueueUrl=self._url, AttributeNames=["All"])[
                "Attributes"
            ]
        redrive = json.loads(found.get("RedrivePolicy") or "{}")
        return Sizes(
            _visible(found),
            int(found.get("ApproximateNumberOfMessagesNotVisible", 0)),
            self._dead(str(redrive.get("deadLetterTargetArn", ""))),
            int(redrive.get("maxReceiveCount", 0)),
        )

    def _dead(self, arn: str) -> int:
        try:
            if arn and not self._redriven_to:
                _, _, _, _, account, name = arn.split(":", 5)
                with spoken():
                    known = self._client.get_queue_url(QueueName=name, QueueOwnerAWSAccountId=account)
                self._redriven_to = known["QueueUrl"]
            url = self._redriven_to if arn else self._dead_letter_url
            if not url:
                return -1
            wanted = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
            with spoken():
                found = self._client.get_queue_attributes(QueueUrl=url, AttributeNames=wanted)["Attributes"]
            return _visible(found) + int(found.get("ApproximateNumberOfMessagesNotVisible", 0))
        except (Missing, Refused, ValueError):  # what may not be asked is not known
            return -1


def _visible(attributes: dict[str, str]) -> int:
    delayed = int(attributes.get("ApproximateNumberOfMessagesDelayed", 0))
    return int(attributes.get("ApproximateNumberOfMessages", 0)) + delayed


class Buckets:
    """Objects of any bucket."""

    MOST_BUCKETS = 1_000
    """Of which an object that could be read is remembered."""
    SAMPLE = 5

    def __init__(self, session: Session, connections: int = 10) -> None:
        self._client = session.client("s3", connections)
        self._known: dict[str, str] = {}

    def get(self, wanted: Created, most: int) -> Fetched:
        """The content as it is stored, gzip and all. Raises Refused for more than `most` bytes, and for what
        is forbidden while others of its bucket can be read; while none can, that is Unavailable, because it
        is said of all of them."""
        try:
            found = self._get(wanted, most)
        except Forbidden as fault:
            if self._reads_others(wanted):
                raise
            raise Unavailable(
                f"the bucket {wanted.bucket} does not let its objects be read: allow s3:GetObject on it to"
                f" Weir's credentials, and s3:ListBucket ({fault.message})"
            ) from fault
        if wanted.bucket in self._known or len(self._known) < self.MOST_BUCKETS:
            self._known[wanted.bucket] = wanted.key
        return found

    def _reads_others(self, forbidden: Created) -> bool:
        """Whether another object can be read now: the one that was read last, else some beside it."""
        bucket = forbidden.bucket
        known = self._known.get(bucket, forbidden.key)
        for key in [known] if known != forbidden.key else self._beside(forbidden):
            try:
                with spoken():
                    self._client.get_object(Bucket=bucket, Key=key)["Body"].close()
            except Forbidden:
                continue
            except (Missing, Refused):  # gone, or archived: that is said to who may read
                pass
            return True
        return False

    def _beside(self, forbidden: Created) -> list[str]:
        """A few keys that begin as its own does, because a policy may be for these only."""
        top, slash, _ = forbidden.key.partition("/")
        try:
            with spoken():
                found = self._client.list_objects_v2(
                    Bucket=forbidden.bucket, Prefix=top + slash if slash else "", MaxKeys=self.SAMPLE
                )
        except (Missing, Refused):
            return []
        return [each["Key"] for each in found.get("Contents", ()) if each["Key"] != forbidden.key]

    def _get(self, wanted: Created, most: int) -> Fetched:
        version = {"VersionId": wanted.version} if wanted.version else {}
        with spoken():
            found = self._client.get_object(Bucket=wanted.bucket, Key=wanted.key, **version)
            with found["Body"] as stream:
                size = int(found.get("ContentLength", 0))
                if size > most:
                    raise Refused(f"it has {size:,} bytes; at most {most:,} are read")
                body = bytearray()
                while piece := stream.read(_PIECE):
                    body += piece
                    if len(body) > most:
                        raise Refused(f"at most {most:,} bytes are read")
        if len(body) < size:
            raise Unavailable(f"only {len(body):,} of {size:,} bytes came")
        tag = str(found.get("ETag", "")).strip('"')
        return Fetched(bytes(body), tag)

    def put(self, bucket: str, key: str, body: bytes, kind: str = "application/json") -> None:
        """Raises Unavailable only."""
        with named(f"bucket {bucket}", "s3:PutObject"):
            self._client.put_object(Bucket=bucket, Key=key, Body=body, ContentType=kind)


class CampaignTable:
    """Campaigns that are subscribed to, in a DynamoDB table whose key is `id`.

    Answers are remembered for `seconds`, of the `most` ids asked last; another is asked for again.
    """

    AT_ONCE = 100
    """Ids in a request; more is refused by DynamoDB."""
    TRIES = 6

    def __init__(
        self,
        session: Session,
        table: str,
        seconds: float = 60.0,
        most: int = 100_000,
        clock: Callable[[], float] = time.monotonic,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._client = session.client("dynamodb")
        self._table = table
        self._seconds = seconds
        self._most = most
        self._clock = clock
        self._pause = pause
        self._answers: dict[str, tuple[float, bool]] = {}

    def known(self, campaigns: Collection[str]) -> frozenset[str]:
        """Those of these that are in the table. One caller at a time. Raises Unavailable only."""
        now = self._clock()
        asked = sorted(
            {each for each in campaigns if each and self._answers.get(each, (now, False))[0] <= now}
        )
        found: set[str] = set()
        for start in range(0, len(asked), self.AT_ONCE):
            found |= self._ask(asked[start : start + self.AT_ONCE])
        for each in asked:
            self._answers.pop(each, None)  # so that it becomes the newest
            self._answers[each] = (now + self._seconds, each in found)
        answer = frozenset(each for each in campaigns if each and self._answers[each][1])
        while len(self._answers) > self._most:
            del self._answers[next(iter(self._answers))]
        return answer

    def _ask(self, campaigns: Sequence[str]) -> set[str]:
        keys = [{"id": {"S": each}} for each in campaigns]
        wanted: Any = {self._table: {"Keys": keys, "ProjectionExpression": "id"}}
        found: set[str] = set()
        for attempt in range(self.TRIES):
            with named(f"table {self._table}", "dynamodb:BatchGetItem"):
                answer = self._client.batch_get_item(RequestItems=wanted)
            found |= {str(item["id"]["S"]) for item in answer.get("Responses", {}).get(self._table, ())}
            wanted = answer.get("UnprocessedKeys") or {}
            if not wanted:
                return found
            self._pause(0.05 * 2**attempt)
        raise Unavailable("DynamoDB does not answer for all of the campaigns: the table is throttled")
