"""Ad platforms on the wire: the reporter's requests, and access tokens of accounts with a refresh token."""

from __future__ import annotations

import base64
import hashlib
import re
from typing import NamedTuple
from urllib.parse import urlencode

import trio

from appliance import __version__
from appliance.errors import Refused
from appliance.outbound.guard import Fetch
from appliance.partners.platform import (
    TOO_MANY,
    UNANSWERED,
    UNAUTHORIZED,
    Answer,
    Message,
    OAuth,
    Send,
    Sent,
    Verdict,
    document,
    whole,
)
from appliance.partners.ways import Way

MOST_ANSWER = 1_048_576
"""Bytes of an answer that are read: some platforms have a word on each of a thousand events."""
TOKEN_SECONDS = 15.0
YOUNG = 60.0
"""Seconds for which a bought token is nobody's mistake: refused that soon, it is the account that is."""
_EARLY = 60.0
"""Seconds before its end from which a token is bought anew."""
_AN_HOUR = 3_600
_CODE = re.compile(r"[a-z_]{1,60}", re.ASCII)
_USER_AGENT = (b"user-agent", f"weir/{__version__} (reports)".encode())


class _Bought(NamedTuple):
    """`of` is the digest of what it was bought with; times by trio's clock."""

    of: bytes
    token: str
    at: float
    until: float


class _Failed(NamedTuple):
    """The last purchase that came to nothing; `of` and `at` as above."""

    of: bytes
    verdict: Verdict
    at: float


class Tokens:
    """Access of actors/reporter_requests.py. What is bought is kept in memory only, one per account."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._bought: dict[str, _Bought] = {}
        self._failed: dict[str, _Failed] = {}
        self._buying: dict[str, trio.Lock] = {}

    async def token(self, way: Way) -> str | Verdict:
        """What opens the account now: its token, or one that is bought with it and kept until it ends. Who
        waits while another one buys it is told the same."""
        oauth, settings = way.platform.oauth, way.pixel.settings
        client, secret = (
            (settings.get(name, "") for name in (oauth.client, oauth.secret)) if oauth else ("", "")
        )
        if oauth is None or not client or not secret:
            return way.pixel.token
        url = settings.get("token_url", "") or oauth.url
        of = hashlib.sha256("\0".join((url, client, secret, way.pixel.token)).encode()).digest()
        asked = trio.current_time()
        async with self._buying.setdefault(way.account, trio.Lock()):
            known, failed = self._bought.get(way.account), self._failed.get(way.account)
            if known is not None and known.of == of and trio.current_time() < known.until - _EARLY:
                return known.token
            # One after the other, at an endpoint that hangs, they would wait for longer than their leases.
            if failed is not None and failed.of == of and failed.at > asked:
                return failed.verdict
            found = await self._buy(oauth, url, client, secret, way.pixel.token)
            now = trio.current_time()
            if isinstance(found, Verdict):
                self._failed[way.account] = _Failed(of, found, now)
                return found
            token, seconds = found
            self._bought[way.account] = _Bought(of, token, now, now + seconds)
            return token

    def spoiled(self, way: Way, token: str) -> bool:
        """This token of the account's was refused: the next one is bought anew. True when that may help: it
        was an old one, or is another by now, because a request that was under way with it was refused too."""
        if token == way.pixel.token:
            return False
        known = self._bought.get(way.account)
        if known is None or known.token != token:
            return True
        del self._bought[way.account]
        return trio.current_time() - known.at >= YOUNG

    async def _buy(
        self, oauth: OAuth, url: str, client: str, secret: str, refresh: str
    ) -> tuple[str, float] | Verdict:
        fields = {"grant_type": "refresh_token", "refresh_token": refresh}
        headers = [("content-type", "application/x-www-form-urlencoded")]
        if oauth.basic:
            pair = base64.b64encode(f"{client}:{secret}".encode()).decode()
            headers.append(("authorization", f"Basic {pair}"))
        else:
            fields |= {"client_id": client, "client_secret": secret}
        came = await self._send(
            Message("POST", url, tuple(headers), urlencode(fields).encode()), TOKEN_SECONDS
        )
        if came.answer is None:
            return Verdict("retry", UNANSWERED, f"no access token: {came.fault}")
        return _of_token(came.answer)


class PlatformDoor(Tokens):
    """Requests out of this machine, and tokens by way of them. `fetch` is guarded."""

    def __init__(self, fetch: Fetch) -> None:
        super().__init__(self.send)
        self._fetch = fetch

    async def send(self, message: Message, seconds: float) -> Sent:
        """Send of partners/platform.py."""
        left = False

        def sent() -> None:
            nonlocal left
            left = True

        headers = [_USER_AGENT, *((name.encode(), value.encode("utf-8")) for name, value in message.headers)]
        try:
            answer = await self._fetch.send(
                message.method, message.url, headers, message.body, seconds, MOST_ANSWER, sent
            )
        except Refused as fault:
            return Sent(None, fault.message, left)
        return Sent(Answer(answer.status, answer.headers, answer.body), "", left)


def _of_token(answer: Answer) -> tuple[str, float] | Verdict:
    """(an access token, its seconds) of a token endpoint's answer, RFC 6749 §5. No text of it is repeated but
    an error's code."""
    found = document(answer.body) or {}
    token = found.get("access_token")
    if 200 <= answer.status < 300 and isinstance(token, str) and token:
        seconds = whole(found.get("expires_in"))
        return token, float(seconds if seconds is not None and seconds > 0 else _AN_HOUR)
    code = found.get("error")
    words = code if isinstance(code, str) and _CODE.fullmatch(code) else f"answered {answer.status}"
    reason = f"no access token: {words}"
    if answer.status == 429:
        return Verdict("throttle", TOO_MANY, reason, seconds=60.0)
    if 400 <= answer.status < 500 and found:
        return Verdict("pause", UNAUTHORIZED, reason)
    return Verdict("retry", UNANSWERED, reason)
