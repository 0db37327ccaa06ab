"""`weir events send FILE --bucket NAME`: a file of events into a bucket, as Efflux's networks put theirs.

The bucket announces it to its queue, and a Weir that reads the queue takes it; both may be elsewhere.
"""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime
from pathlib import Path

from appliance.actors.intake_objects import MOST_BYTES
from appliance.config import Settings
from appliance.errors import Refused, Unavailable
from appliance.intake_config import region_of
from appliance.partners.documents import events_of, unpacked
from appliance.partners.interpreted import Interpreted, parsed

_OTHER = re.compile(r"[^\w.+ -]+")


def into_bucket(file: Path, bucket: str, settings: Settings, key: str = "") -> str:
    """Put the file there, as it is, and say where. `key`: its name, otherwise the founding document's
    layout, by its first event. Raises Refused for a file that no intake would take, Missing, Unavailable."""
    try:
        from appliance.stores.aws import Buckets, Session
    except ImportError as fault:
        raise Unavailable(f"Amazon's driver is not installed: pip install 'weir[aws]' ({fault})") from None
    region = region_of(settings.aws, settings.intake)
    if not region:
        raise Refused("aws.region: the bucket's region; WEIR_AWS__REGION sets it too")
    try:
        if file.stat().st_size > MOST_BYTES:
            raise Refused(f"{file} has more than {MOST_BYTES:,} bytes, which no intake takes: split it")
        body = file.read_bytes()
    except OSError as fault:
        raise Refused(f"{file}: {fault.strerror}") from None
    first = _first(file, body)
    key = key or key_of(first, datetime.fromtimestamp(time.time(), UTC), packed=body.startswith(b"\x1f\x8b"))
    Buckets(Session(settings.aws, region), 1).put(bucket, key, body)
    return f"s3://{bucket}/{key}"


def key_of(event: Interpreted, now: datetime, *, packed: bool) -> str:
    """`networks/{network}/weir-events-send/{account}/{date}/{hour}/{time}.json`; the hour without a zero."""
    network, account = _part(event.network), _part(event.account_name or event.account_id)
    name = now.strftime("%Y-%m-%dT%H:%M:%S.") + f"{now.microsecond // 1000:03}Z.json"
    where = f"networks/{network}/weir-events-send/{account}/{now:%Y-%m-%d}/{now.hour}/{name}"
    return where + ".gz" if packed else where


def _part(text: str) -> str:
    return _OTHER.sub("-", text).strip(". ")[:100] or "unknown"


def _first(file: Path, body: bytes) -> Interpreted:
    """The first event. Raises Refused for what is none."""
    try:
        lines = events_of(unpacked(body, MOST_BYTES))
    except Refused as fault:
        raise Refused(f"{file}: {fault.message}") from None
    if not lines:
        raise Refused(f"{file} holds no event")
    found = parsed(lines[0])
    if not isinstance(found, Interpreted):
        raise Refused(f"{file}: event 1: {found.reason}")
    return found
