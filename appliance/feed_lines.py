"""Frames of the live feed → lines for a terminal. Pure.

Much of what is shown was sent by strangers, so nothing that a terminal would obey gets through.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

DIM, RED, GREEN, YELLOW, CYAN = "2", "31", "32", "33", "36"
_TOPIC = {"clicks": CYAN, "conversions": GREEN, "postbacks": YELLOW}
_LONGEST = 200


class Lines:
    """Remembers how the system was, so that only what changed is said."""

    def __init__(self, colour: bool) -> None:
        self._colour = colour
        self._system: dict[str, str] | None = None

    def frame(self, frame: Mapping[str, Any]) -> Iterator[str]:
        """The lines of one frame."""
        if frame.get("resync"):
            yield self.paint("-- some was missed --", YELLOW)
        for event in frame["events"]:
            yield self._event(event)
        if frame.get("skipped"):
            yield self.paint(f"-- {frame['skipped']} journal entries were passed over: too many --", YELLOW)
        if frame.get("sampled"):
            yield self.paint(f"-- {_sum(frame)} --", DIM)
        if frame.get("system"):
            yield from self._changes(frame["system"])

    def _event(self, event: Mapping[str, Any]) -> str:
        topic = str(event.get("topic", ""))
        words = {"clicks": _click, "conversions": _conversion, "postbacks": _postback}.get(topic, _anything)
        name = self.paint(f"{clean(topic).removesuffix('s'):<10}", _TOPIC.get(topic, ""))
        said = " ".join(clean(word) for word in words(event) if word)
        if topic == "clicks" and not event.get("counted", True):
            said = self.paint(said, DIM)
        elif event.get("stage") == "refused" or event.get("outcome") in ("refused", "click_unknown"):
            said = self.paint(said, RED)
        return f"{self.paint(_time(event.get('at')), DIM)} {name} {said}"

    def _changes(self, status: Mapping[str, Any]) -> Iterator[str]:
        now = dict(_facts(status))
        before, self._system = self._system, now
        time = self.paint(_iso_time(status["at_us"]), DIM)
        head = "system    "
        if before is None:
            state = "ready" if status["ready"] else "not ready"
            first = [state, *map(str, status["problems"]), *map(str, status["degraded"])]
            for words in first:
                yield f"{time} {head} {self._judged(clean(words))}"
            return
        for key in sorted(before.keys() | now.keys()):
            old, new = before.get(key), now.get(key)
            if old != new:
                said = f"{key}: {new}" if new is not None else f"{key}: gone (was {old})"
                yield f"{time} {head} {self._judged(clean(said))}"

    def _judged(self, words: str) -> str:
        bad = any(
            word in words for word in ("not ready", "restarting", "gave up", "failed", "down", "not conn")
        )
        return self.paint(words, RED if bad else "")

    def paint(self, words: str, code: str) -> str:
        return f"\x1b[{code}m{words}\x1b[0m" if self._colour and code else words


def clean(text: object) -> str:
    """One line without control, bidirectional or otherwise invisible characters, of a bearable length."""
    shown = str(text)
    if len(shown) > _LONGEST:
        shown = shown[: _LONGEST - 1] + "…"
    return "".join("�" if unicodedata.category(char) in _UNFIT else char for char in shown)


_UNFIT = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


def _click(event: Mapping[str, Any]) -> Sequence[str]:
    target = {"destination": f"→ destination {event['destination_id']}"}.get(event["decision"])
    return (
        f"campaign {event['campaign_id']}",
        f"stream {event['stream_id']}" if event["stream_id"] else "",
        target or f"{event['decision']} {event['reason']}".strip(),
        _money(event["cost"], event["currency"]) if event["cost"] else "",
        "" if event["counted"] else "(not counted)",
        event["id"],
    )


def _conversion(event: Mapping[str, Any]) -> Sequence[str]:
    return (
        f"campaign {event['campaign_id']}",
        event["status"],
        f"revision {event['revision']}" if event["revision"] > 1 else "",
        _money(event["revenue"], event["currency"]) if event["revenue"] else "",
        f"on hold {_money(event['hold'], event['currency'])}" if event["hold"] else "",
        f"transaction {event['transaction_id']}" if event["transaction_id"] else "",
        f"click {event['click_id']}",
    )


def _postback(event: Mapping[str, Any]) -> Sequence[str]:
    return (
        f"network {event['network_id']}",
        event["stage"],
        event["outcome"] if event["outcome"] != event["stage"] else "",
        f"({event['reason']})" if event["reason"] else "",
        f"transaction {event['transaction_id']}" if event["transaction_id"] else "",
        f"click {event['click_id']}" if event["click_id"] else "",
        event["id"],
    )


def _anything(event: Mapping[str, Any]) -> Sequence[str]:
    return tuple(f"{key}={value}" for key, value in event.items() if key not in ("topic", "at"))


def _facts(status: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What is worth a line when it changes, each under the name it keeps."""
    yield "appliance", "ready" if status["ready"] else "not ready"
    yield "warehouse", status["warehouse"]["state"]
    yield "routing table", f"revision {status['catalog']['revision']}"
    for number, words in enumerate(status["problems"]):
        yield f"problem {number + 1}", words
    for number, words in enumerate(status["degraded"]):
        yield f"look at {number + 1}", words
    processes = [("core", status["actors"])]
    for edge in status["edges"]:
        name, report = f"edge-{edge['edge']}", edge.get("report")
        yield name, "connected" if edge["connected"] else "not connected"
        if report:
            yield f"{name} journal", report["journal"]["mode"]
            processes.append((name, report["actors"]))
    for process, actors in processes:
        for actor in actors:
            restarts = f", {actor['restarts']} restarts: {actor['last_error']}" if actor["restarts"] else ""
            yield f"{process} {actor['name']}", actor["state"] + restarts
    for process in status.get("processes", ()):
        yield f"process {process['name']}", f"{process['state']}, pid {process['pid']}"


def _sum(frame: Mapping[str, Any]) -> str:
    counts = ", ".join(f"{count} {name}" for name, count in sorted(frame["counts"].items()))
    return f"{counts} in {frame['seconds']:.1f} s; {len(frame['events'])} shown"


def _money(value: object, currency: object) -> str:
    return f"{value} {currency}"


def _time(at: object) -> str:
    """The time of day where the reader is."""
    try:
        return f"{datetime.fromisoformat(str(at)).astimezone():%H:%M:%S.%f}"[:-3]
    except ValueError:
        return clean(at)


def _iso_time(at_us: int) -> str:
    return f"{datetime.fromtimestamp(at_us / 1e6).astimezone():%H:%M:%S.%f}"[:-3]
