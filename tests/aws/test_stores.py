"""The adapters of Amazon's services, over a server that speaks their protocols."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

pytest.importorskip("moto", reason="moto is not installed: pip install -e '.[aws,dev]'")

from appliance.actors.cloudwatch import Sample, requests
from appliance.errors import Missing, Refused, Unavailable, WeirError
from appliance.intake_config import Aws
from appliance.partners.notices import Created
from appliance.stores.aws import Buckets, CampaignTable, Session, SqsQueue, spoken
from appliance.stores.aws_watch import CloudLogs, CloudMetrics
from tests.aws.site import SECRET, Site
from tests.journeys.efflux_cloud import REGION


def some(site: Site, wait: int = 2, hidden: int = 30) -> Any:
    """The next message that is no test event."""
    queue = site.queue()
    while True:
        for each in queue.receive(1, wait, hidden):
            if "TestEvent" not in each.body:
                return each
            queue.delete(each.receipt)


def test_an_object_is_announced_read_and_written(site: Site) -> None:
    buckets = Buckets(site.session)
    buckets.put(site.bucket, "a b/ü+.json", b"[1]")
    received = some(site)
    assert (received.receives, received.sent_us > 1_700_000_000_000_000) == (1, True)
    fetched = buckets.get(Created(site.bucket, "a b/ü+.json"), 100)
    assert fetched.body == b"[1]"
    assert fetched.tag and '"' not in fetched.tag
    buckets.put(site.bucket, "a b/ü+.json", b"[2]")
    assert buckets.get(Created(site.bucket, "a b/ü+.json"), 100).tag != fetched.tag


def test_a_version_that_is_named_is_the_one_that_is_read(site: Site) -> None:
    versioned = {"Status": "Enabled"}
    site.cloud.s3.put_bucket_versioning(Bucket=site.bucket, VersioningConfiguration=versioned)
    first = site.cloud.s3.put_object(Bucket=site.bucket, Key="k", Body=b"one")["VersionId"]
    site.put("k", b"two")
    buckets = Buckets(site.session)
    assert buckets.get(Created(site.bucket, "k", first), 10).body == b"one"
    assert buckets.get(Created(site.bucket, "k"), 10).body == b"two"


def test_what_is_not_there_and_what_is_too_large_is_said(site: Site) -> None:
    buckets = Buckets(site.session)
    with pytest.raises(Missing, match="NoSuchKey"):
        buckets.get(Created(site.bucket, "gone"), 10)
    with pytest.raises(Missing, match="NoSuchBucket"):
        buckets.get(Created("no-such-bucket-here", "gone"), 10)
    site.put("large", b"x" * 11)
    with pytest.raises(Refused, match="11 bytes; at most 10"):
        buckets.get(Created(site.bucket, "large"), 10)
    assert len(buckets.get(Created(site.bucket, "large"), 11).body) == 11


def test_a_message_is_hidden_renewed_and_deleted(site: Site) -> None:
    queue = site.queue()
    for each in queue.receive(10, 1, 30):
        queue.delete(each.receipt)
    site.say("x")
    [first] = queue.receive(10, 2, 30)
    assert queue.receive(10, 0, 30) == []
    assert (queue.sizes().waiting, queue.sizes().in_flight) == (0, 1)
    queue.hide(first.receipt, 0)
    [second] = queue.receive(10, 2, 30)
    assert (second.id, second.receives) == (first.id, 2)
    queue.delete(second.receipt)
    assert queue.sizes()[:2] == (0, 0)
    with pytest.raises((Missing, Unavailable)):
        queue.hide("no receipt", 10)


def test_the_dead_letters_are_counted_wherever_they_go(site: Site) -> None:
    assert site.queue().sizes().dead == -1
    named = site.queue(site.dead_url)
    assert (named.sizes().dead, named.sizes().redrives) == (0, 0)
    site.say("poison")
    received = some(site)
    assert named.bury(received, "no good")
    [dead] = site.dead()
    assert dead["Body"] == "poison"
    assert dead["MessageAttributes"]["reason"]["StringValue"] == "no good"
    assert named.sizes().dead == 1
    site.redrive(4)
    assert (site.queue().sizes().dead, site.queue().sizes().redrives) == (1, 4)
    site.say("more")
    assert not site.queue().bury(some(site), "nowhere to go")


def test_a_queue_that_is_not_there_is_missing(site: Site) -> None:
    with pytest.raises(Missing, match=r"(?i)queue"):
        SqsQueue(site.session, site.queue_url + "-gone").receive(1, 0, 30)


def test_campaigns_are_asked_for_in_pages_and_remembered(site: Site) -> None:
    now = [0.0]
    table = site.table("campaigns", clock=lambda: now[0])
    site.cloud.dynamodb.put_item(TableName="campaigns", Item={"id": {"S": "7"}})
    site.cloud.dynamodb.put_item(TableName="campaigns", Item={"id": {"S": "250"}})
    many = [str(number) for number in range(260)]
    assert table.known([*many, "", "7"]) == {"7", "250"}
    site.cloud.dynamodb.put_item(TableName="campaigns", Item={"id": {"S": "8"}})
    site.cloud.dynamodb.delete_item(TableName="campaigns", Key={"id": {"S": "7"}})
    assert table.known(["7", "8"]) == {"7"}
    now[0] = 61.0
    assert table.known(["7", "8"]) == {"8"}
    assert table.known([]) == frozenset()


def test_no_more_campaigns_are_remembered_than_may_be(site: Site) -> None:
    table = site.table("bounded", most=10)
    site.cloud.dynamodb.put_item(TableName="bounded", Item={"id": {"S": "3"}})
    assert table.known([str(number) for number in range(50)]) == {"3"}
    assert len(table._answers) == 10
    assert table.known(["3"]) == {"3"}


def test_what_dynamodb_leaves_undone_is_asked_again(site: Site) -> None:
    """Through the driver's own hook: what a throttled table answers."""
    pauses: list[float] = []
    table = site.table("throttled", pause=pauses.append)
    for number in range(30):
        site.cloud.dynamodb.put_item(TableName="throttled", Item={"id": {"S": str(number)}})

    def throttled(parsed: dict[str, Any], **_: Any) -> None:
        found = parsed["Responses"]["throttled"]
        rest = [{"id": item["id"]} for item in found[10:]]
        parsed["Responses"]["throttled"] = found[:10]
        parsed["UnprocessedKeys"] = (
            {"throttled": {"Keys": rest, "ProjectionExpression": "id"}} if rest else {}
        )

    table._client.meta.events.register("after-call.dynamodb.BatchGetItem", throttled)
    assert len(table.known([str(number) for number in range(40)])) == 30
    assert len(pauses) == 2

    def nothing(parsed: dict[str, Any], **_: Any) -> None:
        keys = {"Keys": [{"id": {"S": "x"}}], "ProjectionExpression": "id"}
        parsed["Responses"], parsed["UnprocessedKeys"] = {}, {"throttled": keys}

    table._client.meta.events.register("after-call.dynamodb.BatchGetItem", nothing)
    with pytest.raises(Unavailable, match="throttled"):
        table.known(["x"])


