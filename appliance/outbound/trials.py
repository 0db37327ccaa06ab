"""An account at an ad platform, tried: one request with an event that never was, or with none."""

from __future__ import annotations

from collections.abc import Sequence

import trio

from appliance.operations.platform_desk import Tried
from appliance.outbound.platforms import PlatformDoor
from appliance.partners.masking import hidden, shown
from appliance.partners.platform import UNANSWERED, Verdict
from appliance.partners.ways import Way

SECONDS = 15.0
_ANSWER = 2_048


async def try_out(door: PlatformDoor, way: Way, events: Sequence[bytes]) -> Tried:
    """What the platform says to these events, which never happened."""
    began = trio.current_time()

    def took() -> int:
        return int((trio.current_time() - began) * 1_000_000)

    token = await door.token(way)
    if isinstance(token, Verdict):
        return Tried("", 0, took(), "", token)
    message = way.platform.request(way.pixel._replace(token=token), events)
    secrets = (way.pixel.token, token, *message.secrets)
    said = "\n".join(shown(each).text for each in events)
    request = hidden(f"{message.method} {message.url}\n{said}".strip(), secrets)
    came = await door.send(message, SECONDS)
    if came.answer is None:
        return Tried(request, 0, took(), "", Verdict("retry", UNANSWERED, hidden(came.fault, secrets)))
    verdict = way.platform.verdict(came.answer, len(events))
    return Tried(
        request,
        came.answer.status,
        took(),
        hidden(came.answer.body[:_ANSWER].decode("utf-8", "replace"), secrets),
        verdict._replace(reason=hidden(verdict.reason, secrets)),
    )
