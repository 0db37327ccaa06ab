"""docs/reference/aws.md says what the code does: its numbers, its metrics, its keys, what the role needs."""

from __future__ import annotations

import inspect
import re

from appliance.actors import cloudwatch, intake_objects, intake_sqs
from appliance.intake_config import Aws, Intake, Report, Trigger
from appliance.partners.notices import PREFIX
from tests.rig import ROOT

PAGE = (ROOT / "docs" / "reference" / "aws.md").read_text()
STORES = "".join(path.read_text() for path in (ROOT / "appliance" / "stores").glob("aws*.py"))


def test_the_numbers_are_those_of_the_code() -> None:
    default = {name: it.default for name, it in inspect.signature(intake_sqs.QueueIntake).parameters.items()}
    assert f"received with {default['hidden_s']} seconds" in PAGE
    assert f"renewed every {default['hidden_s'] // 3} while" in PAGE
    assert f"At most {intake_objects.MOST_BYTES >> 20} MiB" in PAGE
    assert f"After {intake_sqs.LONGEST_HOLD_S / 3600:g} hours" in PAGE
    assert f"after {default['back_s']} seconds, {2 * default['back_s']}, {3 * default['back_s']}" in PAGE
    assert f"within {intake_sqs.POLL_S} seconds" in PAGE
    assert f"{cloudwatch.MOST_LINES:,} lines wait at most" in PAGE
    assert "100 at a time" in PAGE
    assert "AT_ONCE = 100\n" in STORES
    assert "for 60 seconds, of 100,000 ids" in PAGE
    assert "seconds: float = 60.0" in STORES
    assert "most: int = 100_000" in STORES
    assert f"`{PREFIX}" in PAGE.replace("to\n`", "to `")


def test_every_metric_is_named_with_its_dimensions() -> None:
    for metric, _ in cloudwatch._GAUGES.values():
        assert f"`{metric}`" in PAGE, metric
    assert f"{cloudwatch.MOST_SAMPLES:,} are sent at most" in PAGE
    for metric in ("FilteringRatio", "QueryDuration", "TotalRecordsProcessed"):
        assert f"`{metric}`" in PAGE, metric


def test_every_key_that_it_names_is_one() -> None:
    fields = {Aws: "aws", Trigger: "intake.trigger", Report: "intake.report", Intake: "intake"}
    known = {f"{section}.{name}" for it, section in fields.items() for name in it.__struct_fields__}
    named = set(re.findall(r"`((?:aws|intake)\.[a-z_.]+)`", PAGE))
    assert named - known - {"intake.report", "intakes.pause", "intakes.list"} == set()
    for name in ("dead_letter_url", "attempts", "parallel", "subscriptions_table", "filtered_bucket"):
        assert f"`{name}`" in PAGE, name


def test_every_call_is_among_what_the_role_needs() -> None:
    """`client.get_object(` → s3:GetObject."""
    table = PAGE[PAGE.index("## What the role needs") :]
    calls = set(re.findall(r"_client\.([a-z_]+)[(,]", STORES)) - {"meta"}
    allowed = {name for _, name in re.findall(r"`(\w+):(\w+)`", table)}
    camel = {"".join(part.capitalize() for part in call.split("_")) for call in calls}
    named = {"ReceiveMessage", "GetObject", "BatchGetItem", "PutMetricData", "PutLogEvents"}
    assert named <= camel
    assert camel - allowed == set()
    assert allowed - camel == {"ListBucket"}
