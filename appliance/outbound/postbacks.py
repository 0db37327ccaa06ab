"""Outbound postbacks on the wire: one attempt at a delivery, from its target as it is now."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec
import trio

from appliance import __version__
from appliance.errors import Refused
from appliance.model.catalog import PostbackTarget
from appliance.model.deliveries import Attempt, Stored
from appliance.outbound.guard import Fetch
from appliance.partners import postback
from appliance.partners.patience import Outcome, of_status

SECONDS = 15.0
"""For one attempt, whatever the receiver does."""
MOST_ANSWER = 2_048
"""Bytes of an answer that are read and kept."""
_USER_AGENT = (b"user-agent", f"weir/{__version__} (postback)".encode())


class Postbacks:
    """`target` looks one up as it is now; `fetch` is guarded."""

    def __init__(
        self,
        target: Callable[[int], PostbackTarget | None],
        fetch: Fetch,
        now_us: Callable[[], int],
        seconds: float = SECONDS,
    ) -> None:
        self._target = target
        self._fetch = fetch
        self._now_us = now_us
        self._seconds = seconds

    def gate(self, target: str) -> str:
        """Gate of actors/retry.py."""
        number = postback.number_of(target)
        if number is None:
            return ""
        found = self._target(number)
        if found is None or found.archived:
            return "gone"
        return "open" if found.status == "active" else "held"

    async def carry(self, stored: Stored, sent: Callable[[], None] = lambda: None) -> tuple[Attempt, Outcome]:
        """Carry of actors/retry.py: the attempt, and what it ended with."""
        delivery = stored.delivery
        target = self._target(postback.number_of(delivery.target) or 0)
        try:
            values = postback.decode_values(delivery.body)
        except msgspec.MsgspecError as fault:
            return _unmade(self._now_us(), f"its values cannot be read: {fault}")
        if target is None:
            return _unmade(self._now_us(), "there is no such target")
        return await self.send(target, delivery.id, values, sent)

    async def send(
        self,
        target: PostbackTarget,
        id: str,
        values: Mapping[str, str],
        sent: Callable[[], None] = lambda: None,
    ) -> tuple[Attempt, Outcome]:
        """Tell a target of a conversion with these values now, once."""
        at_us, began = self._now_us(), trio.current_time()
        try:
            message = postback.message(target, id, values, at_us)
            request = postback.masked(message)
        except ValueError as fault:
            return _unmade(at_us, str(fault))
        status, text, error = 0, "", ""
        try:
            answer = await self._fetch.send(
                message.method,
                message.url,
                [_USER_AGENT, *((name.encode(), value.encode("latin-1")) for name, value in message.headers)],
                message.body,
                self._seconds,
                MOST_ANSWER,
                sent,
            )
        except Refused as fault:
            error = fault.message[:300]
            outcome = Outcome(False, error)
        else:
            status, text = answer.status, answer.body.decode("utf-8", "replace")
            outcome = of_status(status, answer.retry_after, self._now_us())
        latency_us = int((trio.current_time() - began) * 1e6)
        attempt = Attempt(
            at_us=at_us, latency_us=latency_us, request=request, status=status, answer=text, error=error
        )
        return attempt, outcome


def _unmade(at_us: int, why: str) -> tuple[Attempt, Outcome]:
    reason = f"the request cannot be made: {why}"
    return Attempt(at_us=at_us, latency_us=0, request="", error=reason), Outcome(False, reason, final=True)
