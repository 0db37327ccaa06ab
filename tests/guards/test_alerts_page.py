"""docs/reference/alerts.md says what the rules say; efflux.md leads the founding document's names to ours."""

from __future__ import annotations

import re

import msgspec
import pytest

from appliance import logs
from appliance.actors.alerts import Limits
from appliance.actors.optimizer import FIRST_SECONDS
from appliance.alarms import KINDS, MOST
from appliance.config import Settings, leaves
from appliance.metrics import exposition
from appliance.operations.registry import load_all
from appliance.outbound.notices import SECONDS
from tests.pure.test_alarms import status
from tests.rig import ROOT

PAGES = ROOT / "docs" / "reference"
ALERTS = (PAGES / "alerts.md").read_text()
WORDS = " ".join(ALERTS.split())
EFFLUX = (PAGES / "efflux.md").read_text()
NAMES = (
    "PORT", "NODE_ENV", "ENVIRONMENT_LOCATION", "TRIGGER_CONVERSION_REPORTS_QUEUE_URL",
    "REPORT_CONVERSIONS_QUEUE_URL", "MONGODB_URI_TEST", "MONGODB_DATABASE", "CLICKHOUSE_URL", "DATABASE_URL",
    "LOGGING_ENVIRONMENT", "LOG_LEVEL", "DISABLE_POLLING_FOR_CONVERSION_REPORTS_TRIGGER",
    "DISABLE_POLLING_FOR_CONVERSION_REPORTING", "DISABLE_SUBSCRIPTION_FILTERING",
)  # fmt: skip
"""Every variable that the founding document names, in its order."""
KEYS = {path for path, _ in leaves(msgspec.to_builtins(Settings()))}


def section(page: str, title: str) -> str:
    return page.split(f"\n## {title}\n")[1].split("\n## ")[0]


def ours(cell: str) -> list[str]:
    return re.findall(r"`([a-z_]+(?:\.[a-z_]+)*)`", cell)


def test_the_page_of_alerts_lists_every_kind_with_its_words() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (at once|\d+ s) \| (.+) \|$", ALERTS, re.MULTILINE)
    true = [(name, f"{it.hold:g} s" if it.hold else "at once", it.words) for name, it in KINDS.items()]
    assert rows == true


def test_its_numbers_are_those_of_the_code() -> None:
    limits = Limits()
    assert f"Every {limits.look:g} seconds Weir looks at itself" in WORDS
    assert f"gone for {limits.calm:g} seconds" in WORDS
    assert f"the last {limits.keep_closed:,} that were closed" in WORDS
    assert f"At most {MOST} causes of a kind are alerts, and {limits.most_open} alerts are open" in WORDS
    assert f"within {SECONDS:g} seconds" in WORDS
    assert f"after {limits.retry:g} seconds first and up to {limits.retry_longest / 60:g} minutes" in WORDS
    assert f"closed for {limits.give_up / 3600:g} hours" in WORDS


@pytest.mark.parametrize("page", ["alerts.md", "efflux.md"])
def test_every_key_and_operation_that_the_pages_name_is_one(page: str) -> None:
    sections = {key.partition(".")[0] for key in KEYS} | {name.partition(".")[0] for name in load_all()}
    named = {
        name
        for name in re.findall(r"`([a-z_]+(?:\.[a-z_]+)+)`", (PAGES / page).read_text())
        if name.partition(".")[0] in sections and not name.startswith("alert.")
    }
    assert named - KEYS - load_all().keys() - {"system.parts"} == set()


def test_every_variable_of_the_founding_document_has_its_row_and_a_name_of_ours() -> None:
    rows = re.findall(
        r"^\| `([A-Z_]+)` \| ([^|]+) \| ([^|]*)\|$", section(EFFLUX, "Environment"), re.MULTILINE
    )
    assert [name for name, _, _ in rows] == list(NAMES)
    for name, cell, words in rows:
        found = ours(cell)
        assert found or (cell.strip() == "none" and words.strip()), name
        assert set(found) <= KEYS | load_all().keys(), name


def test_every_figure_of_the_founding_document_is_in_the_metrics() -> None:
    listed = re.findall(r"^\| `([A-Za-z]+)` \| .+ \|$", section(EFFLUX, "Metrics"), re.MULTILINE)
    assert listed == [
        "TotalRecordsProcessed", "TotalRecordsFiltered", "FilteringRatio", "ProcessedMessages",
        "FailedMessages",
    ]  # fmt: skip
    text = exposition(status())
    for name in listed:
        assert (f"\n{name} " in text) == (name != "FilteringRatio"), (
            "a ratio with nothing to divide is absent"
        )


def test_every_other_figure_that_the_page_names_is_made_somewhere() -> None:
    made = "".join(
        (ROOT / "appliance" / f"{name}.py").read_text() for name in ("metrics", "metrics_reporting")
    )
    named = set(re.findall(r"`weir_(\w+)`", EFFLUX))
    assert named and {name for name in named if f'"{name}' not in made} == set()


def test_every_stream_of_the_founding_document_is_a_component() -> None:
    listed = re.findall(r"^\| `([a-z-]+)` \| .+ \|$", section(EFFLUX, "Log"), re.MULTILINE)
    assert listed == [
        "server", "conversion-reporter", "trigger-conversion-reports-queue", "report-conversions-queue",
        "optimization",
    ]  # fmt: skip
    assert {logs.SERVER, *logs.STREAMS.values()} == set(listed)


def test_optimize_begins_when_the_page_says() -> None:
    assert FIRST_SECONDS == 300 and "five minutes after the start" in " ".join(EFFLUX.split())
