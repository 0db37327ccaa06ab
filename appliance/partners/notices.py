"""What a message of a queue announces: S3's own notification, in SNS's envelope, or EventBridge's. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple
from urllib.parse import unquote_plus

import msgspec

from appliance.errors import Refused
from appliance.model.ids import name_of

_DEEPEST = 3
"""Envelopes in envelopes; one, SNS's, is usual."""


class Created(NamedTuple):
    """An object that was put into a bucket. `version` is "" in a bucket without versions."""

    bucket: str
    key: str
    version: str = ""

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.key}"


def announced(body: str | bytes) -> Sequence[Created]:
    """The objects that a message announces, each once, in its order; none for S3's test event and for events
    other than a creation. Raises Refused, saying why, for a message that is no announcement."""
    found: dict[Created, None] = {}
    for created in _read(_document(body), 0):
        found.setdefault(created)
    return list(found)


def _read(document: Mapping[str, Any], depth: int) -> list[Created]:
    records = document.get("Records")
    if isinstance(records, list):
        return [created for place, record in enumerate(records) for created in _record(record, place)]
    if document.get("Event") == "s3:TestEvent":
        return []
    if isinstance(document.get("detail-type"), str):
        return _bridged(document)
    kind = document.get("Type")
    if kind in ("SubscriptionConfirmation", "UnsubscribeConfirmation"):
        raise Refused("SNS asks to confirm a subscription: that is done in SNS")
    message = document.get("Message")
    if isinstance(message, str):
        if depth >= _DEEPEST:
            raise Refused("envelopes in envelopes in envelopes")
        return _read(_document(message), depth + 1)
    raise Refused("it is neither S3's notification nor SNS's or EventBridge's envelope of one")


def _record(record: Any, place: int) -> list[Created]:
    """One of `Records`; each of them may be of another object, and of another event."""
    where = f"record {place + 1}"
    if not isinstance(record, Mapping):
        raise Refused(f"{where} is no JSON object")
    if record.get("eventSource") not in ("aws:s3", None):
        raise Refused(f"{where} is of {str(record['eventSource'])[:100]}, not of aws:s3")
    version = str(record.get("eventVersion") or "2")
    if version.partition(".")[0] != "2":
        raise Refused(f"{where} has version {version[:20]} of S3's notification; 2 is known")
    event = str(record.get("eventName") or "").removeprefix("s3:")
    if not event.startswith("ObjectCreated:"):
        return []
    stored = record.get("s3")
    if not isinstance(stored, Mapping):
        raise Refused(f"{where} names no object")
    created = _created(stored.get("bucket"), stored.get("object"), "versionId", where)
    return [created._replace(key=unquote_plus(created.key))]


def _bridged(document: Mapping[str, Any]) -> list[Created]:
    """EventBridge has the key as it is."""
    detail = document.get("detail")
    if document.get("source") != "aws.s3" or not isinstance(detail, Mapping):
        raise Refused("it is an event of EventBridge, but not of aws.s3")
    if document["detail-type"] != "Object Created":
        return []
    return [_created(detail.get("bucket"), detail.get("object"), "version-id", "the event")]


def _created(bucket: Any, stored: Any, version: str, where: str) -> Created:
    name = bucket.get("name") if isinstance(bucket, Mapping) else None
    key = stored.get("key") if isinstance(stored, Mapping) else None
    if not (isinstance(name, str) and name and isinstance(key, str) and key):
        raise Refused(f"{where} names no object")
    found = stored.get(version)
    return Created(name, key, found if isinstance(found, str) else "")


def _document(body: Any) -> Mapping[str, Any]:
    try:
        found = msgspec.json.decode(body) if isinstance(body, str | bytes) else None
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        raise Refused("it is no JSON") from None
    if not isinstance(found, Mapping):
        raise Refused("it is no JSON object")
    return found


PREFIX = "filtered-conversions/"
_LONGEST_KEY = 1_024
"""Bytes."""


def filtered_key(key: str) -> str:
    """Where the events of an object that passed the filter are written: the founding document's layout for
    `{group}/{source}/{job}/{account}/{date}/{hour}/{file}.json`, the whole of any other name below PREFIX;
    its digest where that is longer than S3 allows."""
    parts = key.split("/")
    if len(parts) == 7 and all(parts):
        key = "/".join(parts[1:])
    name = PREFIX + key.removesuffix(".gz")
    if len(name.encode("utf-8", "surrogatepass")) > _LONGEST_KEY:
        return f"{PREFIX}{name_of(key)}.json"
    return name