def denying(
    client: Any, operation: str, denied: Callable[[dict[str, Any]], bool] = lambda asked: True
) -> None:
    """Through the driver's own hooks: what a policy forbids."""
    asked: dict[str, Any] = {}

    def before(params: dict[str, Any], **_: Any) -> None:
        asked.clear()
        asked.update(params)

    def after(http_response: Any, parsed: dict[str, Any], **_: Any) -> None:
        if denied(asked):
            http_response.status_code = 403
            parsed["Error"] = {"Code": "AccessDenied", "Message": "User is not authorized"}

    service = client.meta.service_model.service_name
    client.meta.events.register(f"provide-client-params.{service}.{operation}", before)
    client.meta.events.register(f"after-call.{service}.{operation}", after)


def test_a_table_that_is_not_there_or_refuses_is_waited_for_by_its_name(site: Site) -> None:
    with pytest.raises(Unavailable, match=r"table no-such-table is not there: .*ResourceNotFound"):
        CampaignTable(site.session, "no-such-table").known(["1"])
    table = site.table("secret-table")
    denying(table._client, "BatchGetItem")
    with pytest.raises(Unavailable, match=r"table secret-table refuses: allow dynamodb:BatchGetItem"):
        table.known(["1"])


def test_a_bucket_that_cannot_be_written_to_is_waited_for_by_its_name(site: Site) -> None:
    buckets = Buckets(site.session)
    with pytest.raises(Unavailable, match=r"bucket no-such-bucket-here is not there: .*NoSuchBucket"):
        buckets.put("no-such-bucket-here", "k", b"[]")
    denying(buckets._client, "PutObject")
    with pytest.raises(Unavailable, match=f"bucket {site.filtered} refuses: allow s3:PutObject"):
        buckets.put(site.filtered, "k", b"[]")


def test_a_forbidden_object_is_poison_only_where_others_can_be_read(site: Site) -> None:
    site.put("a/secret.json", b"[1]")
    site.put("a/plain.json", b"[2]")
    forbidden = {"a/secret.json"}
    listing = True

    def buckets() -> Buckets:
        made = Buckets(site.session)
        denying(made._client, "GetObject", lambda asked: asked.get("Key") in forbidden)
        denying(made._client, "ListObjectsV2", lambda asked: not listing)
        return made

    secret, plain = Created(site.bucket, "a/secret.json"), Created(site.bucket, "a/plain.json")
    with pytest.raises(Refused, match="AccessDenied"):  # the other one, which the bucket lists, can be read
        buckets().get(secret, 10)
    forbidden.add("a/plain.json")
    with pytest.raises(Unavailable, match=f"bucket {site.bucket} .*s3:GetObject.*AccessDenied"):
        buckets().get(secret, 10)
    listing = False
    made = buckets()
    with pytest.raises(Unavailable, match="s3:ListBucket"):  # nothing is known of the others
        made.get(secret, 10)
    forbidden.remove("a/plain.json")
    assert made.get(plain, 10).body == b"[2]"
    with pytest.raises(Refused, match="AccessDenied"):
        made.get(secret, 10)
    forbidden.add("a/plain.json")  # the role is changed: what was read before cannot be read now
    with pytest.raises(Unavailable, match=site.bucket):
        made.get(secret, 10)
    forbidden.clear()
    assert made.get(secret, 10).body == b"[1]"


