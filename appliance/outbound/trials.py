"""An account at an ad platform, tried: one request with an event that never was, or with none."""

from __future__ import annotations

from collections.abc import Sequence

import trio

from appliance.operations.platform_desk import Tried
from appliance.outbound.platforms import PlatformDoor
from appliance.partners.masking import Redactor, hidden, shown
from appliance.partners.platform import UNANSWERED, Verdict
from appliance.partners.understanding import REASON, understood
from appliance.partners.ways import Way

SECONDS = 15.0


async def try_out(door: PlatformDoor, way: Way, events: Sequence[bytes]) -> Tried:
    """What the platform says to these events, which never happened."""
    began = trio.current_time()

    def took() -> int:
        return int((trio.current_time() - began) * 1_000_000)

    token = await door.token(way)
    if isinstance(token, Verdict):
        return Tried("", 0, took(), "", token)
    message = way.platform.request(way.pixel._replace(token=token), events)
    secrets = (*way.secrets, token, *message.secrets)
    seen = [shown(each) for each in events]
    said = "\n".join(each.text for each in seen)
    request = hidden(f"{message.method} {message.url}\n{said}".strip(), secrets)
    came = await door.send(message, SECONDS)
    if came.answer is None:
        fault = Redactor(secrets)(came.fault, REASON)
        return Tried(request, 0, took(), "", Verdict("retry", UNANSWERED, fault))
    private = {text for each in seen for text in each.private}
    verdict, answer = understood(way.platform, came.answer, len(events), secrets, private)
    return Tried(request, came.answer.status, took(), answer, verdict)
