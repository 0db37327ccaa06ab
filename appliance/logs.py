"""Logs: one line per event on stderr: JSON for machines, readable on a terminal, as journald wants it.

Logging never raises.

`component` is the stream of the founding document that a line belongs to (docs/reference/efflux.md),
`process` says whose line it is. What a caller passes as `extra={…}` appears as fields. Values under the
names secret, token, key and password are masked at every depth, and so is `secret=…` inside any text: a
query string may be logged.
"""

from __future__ import annotations

import json
import logging
import os
import re
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from appliance.config import Log

MASK = "***"
_SECRET_NAME = re.compile(r"(?:^|[_\-.])(?:secret|token|key|password)s?$", re.IGNORECASE)
_SECRET_IN_TEXT = re.compile(
    r"""((?:\b|_)(?:secret|token|key|password)s?(?:=|["']\s*:\s*["']))[^\s&;,"'})]+""", re.IGNORECASE
)
_PASSWORD_IN_URL = re.compile(r"(?<=://)([^/@\s:]*):[^/@\s]*@")
_OWN = frozenset(logging.LogRecord("", 0, "", 0, "", (), None).__dict__) | {"message", "asctime", "taskName"}
SERVER = "server"
STREAMS = {
    "weir.reporter": "conversion-reporter",
    "weir.interpreter": "conversion-reporter",
    "weir.platforms": "conversion-reporter",
    "weir.intake": "trigger-conversion-reports-queue",
    "weir.intake.report": "report-conversions-queue",
    "weir.optimization": "optimization",
}
"""Loggers and those below them → the founding document's stream; every other line is of `server`."""
LONGEST_VALUE = 4000
"""Characters of one text value in a log line: a request may be a megabyte, a log line may not."""


def mask(value: Any, name: str = "") -> Any:
    """`value` fit for a log: secrets hidden, long texts cut, anything unknown as text."""
    if name and _SECRET_NAME.search(name) and value not in (None, "", False):
        return MASK
    if isinstance(value, str):
        text = value if len(value) <= LONGEST_VALUE else value[:LONGEST_VALUE] + "…"
        return _PASSWORD_IN_URL.sub(rf"\1:{MASK}@", _SECRET_IN_TEXT.sub(rf"\1{MASK}", text))
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, Mapping):
        return {str(key): mask(inner, str(key)) for key, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [mask(inner) for inner in value]
    return mask(str(value))


def stream_of(logger: str) -> str:
    """The component of a logger's lines."""
    while logger:
        if logger in STREAMS:
            return STREAMS[logger]
        logger = logger.rpartition(".")[0]
    return SERVER


class JsonLines(logging.Formatter):
    """One JSON object per line: ts, level, logger, component, process, message, the extras, exception."""

    def __init__(self, process: str) -> None:
        super().__init__()
        self._process = process

    def fields(self, record: logging.LogRecord) -> dict[str, Any]:
        """The record's content by name; the extras may not replace the fixed names."""
        fixed = {
            "ts": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "component": stream_of(record.name),
            "process": self._process,
            "message": mask(record.getMessage()),
        }
        extras = {name: mask(value, name) for name, value in record.__dict__.items() if name not in _OWN}
        if record.exc_info:
            extras["exception"] = mask(self.formatException(record.exc_info)[-LONGEST_VALUE:])
        return fixed | {name: value for name, value in extras.items() if name not in fixed}

    def format(self, record: logging.LogRecord) -> str:
        return json.dumps(self.fields(record), ensure_ascii=False, default=str)


class Readable(JsonLines):
    """The same for people: `12:30:01.250 info    edge-0  message  key=value`."""

    def format(self, record: logging.LogRecord) -> str:
        fields = self.fields(record)
        exception = fields.pop("exception", None)
        known = ("ts", "level", "logger", "component", "process", "message")
        extras = " ".join(f"{key}={value}" for key, value in fields.items() if key not in known)
        clock = datetime.fromtimestamp(record.created).astimezone().strftime("%H:%M:%S.%f")[:-3]
        line = f"{clock} {fields['level']:<7} {fields['process']:<7} {fields['message']}"
        line += f"  {extras}" if extras else ""
        return f"{line}\n{exception}" if exception else line


class Journal(JsonLines):
    """For journald, which has the time itself: `<4>edge-0 message key=value`. `<4>` is syslog's priority.

    A text with a line end or a blank is quoted as JSON, so that nobody's input begins a line of its own.
    """

    def format(self, record: logging.LogRecord) -> str:
        fields = self.fields(record)
        exception = fields.pop("exception", "")
        priority = next((number for level, number in _PRIORITIES if record.levelno >= level), 7)
        known = ("ts", "level", "logger", "component", "process", "message")
        words = [f"{fields['process']} {_line(fields['message'])}"]
        words += [f"{key}={_word(value)}" for key, value in fields.items() if key not in known]
        lines = [" ".join(words), *exception.splitlines()]
        return "\n".join(f"<{priority}>{line}" for line in lines)


_PRIORITIES = ((logging.CRITICAL, 2), (logging.ERROR, 3), (logging.WARNING, 4), (logging.INFO, 6))


def _line(text: str) -> str:
    return "\\n".join(text.splitlines())


def _word(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    plain = not isinstance(value, str) or (text.isprintable() and not set(text) & set(' "='))
    return text if plain else json.dumps(text, ensure_ascii=False)


class Stderr(logging.Handler):
    """Writes each line with one write(2): processes share stderr and their lines must not mix.

    Nothing is buffered, so a full disk or a closed stderr loses the line and nothing else, also at exit.
    """

    def emit(self, record: logging.LogRecord) -> None:
        try:
            data = (self.format(record) + "\n").encode("utf-8", "backslashreplace")
            os.write(2, data)
        except Exception:  # noqa: S110  a log line that cannot be written must not stop a visitor
            pass


def configure(settings: Log, process: str) -> None:
    """Send every logger of this process to stderr as `settings` say; `process` is edge-0, core, parent."""
    logging.raiseExceptions = False
    found = settings.format if settings.format != "auto" else _reader(os.environ)
    handler = Stderr()
    handler.setFormatter({"text": Readable, "journal": Journal}.get(found, JsonLines)(process))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(settings.level.upper())
    logging.captureWarnings(True)


def _reader(environ: Mapping[str, str]) -> str:
    """Who reads stderr: journald says which device and inode is its own (systemd.exec(5))."""
    try:
        seen = os.fstat(2)
        if environ.get("JOURNAL_STREAM") == f"{seen.st_dev}:{seen.st_ino}":
            return "journal"
        return "text" if sys.stderr is not None and os.isatty(2) else "json"
    except OSError:
        return "json"
