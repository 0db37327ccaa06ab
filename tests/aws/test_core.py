"""A whole Weir with Amazon configured: what it loads, what it says when a part is missing, its log."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("moto", reason="moto is not installed: pip install -e '.[aws,dev]'")

from appliance import cloud as composition
from appliance.errors import Unavailable
from appliance.intake_config import Aws, Intake
from tests.aws.site import SECRET, Site
from tests.journeys.efflux_cloud import REGION
from tests.rig import ROOT, start_weir, wait_for

GROUP = "/weir/journey"


def test_a_weir_without_amazon_does_not_load_its_driver() -> None:
    ask = "import appliance.core, appliance.cli, sys; print('botocore' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", ask], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_without_the_driver_the_intake_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "appliance.stores.aws", None)
    with pytest.raises(Unavailable, match=r"pip install 'weir\[aws\]'"):
        composition._session(Aws(region="eu"), Intake())


@pytest.mark.slow
def test_a_core_reads_its_queue_and_sends_its_lines(site: Site, tmp_path: Path) -> None:
    site.redrive(1)
    environ = {
        "WEIR_AWS__ENDPOINT": site.cloud.endpoint,
        "WEIR_AWS__REGION": REGION,
        "WEIR_AWS__ACCESS_KEY_ID": "AK",
        "WEIR_AWS__SECRET_ACCESS_KEY": SECRET,
        "WEIR_AWS__LOG_GROUP": GROUP,
        "WEIR_AWS__METRICS_NAMESPACE": "Weir/journey",
        "WEIR_INTAKE__TRIGGER__QUEUE_URL": site.queue_url,
        "WEIR_INTAKE__REPORT__QUEUE_URL": site.queue_url + "-gone",
        "WEIR_INTAKE__REPORT__PAUSED": "true",
    }
    client = site.cloud.client("logs")

    def said(stream: str) -> list[dict[str, str]]:
        try:
            found = client.get_log_events(logGroupName=GROUP, logStreamName=stream)["events"]
        except client.exceptions.ResourceNotFoundException:
            return []
        return [json.loads(each["message"]) for each in found]

    with start_weir(tmp_path / "data", env=environ) as weir:
        site.put("broken.json", b"[{")
        wait_for("the dead letter", lambda: site.cloud.left(site.dead_url) == 1)
        stream = "trigger-conversion-reports-queue"
        wait_for("its line in CloudWatch", lambda: any("broken.json" in str(each) for each in said(stream)))
        wait_for("lines of the server", lambda: said("server"))
        intakes = {each["name"]: each for each in weir.call("intakes.list")["items"]}
    assert intakes["report"]["paused_by"]
    assert "broken.json" in intakes["trigger"]["last_error"]
    lines = [*said(stream), *said("server")]
    assert {each["component"] for each in said(stream)} == {stream}
    assert SECRET not in json.dumps(lines)
    assert SECRET not in (tmp_path / "data.log").read_text()
