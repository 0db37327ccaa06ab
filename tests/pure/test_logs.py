"""Log lines: their fields, what they hide, and that writing one never fails."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from appliance import logs
from appliance.config import Log


@pytest.fixture
def root() -> Iterator[logging.Logger]:
    """The root logger, given back as it was."""
    root = logging.getLogger()
    handlers, level, raising = root.handlers[:], root.level, logging.raiseExceptions
    yield root
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.raiseExceptions = raising
    logging.captureWarnings(False)


def written(capfd: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capfd.readouterr().err.splitlines()]


def test_a_line_is_json_with_the_extras_as_fields(
    root: logging.Logger, capfd: pytest.CaptureFixture[str]
) -> None:
    logs.configure(Log(format="json"), "edge-0")
    logging.getLogger("weir.router").info("clicked %s", "twice", extra={"request_id": "r1", "count": 2})
    (line,) = written(capfd)
    assert line.pop("ts").endswith("+00:00")
    assert line == {
        "level": "info", "logger": "weir.router", "component": "edge-0", "message": "clicked twice",
        "request_id": "r1", "count": 2,
    }  # fmt: skip


def test_an_exception_travels_in_one_line(root: logging.Logger, capfd: pytest.CaptureFixture[str]) -> None:
    logs.configure(Log(format="json"), "core")
    try:
        raise ValueError("no such thing")
    except ValueError:
        logging.getLogger("x").exception("failed")
    (line,) = written(capfd)
    assert line["exception"].startswith("Traceback") and "ValueError: no such thing" in line["exception"]


def test_the_level_is_obeyed(root: logging.Logger, capfd: pytest.CaptureFixture[str]) -> None:
    logs.configure(Log(format="json", level="warning"), "core")
    logging.getLogger("x").info("quiet")
    logging.getLogger("x").warning("heard")
    assert [line["message"] for line in written(capfd)] == ["heard"]


def test_the_readable_form_shows_the_same(root: logging.Logger, capfd: pytest.CaptureFixture[str]) -> None:
    logs.configure(Log(format="text"), "core")
    logging.getLogger("x").warning("careful", extra={"disk": "full", "token": "t0psecret"})
    said = capfd.readouterr().err
    assert said.rstrip().endswith("warning core    careful  disk=full token=***")


@pytest.mark.parametrize(
    "name", ["secret", "token", "key", "password", "API_KEY", "postback_secret", "tokens"]
)
def test_secrets_are_masked_by_name_at_every_depth(name: str) -> None:
    assert logs.mask({"a": [{name: "hunter2"}]}) == {"a": [{name: "***"}]}


@pytest.mark.parametrize("name", ["keyword", "monkey", "secretary", "request_id"])
def test_other_names_are_not(name: str) -> None:
    assert logs.mask({name: "shown"}) == {name: "shown"}


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("GET /pb/net?secret=hunter2&tid=1", "GET /pb/net?secret=***&tid=1"),
        ("api_key=hunter2", "api_key=***"),
        ('{"token": "hunter2", "tid": 1}', '{"token": "***", "tid": 1}'),
        ("{'password': 'hunter2'}", "{'password': '***'}"),
        ("https://weir:hunter2@db:8443/x", "https://weir:***@db:8443/x"),
        ("no such key: campaign", "no such key: campaign"),
        ("monkey=banana", "monkey=banana"),
    ],
)
def test_secrets_inside_a_text_are_masked(text: str, shown: str) -> None:
    assert logs.mask(text) == shown


def test_a_long_value_is_cut() -> None:
    assert len(logs.mask("x" * 1_000_000)) == logs.LONGEST_VALUE + 1


def run(code: str, **options: Any) -> subprocess.CompletedProcess[bytes]:
    program = "import logging\nfrom appliance import logs\nfrom appliance.config import Log\n" + code
    return subprocess.run([sys.executable, "-c", program], stdout=subprocess.PIPE, timeout=20, **options)


LOG_AND_LIVE = "logs.configure(Log(), 'x')\nlogging.getLogger('x').error('lost')\nprint('alive')\n"


def test_a_full_disk_loses_the_line_and_nothing_else() -> None:
    with open("/dev/full", "wb") as full:
        done = run(LOG_AND_LIVE, stderr=full)
    assert (done.returncode, done.stdout) == (0, b"alive\n")


def test_a_closed_stderr_loses_the_line_and_nothing_else() -> None:
    done = run("import os\nos.close(2)\n" + LOG_AND_LIVE, stderr=subprocess.PIPE)
    assert (done.returncode, done.stdout) == (0, b"alive\n")


def test_a_value_that_cannot_be_shown_loses_the_line_and_nothing_else(root: logging.Logger) -> None:
    class Sullen:
        def __str__(self) -> str:
            raise RuntimeError("no")

    logs.configure(Log(format="json"), "core")
    logging.getLogger("x").error("here is %s", Sullen(), extra={"what": Sullen()})
