"""What a message of a queue announces, in every envelope that it comes in."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.errors import Refused
from appliance.partners.notices import Created, announced, filtered_key

KEY = "networks/tonic/Job/acc/2025-02-01/13/2025-02-01T13:00:00.000Z.json"


def record(key: str = KEY, event: str = "ObjectCreated:Put", **more: Any) -> dict[str, Any]:
    """A record as S3 writes it."""
    return {
        "eventVersion": "2.6",
        "eventSource": "aws:s3",
        "awsRegion": "us-east-1",
        "eventName": event,
        "userIdentity": {"principalId": "AWS:A"},
        "s3": {
            "s3SchemaVersion": "1.0",
            "bucket": {"name": "events", "arn": "arn:aws:s3:::events"},
            "object": {"key": quote_plus(key, safe="/"), "size": 1, "eTag": "e", "sequencer": "0055"},
        },
    } | more


def s3(*records: Any) -> str:
    return json.dumps({"Records": list(records)})


def sns(message: str, **more: Any) -> str:
    return json.dumps(
        {"Type": "Notification", "MessageId": "m", "TopicArn": "arn", "Message": message} | more
    )


BRIDGED = {
    "version": "0",
    "source": "aws.s3",
    "detail-type": "Object Created",
    "detail": {
        "bucket": {"name": "events"},
        "object": {"key": "a+b c%20.json", "size": 1, "etag": "e", "version-id": "v1"},
    },
}
TEST_EVENT = {"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "events", "RequestId": "r"}
MOTO = record() | {"s3": {"bucket": {"name": "events"}, "object": {"key": quote(KEY, safe="")}}}


@pytest.mark.parametrize(
    ("body", "wanted"),
    [
        (s3(record()), [Created("events", KEY)]),
        (s3(record("a"), record("b"), record("c")), [Created("events", key) for key in "abc"]),
        (s3(record("a"), record("a")), [Created("events", "a")]),
        (s3(record("red flower+é.json")), [Created("events", "red flower+é.json")]),
        (s3(MOTO), [Created("events", KEY)]),
        (s3(record(event="s3:ObjectCreated:CompleteMultipartUpload")), [Created("events", KEY)]),
        (s3(record(event="ObjectRemoved:Delete"), record("b")), [Created("events", "b")]),
        (s3(record(eventVersion="2.1")), [Created("events", KEY)]),
        (s3(), []),
        (json.dumps(TEST_EVENT), []),
        (sns(json.dumps(TEST_EVENT)), []),
        (sns(s3(record("a"), record("b"))), [Created("events", "a"), Created("events", "b")]),
        (sns(sns(s3(record("a")))), [Created("events", "a")]),
        (json.dumps(BRIDGED), [Created("events", "a+b c%20.json", "v1")]),
        (sns(json.dumps(BRIDGED)), [Created("events", "a+b c%20.json", "v1")]),
        (json.dumps(BRIDGED | {"detail-type": "Object Deleted"}), []),
    ],
)
def test_what_a_message_announces(body: str, wanted: list[Created]) -> None:
    assert announced(body) == wanted


def test_a_version_is_part_of_what_is_announced() -> None:
    one = record()
    one["s3"]["object"]["versionId"] = "v7"
    assert announced(s3(one)) == [Created("events", KEY, "v7")]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("hello", "no JSON"),
        ("", "no JSON"),
        ("[]", "no JSON object"),
        ("{}", "neither S3's notification"),
        ('{"Records": [1]}', "record 1 is no JSON object"),
        (s3(record(), record(eventSource="aws:sqs")), "record 2 is of aws:sqs"),
        (s3(record(eventVersion="3.0")), "version 3.0"),
        (s3(record(s3={"bucket": {"name": "x"}})), "record 1 names no object"),
        (s3(record(s3={"bucket": {"name": ""}, "object": {"key": "k"}})), "names no object"),
        (s3(record(s3=None)), "names no object"),
        (sns("hello"), "no JSON"),
        (sns("", Type="SubscriptionConfirmation", SubscribeURL="u"), "done in SNS"),
        (sns(sns(sns(sns(s3(record()))))), "envelopes in envelopes"),
        (json.dumps(BRIDGED | {"source": "aws.ec2"}), "not of aws.s3"),
        (json.dumps(BRIDGED | {"detail": {}}), "names no object"),
        ("[" * 100_000, "no JSON"),
        ('{"Records": ' * 5_000, "no JSON"),
    ],
)
def test_what_is_no_announcement_says_why(body: str, reason: str) -> None:
    with pytest.raises(Refused, match=reason):
        announced(body)


@given(st.text(alphabet=st.characters(blacklist_categories=["Cs"]), min_size=1))
def test_any_key_comes_out_as_it_was(key: str) -> None:
    assert announced(s3(record(key))) == [Created("events", key)]


NAMES = ["Records", "Event", "Type", "Message", "detail-type", "detail", "source", "s3", "bucket", "object",
         "key", "name", "eventName", "eventSource", "eventVersion"]  # fmt: skip
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=4),
    max_leaves=12,
)


@given(json_values)
def test_any_document_is_read_or_refused(document: object) -> None:
    try:
        found = announced(json.dumps(document))
    except Refused:
        return
    assert all(isinstance(each, Created) and each.bucket and each.key for each in found)


@pytest.mark.parametrize(
    ("key", "wanted"),
    [
        (KEY, "filtered-conversions/tonic/Job/acc/2025-02-01/13/2025-02-01T13:00:00.000Z.json"),
        (KEY + ".gz", "filtered-conversions/tonic/Job/acc/2025-02-01/13/2025-02-01T13:00:00.000Z.json"),
        ("plain.json", "filtered-conversions/plain.json"),
        ("a/b/c.ndjson.gz", "filtered-conversions/a/b/c.ndjson"),
        ("/a/b/c/d/e/f.json", "filtered-conversions//a/b/c/d/e/f.json"),
    ],
)
def test_filtered_events_keep_the_founding_documents_names(key: str, wanted: str) -> None:
    assert filtered_key(key) == wanted


def test_a_name_as_long_as_s3_allows_gets_one_that_s3_allows():
    keys = ["ü" * 512, "ü" * 511 + "ab"]
    found = [filtered_key(key) for key in keys]
    assert all(len(each.encode()) <= 1_024 and each.startswith("filtered-conversions/") for each in found)
    assert len(set(found)) == 2
    assert filtered_key("k" * 1_003) == "filtered-conversions/" + "k" * 1_003
