"""Log lines: their fields, what they hide, and that writing one never fails."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
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
        "level": "info", "logger": "weir.router", "component": "server", "process": "edge-0",
        "message": "clicked twice", "request_id": "r1", "count": 2,
    }  # fmt: skip


def test_each_line_names_the_founding_documents_stream() -> None:
    streams = {
        "weir.reporter": "conversion-reporter",
        "weir.interpreter": "conversion-reporter",
        "weir.intake.trigger": "trigger-conversion-reports-queue",
        "weir.intake.report": "report-conversions-queue",
        "weir.optimization": "optimization",
        "weir.core": "server",
        "trio": "server",
        "root": "server",
    }
    assert {name: logs.stream_of(name) for name in streams} == streams


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


def test_for_the_journal_a_line_begins_with_its_priority_and_has_no_time(
    root: logging.Logger, capfd: pytest.CaptureFixture[str]
) -> None:
    logs.configure(Log(format="journal", level="debug"), "edge-1")
    log = logging.getLogger("weir.router")
    extra = {"count": 2, "path": "/c/demo", "why": "no such file", "token": "t0psecret", "list": [1, "a b"]}
    log.info("clicked %s", "twice", extra=extra)
    for level in (logging.DEBUG, logging.WARNING, logging.ERROR, logging.CRITICAL):
        log.log(level, "more")
    assert capfd.readouterr().err.splitlines() == [
        '<6>edge-1 clicked twice count=2 path=/c/demo why="no such file" token=*** list=[1, "a b"]',
        "<7>edge-1 more",
        "<4>edge-1 more",
        "<3>edge-1 more",
        "<2>edge-1 more",
    ]


def test_for_the_journal_every_line_of_an_exception_has_the_same_priority(
    root: logging.Logger, capfd: pytest.CaptureFixture[str]
) -> None:
    logs.configure(Log(format="journal"), "core")
    try:
        raise ValueError("first\nsecond")
    except ValueError:
        logging.getLogger("x").exception("failed")
    lines = capfd.readouterr().err.splitlines()
    assert lines[:2] == ["<3>core failed", "<3>Traceback (most recent call last):"]
    assert lines[-2:] == ["<3>ValueError: first", "<3>second"]
    assert all(line.startswith("<3>") for line in lines)


def test_nobodys_input_begins_a_journal_line_of_its_own(
    root: logging.Logger, capfd: pytest.CaptureFixture[str]
) -> None:
    logs.configure(Log(format="journal"), "core")
    logging.getLogger("x").info("bad\n<0>panic", extra={"agent": "x\r\n<0>panic"})
    assert capfd.readouterr().err.splitlines() == [r'<6>core bad\n<0>panic agent="x\r\n<0>panic"']


@pytest.mark.parametrize(("ours", "start"), [(True, "<3>x lost"), (False, "{")])
def test_the_journal_is_recognised_by_its_device_and_inode(tmp_path: Path, ours: bool, start: str) -> None:
    with (tmp_path / "stream").open("w+b") as stream:
        seen = os.fstat(stream.fileno())
        named = f"{seen.st_dev}:{seen.st_ino + (not ours)}"
        run(LOG_AND_LIVE, stderr=stream, env={**os.environ, "JOURNAL_STREAM": named})
    assert (tmp_path / "stream").read_text().startswith(start)


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
