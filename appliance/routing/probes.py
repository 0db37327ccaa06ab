"""Health: what a good probe is, what an answer means, and when a destination is up or down."""

from __future__ import annotations

from collections.abc import Iterable

from appliance.errors import FieldProblem
from appliance.model.health import Health, Seen
from appliance.model.rules import Probe

READ_BYTES = 64 * 1024
"""How much of an answer is looked at."""


def check_probe(probe: Probe, path: str) -> list[FieldProblem]:
    """Every fault of a probe, each with its path below `path`."""
    found: list[FieldProblem] = []

    def need(ok: bool, name: str, message: str) -> None:
        if not ok:
            found.append(FieldProblem(f"{path}.{name}", message))

    need(not probe.url or _is_url(probe.url), "url", "an absolute http(s) URL without macros, or none")
    need(5 <= probe.every_s <= 86_400, "every_s", "from 5 to 86,400 seconds")
    need(1 <= probe.timeout_s <= 60, "timeout_s", "from 1 to 60 seconds")
    need(
        len(probe.statuses) <= 20 and all(100 <= status <= 599 for status in probe.statuses),
        "statuses",
        "at most 20 HTTP statuses from 100 to 599",
    )
    need(len(probe.contains) <= 1_000, "contains", "at most 1,000 characters")
    need(not (probe.contains and probe.method == "HEAD"), "contains", "an answer to HEAD has no text")
    need(1 <= probe.down_after <= 100, "down_after", "from 1 to 100")
    need(1 <= probe.up_after <= 100, "up_after", "from 1 to 100")
    return found


def _is_url(text: str) -> bool:
    return (
        len(text) <= 2_048
        and text.isascii()
        and text.isprintable()
        and text.lower().startswith(("http://", "https://"))
        and not any(mark in text for mark in ' "<>\\{}')
    )


def verdict(probe: Probe, status: int, body: bytes) -> str:
    """Why an answer is not a good one; "" when it is. `body` is its beginning."""
    if probe.statuses:
        if status not in probe.statuses:
            return f"status {status}, expected {_listed(probe.statuses)}"
    elif not 200 <= status <= 399:
        return f"status {status}, expected 200 to 399"
    if probe.contains and probe.contains.encode() not in body[:READ_BYTES]:
        return f"the answer does not contain {probe.contains[:80]!r}"
    return ""


def after(health: Health, probe: Probe, seen: Seen) -> Health:
    """A destination's health after one more probe. Of an unknown one the first probe decides."""
    failures = health.failures + 1 if seen.error else 0
    successes = 0 if seen.error else health.successes + 1
    state = health.state
    if state == "unknown":
        state = "unhealthy" if seen.error else "healthy"
    elif state == "healthy" and failures >= probe.down_after:
        state = "unhealthy"
    elif state == "unhealthy" and successes >= probe.up_after:
        state = "healthy"
    return Health(
        destination_id=health.destination_id,
        state=state,
        since_us=health.since_us if state == health.state else seen.at_us,
        failures=failures,
        successes=successes,
        last=seen,
    )


def _listed(statuses: Iterable[int]) -> str:
    return " or ".join(map(str, statuses))
