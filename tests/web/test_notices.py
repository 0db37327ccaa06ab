"""What people are told of alerts: words of a mail, a signed webhook that a receiver can check."""

from __future__ import annotations

import base64
import hmac
import json
from collections.abc import Sequence

import pytest
from msgspec.structs import replace

from appliance.errors import Unavailable
from appliance.model.alerts import Alert
from appliance.outbound.guard import Fetch, Guard
from appliance.outbound.notices import ByMail, ByWebhook
from tests.receivers import Receiver, Told

NOW = 1_795_000_000_000_000
KEY = b"0123456789abcdefghijklmn"
SECRET = "whsec_" + base64.b64encode(KEY).decode()
OPEN = Alert(id="a" * 32, kind="disk_low", about="data", text="17 MB are free", opened_us=NOW, seen_us=NOW)
ENDED = replace(
    OPEN, id="b" * 32, kind="edge_away", about="edge 0", text="no edge", closed_us=NOW + 60_000_000
)


class Mailbox:
    def __init__(self) -> None:
        self.sent: list[tuple[str, str, str]] = []

    async def send(self, to: str, subject: str, text: str) -> None:
        self.sent.append((to, subject, text))


def webhook(receiver: Receiver, allow: Sequence[str] = ("127.0.0.0/8",)) -> ByWebhook:
    url = f"{receiver.url}/hooks/s3cret"
    return ByWebhook(Fetch(Guard(allow)), url, SECRET, "track.example.com", lambda: NOW)


def checked(told: Told) -> dict[str, object]:
    """The message, if its signature is that of Standard Webhooks 1.0.0."""
    content = f"{told.headers['webhook-id']}.{told.headers['webhook-timestamp']}.".encode() + told.body
    signature = base64.b64encode(hmac.digest(KEY, content, "sha256")).decode()
    assert told.headers["webhook-signature"] == f"v1,{signature}"
    assert int(told.headers["webhook-timestamp"]) == NOW // 1_000_000
    found: dict[str, object] = json.loads(told.body)
    return found


async def test_one_mail_says_all_that_is_new() -> None:
    box = Mailbox()
    mail = ByMail(box, "ann@example.com", "track.example.com")
    assert await mail.tell([OPEN], [ENDED]) == [OPEN.id, ENDED.id]
    [(to, subject, text)] = box.sent
    assert (to, subject) == ("ann@example.com", "track.example.com: alerts, 1 new and 1 ended")
    assert "Wrong now:\n- 17 MB are free (since 2026-11-18 11:06 UTC)\n" in text
    assert "Ended:\n- no edge (2026-11-18 11:06 UTC to 2026-11-18 11:07 UTC)\n" in text
    await mail.tell([OPEN], [])
    await mail.tell([], [ENDED])
    await mail.test()
    assert [subject for _, subject, _ in box.sent[1:]] == [
        "track.example.com: disk_low data",
        "track.example.com: edge_away edge 0 has ended",
        "track.example.com: a test of alerts",
    ]


async def test_a_webhook_is_a_signed_message_per_alert_with_an_id_that_stays() -> None:
    with Receiver() as receiver:
        hook = webhook(receiver)
        assert hook.to == "127.0.0.1", "the path may be a secret"
        assert await hook.tell([OPEN], [ENDED]) == [OPEN.id, ENDED.id]
        await hook.tell([OPEN], [])
        await hook.test()
        opened, ended, again, test = receiver.requests
    assert checked(opened) == {
        "type": "alert.opened",
        "timestamp": "2026-11-18T11:06:40Z",
        "data": {
            "id": OPEN.id, "kind": "disk_low", "about": "data", "text": "17 MB are free", "opened_us": NOW,
            "closed_us": 0, "installation": "track.example.com",
        },
    }  # fmt: skip
    assert (checked(ended)["type"], checked(test)["type"]) == ("alert.closed", "alert.test")
    ids = [told.headers["webhook-id"] for told in (opened, ended, again)]
    assert ids[0] == ids[2] == f"{OPEN.id}-opened" and ids[1] == f"{ENDED.id}-closed"


@pytest.mark.parametrize("status", [302, 404, 410, 500])
async def test_anything_but_a_2xx_was_not_taken(status: int) -> None:
    with Receiver(status=status) as receiver, pytest.raises(Unavailable, match=f"answered {status}"):
        await webhook(receiver).tell([OPEN], [])


async def test_what_was_taken_before_a_failure_is_not_said_again() -> None:
    class Tired(ByWebhook):
        said = 0

        async def _send(self, id: str, type: str, data: object) -> None:
            self.said += 1
            if self.said == 2:
                raise Unavailable("enough")

    hook = Tired(Fetch(Guard(())), "http://127.0.0.1:9", SECRET, "w", lambda: NOW)
    assert await hook.tell([OPEN, replace(OPEN, id="c")], [ENDED]) == [OPEN.id]


async def test_the_guard_holds() -> None:
    with Receiver() as receiver:
        with pytest.raises(Unavailable, match="not a public address"):
            await webhook(receiver, allow=()).tell([OPEN], [])
        assert not receiver.requests
