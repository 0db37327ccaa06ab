"""Mail: one short text to one person, by Resend's API or an SMTP server."""

from __future__ import annotations

import logging
import smtplib
import ssl
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from urllib.parse import unquote, urlsplit

import httpx
import trio

from appliance.config import Mail
from appliance.errors import Unavailable
from appliance.ports import Post, Runner

log = logging.getLogger("weir.mail")

SECONDS = 20.0
"""For one mail, whatever the server does; a person waits for it."""
RESEND = "https://api.resend.com/emails"
_FAILED = "the mail could not be sent ({}); try again, or ask whoever runs this Weir"


def post_of(settings: Mail, runner: Runner) -> Post | None:
    """What sends mail; None where nothing is configured."""
    if settings.resend_key:
        return Resend(settings.resend_key, settings.sender)
    if settings.smtp_url:
        return Smtp(settings.smtp_url, settings.sender, runner)
    return None


class Resend:
    """Post of ports.py over Resend's API. A connection per mail: there are few."""

    def __init__(self, key: str, sender: str, url: str = RESEND, seconds: float = SECONDS) -> None:
        self._key = key
        self._sender = sender
        self._url = url
        self._seconds = seconds

    async def send(self, to: str, subject: str, text: str) -> None:
        body = {"from": self._sender, "to": [to], "subject": subject, "text": text}
        headers = {"Authorization": f"Bearer {self._key}"}
        try:
            with trio.fail_after(self._seconds):
                async with httpx.AsyncClient(timeout=self._seconds, trust_env=False) as client:
                    answer = await client.post(self._url, json=body, headers=headers)
        except (httpx.HTTPError, trio.TooSlowError) as fault:
            raise _failure("Resend", type(fault).__name__) from fault
        if not answer.is_success:
            raise _failure("Resend", f"{answer.status_code} {answer.text[:300]}")


class Smtp:
    """Post of ports.py over SMTP: smtps from the first byte, smtp with STARTTLS.

    Without STARTTLS a password is not sent, unless the server is this machine.
    """

    def __init__(self, url: str, sender: str, runner: Runner, seconds: float = SECONDS) -> None:
        split = urlsplit(url)
        self._secure = split.scheme == "smtps"
        self._host = split.hostname or ""
        self._port = split.port or (465 if self._secure else 587)
        self._user, self._password = unquote(split.username or ""), unquote(split.password or "")
        self._sender = sender
        self._runner = runner
        self._seconds = seconds

    async def send(self, to: str, subject: str, text: str) -> None:
        message = EmailMessage()
        message["From"], message["To"], message["Subject"] = self._sender, to, subject
        message["Date"] = formatdate()
        message["Message-ID"] = make_msgid(domain=self._sender.rpartition("@")[2].rstrip("> ") or None)
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(text)
        try:
            await self._runner(self._deliver, message)
        except (OSError, smtplib.SMTPException) as fault:
            raise _failure("SMTP", f"{type(fault).__name__}: {fault}") from fault

    def _deliver(self, message: EmailMessage) -> None:
        # Each of these waits at most `seconds`, several may: a thread of its own, nobody else waits for it.
        tls = ssl.create_default_context()
        with (
            smtplib.SMTP_SSL(self._host, self._port, timeout=self._seconds, context=tls)
            if self._secure
            else smtplib.SMTP(self._host, self._port, timeout=self._seconds)
        ) as server:
            server.ehlo()
            if not self._secure and server.has_extn("starttls"):
                server.starttls(context=tls)
                server.ehlo()
            elif self._user and not self._secure and self._host not in ("localhost", "127.0.0.1", "::1"):
                raise smtplib.SMTPException("no STARTTLS: the password is not sent in the clear")
            if self._user:
                server.login(self._user, self._password)
            server.send_message(message)


def _failure(way: str, why: str) -> Unavailable:
    log.error("mail not sent", extra={"way": way, "error": why[:500]})
    return Unavailable(_FAILED.format(way))