def test_a_minute_of_more_metrics_than_a_request_takes_arrives_whole(site: Site) -> None:
    metrics = CloudMetrics(site.session, "Weir/many")
    sizes: list[int] = []
    metrics._client.meta.events.register(
        "before-send.cloudwatch.PutMetricData", lambda request, **_: sizes.append(len(request.body))
    )
    label = (":é\n" * 40)[:100]
    figures = [
        Sample("ErrorRatio", 0.5, "None", (("Of", f"account:{number}"), ("Label", label)))
        for number in range(2_500)
    ]
    for request in requests([Sample("QueryDuration", 0.25, "Seconds", (("Kind", "report"),)), *figures]):
        metrics.put(request)
    assert len(sizes) >= 3 and max(sizes) <= 1_000_000
    client = site.cloud.cloudwatch
    pages = client.get_paginator("list_metrics").paginate(Namespace="Weir/many")
    found = [each for page in pages for each in page["Metrics"]]
    assert len({(each["MetricName"], *(it["Value"] for it in each["Dimensions"])) for each in found}) == 2_501
    now = datetime.now(UTC)
    [point] = client.get_metric_statistics(
        Namespace="Weir/many", MetricName="QueryDuration", Dimensions=[{"Name": "Kind", "Value": "report"}],
        StartTime=now - timedelta(minutes=5), EndTime=now + timedelta(minutes=5), Period=3_600,
        Statistics=["Average"],
    )["Datapoints"]  # fmt: skip
    assert (point["Average"], point["Unit"]) == (0.25, "Seconds")


def test_metrics_and_lines_arrive_and_groups_are_made(site: Site) -> None:
    CloudMetrics(site.session, "Weir/test").put([("ProcessedMessages", 3.0, "Count", ())])
    found = site.cloud.cloudwatch.list_metrics(Namespace="Weir/test")["Metrics"]
    assert [each["MetricName"] for each in found] == ["ProcessedMessages"]
    logs, now = CloudLogs(site.session, "/weir/test"), int(time.time() * 1000)
    logs.put("server", [(now, "one"), (now + 1, "two")])
    logs.put("server", [(now + 2, "three")])
    CloudLogs(site.session, "/weir/test").put("optimization", [(now, "four")])
    client = site.cloud.client("logs")
    for stream, lines in (("server", ["one", "two", "three"]), ("optimization", ["four"])):
        events = client.get_log_events(logGroupName="/weir/test", logStreamName=stream)["events"]
        assert [each["message"] for each in events] == lines


CALLS: list[Callable[[Session], object]] = [
    lambda session: SqsQueue(session, "http://127.0.0.1:1/1/q").receive(1, 0, 30),
    lambda session: Buckets(session).get(Created("bucket", "key"), 10),
    lambda session: CampaignTable(session, "table").known(["1"]),
]


@pytest.mark.parametrize("call", CALLS)
def test_a_server_that_is_away_is_unavailable_and_no_secret_is_told(
    call: Callable[[Session], object],
) -> None:
    away = Session(Aws(endpoint="http://127.0.0.1:1", access_key_id="AK", secret_access_key=SECRET), REGION)
    with pytest.raises(Unavailable) as caught:
        call(away)
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("AccessDenied", Refused), ("InvalidObjectState", Refused), ("NoSuchKey", Missing),
        ("SlowDown", Unavailable), ("InternalError", Unavailable), ("ExpiredToken", Unavailable),
        ("InvalidAccessKeyId", Unavailable), ("ThrottlingException", Unavailable), ("Anything", Unavailable),
    ],
)  # fmt: skip
def test_only_what_cannot_pass_is_no_outage(code: str, error: type[WeirError]) -> None:
    from botocore.exceptions import ClientError

    with pytest.raises(error, match=f"GetObject: {code} words"), spoken():
        raise ClientError({"Error": {"Code": code, "Message": "words"}}, "GetObject")


def test_the_drivers_own_lines_are_not_logged(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    """They hold requests and answers whole."""
    caplog.set_level(logging.DEBUG)
    site.put("k", b"a visitor's address")
    Buckets(site.session).get(Created(site.bucket, "k"), 100)
    assert [each.name for each in caplog.records if each.name.startswith(("botocore", "urllib3"))] == []
