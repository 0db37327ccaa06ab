"""Telling people of alerts: a mail to one of them, or a webhook signed as Standard Webhooks says."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from urllib.parse import urlsplit

import msgspec

from appliance import __version__
from appliance.alarms import moment
from appliance.errors import Refused, Unavailable
from appliance.model.alerts import Alert
from appliance.outbound.guard import Fetch
from appliance.partners import webhooks
from appliance.ports import Post

SECONDS = 20.0
MOST_ANSWER = 2_048


class ByMail:
    """All that is new in one mail to one address. `name` is the channel's, for ever: alerts remember it."""

    def __init__(self, post: Post, address: str, who: str) -> None:
        self.name = f"mail:{address}"
        self.to = address
        self._post = post
        self._who = who

    async def tell(self, opened: Sequence[Alert], closed: Sequence[Alert]) -> Sequence[str]:
        """The ids of those that were told. Raises Unavailable when none was."""
        await self._post.send(self.to, subject(self._who, opened, closed), text(self._who, opened, closed))
        return [it.id for it in (*opened, *closed)]

    async def test(self) -> None:
        await self._post.send(
            self.to,
            f"{self._who}: a test of alerts",
            f"This is a test of {self._who}. Alerts reach you here.\n",
        )


class ByWebhook:
    """A message per alert and change; its id is the same at every try. `to` is the host:
    the rest of a URL may be a secret."""

    name = "webhook"

    def __init__(self, fetch: Fetch, url: str, secret: str, who: str, now_us: Callable[[], int]) -> None:
        self.to = urlsplit(url).hostname or ""
        self._fetch = fetch
        self._url = url
        self._secret = secret
        self._who = who
        self._now_us = now_us

    async def tell(self, opened: Sequence[Alert], closed: Sequence[Alert]) -> Sequence[str]:
        """The ids of those that were told, as far as the receiver took them. Raises Unavailable when none."""
        told: list[str] = []
        for it in (*opened, *closed):
            word = "closed" if it.state == "closed" else "opened"
            data = {
                "id": it.id,
                "kind": it.kind,
                "about": it.about,
                "text": it.text,
                "opened_us": it.opened_us,
                "closed_us": it.closed_us,
                "installation": self._who,
            }
            try:
                await self._send(f"{it.id}-{word}", f"alert.{word}", data)
            except Unavailable:
                if not told:
                    raise
                break
            told.append(it.id)
        return told

    async def test(self) -> None:
        data = {"text": "This is a test. Alerts reach you here.", "installation": self._who}
        await self._send(f"test-{self._now_us()}", "alert.test", data)

    async def _send(self, id: str, type: str, data: Mapping[str, object]) -> None:
        now_us = self._now_us()
        body = msgspec.json.encode(
            {"type": type, "timestamp": datetime.fromtimestamp(now_us / 1e6, UTC), "data": data}
        )
        headers = {
            "content-type": "application/json",
            "user-agent": f"weir/{__version__} (alert)",
            **webhooks.headers(id, now_us // 1_000_000, body, self._secret),
        }
        raw = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
        try:
            answer = await self._fetch.send("POST", self._url, raw, body, SECONDS, MOST_ANSWER)
        except Refused as fault:
            raise Unavailable(f"the webhook was not taken: {fault.message}") from fault
        if not 200 <= answer.status < 300:
            raise Unavailable(f"the webhook was not taken: answered {answer.status}")


def subject(who: str, opened: Sequence[Alert], closed: Sequence[Alert]) -> str:
    """One line; of a single alert what it is about."""
    if len(opened) + len(closed) == 1:
        [it] = (*opened, *closed)
        return f"{who}: {it.kind} {it.about}{' has ended' if closed else ''}"
    words = [f"{len(some)} {word}" for some, word in ((opened, "new"), (closed, "ended")) if some]
    return f"{who}: alerts, {' and '.join(words)}"


def text(who: str, opened: Sequence[Alert], closed: Sequence[Alert]) -> str:
    lines = []
    if opened:
        lines += ["Wrong now:", *(f"- {it.text} (since {moment(it.opened_us)})" for it in opened), ""]
    if closed:
        lines += [
            "Ended:",
            *(f"- {it.text} ({moment(it.opened_us)} to {moment(it.closed_us)})" for it in closed),
            "",
        ]
    return "\n".join([*lines, f"What each means: docs/reference/alerts.md. All of them: {who}, alerts.list."])
