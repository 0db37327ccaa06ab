"""`weir events send FILE --bucket NAME`: where the file comes to lie, and that an intake takes it."""

from __future__ import annotations

import gzip
import json
import re
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

pytest.importorskip("moto", reason="moto is not installed: pip install -e '.[aws,dev]'")

import trio

from appliance.config import Settings
from appliance.errors import Refused, Unavailable
from appliance.intake_config import Aws
from appliance.partners.interpreted import Interpreted
from appliance.uploading import into_bucket, key_of
from tests.actors.queue_rig import Books, event
from tests.aws.site import SECRET, Site
from tests.journeys.efflux_cloud import REGION
from tests.rig import ROOT


def settings(site: Site, region: str = REGION) -> Settings:
    aws = Aws(endpoint=site.cloud.endpoint, region=region, access_key_id="AK", secret_access_key=SECRET)
    return Settings(aws=aws)


def written(tmp_path: Path, body: bytes) -> Path:
    file = tmp_path / "sample.json"
    file.write_bytes(body)
    return file


async def test_what_is_sent_arrives_through_the_queue(
    site: Site, nursery: trio.Nursery, tmp_path: Path
) -> None:
    sample = [event("1", network="tonic", nw_account_name="Main & Co"), event("2")]
    file = written(tmp_path, gzip.compress(json.dumps(sample).encode()))
    first = into_bucket(file, site.bucket, settings(site))
    second = into_bucket(file, site.bucket, settings(site), "mine/a b.json")
    layout = r"networks/tonic/weir-events-send/Main - Co/\d{4}-\d\d-\d\d/\d+/[\dT:.-]+Z\.json\.gz"
    assert re.fullmatch(rf"s3://{site.bucket}/{layout}", first)
    assert second == f"s3://{site.bucket}/mine/a b.json"
    books = Books()
    intake = site.intake(books)
    await nursery.start(intake.run)
    await site.emptied()
    assert books.sessions == [
        "1",
        "2",
        "1",
        "2",
    ]  # other names, other batches: the interpreter knows the keys
    assert intake.report().failed == 0
    nursery.cancel_scope.cancel()


def test_a_name_is_the_founding_documents() -> None:
    at = datetime(2025, 2, 1, 3, 4, 5, 6_000, UTC)
    one = Interpreted(session_id="s", keyword="k", network="crossroads", account_id="12")
    wanted = "networks/crossroads/weir-events-send/12/2025-02-01/3/2025-02-01T03:04:05.006Z.json"
    assert key_of(one, at, packed=False) == wanted
    odd = Interpreted(session_id="s", keyword="k", network="../..", account_name="a/b")
    assert key_of(odd, at, packed=True).startswith("networks/-/weir-events-send/a-b/2025-02-01/3/")


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "holds no event"),
        (b"[]", "holds no event"),
        (b"[{", "no JSON"),
        (b'{"a": 1}', "session_id: missing"),
    ],
)
def test_what_no_intake_would_take_is_not_sent(site: Site, tmp_path: Path, body: bytes, reason: str) -> None:
    with pytest.raises(Refused, match=reason):
        into_bucket(written(tmp_path, body), site.bucket, settings(site))
    assert site.cloud.s3.list_objects_v2(Bucket=site.bucket)["KeyCount"] == 0


def test_a_missing_file_region_or_bucket_is_said(site: Site, tmp_path: Path) -> None:
    file = written(tmp_path, json.dumps(event("1")).encode())
    with pytest.raises(Refused, match="No such file"):
        into_bucket(tmp_path / "gone", site.bucket, settings(site))
    with pytest.raises(Refused, match=r"aws\.region"):
        into_bucket(file, site.bucket, settings(site, region=""))
    with pytest.raises(Unavailable, match="bucket no-such-bucket-here is not there"):
        into_bucket(file, "no-such-bucket-here", settings(site))


def test_the_command_line_sends_it(site: Site, tmp_path: Path) -> None:
    file = written(tmp_path, json.dumps(event("1")).encode())
    environ = {
        "PATH": "/usr/bin:/bin",
        "WEIR_AWS__ENDPOINT": site.cloud.endpoint,
        "WEIR_AWS__REGION": REGION,
        "WEIR_AWS__ACCESS_KEY_ID": "AK",
        "WEIR_AWS__SECRET_ACCESS_KEY": SECRET,
    }
    ask = [sys.executable, "-m", "appliance", "events", "send", "--data", str(tmp_path), str(file)]

    def said(*more: str) -> tuple[int, str, str]:
        done = subprocess.run(
            [*ask, *more], env=environ, cwd=ROOT, capture_output=True, text=True, check=False
        )
        return done.returncode, done.stdout, done.stderr

    wanted = f"s3://{site.bucket}/a.json"
    assert said("--bucket", site.bucket, "--key", "a.json") == (0, f"{wanted}\n", "")
    assert site.cloud.s3.get_object(Bucket=site.bucket, Key="a.json")["Body"].read() == file.read_bytes()
    code, _, words = said("--bucket", "no-such-bucket-here")
    assert code != 0
    assert "NoSuchBucket" in words
    assert SECRET not in words
    assert said("--key", "a.json")[0] != 0
