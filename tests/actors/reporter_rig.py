"""A ledger file, a pixel at a double of its platform, and the reporter over both, in virtual time."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import msgspec
import trio

from appliance.actors.kernel import inline_runner
from appliance.actors.reporter import Reporter
from appliance.actors.reporter_courses import Limits
from appliance.actors.reporter_requests import Access
from appliance.errors import Unavailable
from appliance.model.conversions import Settlement
from appliance.model.deliveries import Delivery, Selection, Stored, delivery_id
from appliance.outbound.platforms import Tokens
from appliance.partners.platform import HOUR, MARGIN, Answer, Message, Pixel, Platform, Sent, Verdict
from appliance.partners.platforms.meta import Meta
from appliance.partners.report import Identity, Report
from appliance.partners.ways import Way
from appliance.stores.sqlite.deliveries import SqliteDeliveries
from appliance.stores.sqlite.ledger import SqliteLedger
from tests.platforms import meta as double

START = 1_790_000_000_000_000
encode = msgspec.msgpack.Encoder().encode


class Killed(BaseException):
    """kill -9, as far as the actor can tell."""


class People:
    """Visitors by their click, as far as they can be found."""

    def __init__(self) -> None:
        self.known: dict[str, Identity] = {}
        self.away = False

    async def find(self, click_ids: Sequence[str]) -> Mapping[str, Identity]:
        await trio.lowlevel.checkpoint()
        if self.away:
            raise Unavailable("the warehouse is away")
        return {each: self.known[each] for each in click_ids if each in self.known}

    def seal(self, identity: Identity, at_us: int) -> bytes:
        return msgspec.msgpack.encode(identity)

    def open(self, sealed: bytes) -> Identity:
        return msgspec.msgpack.decode(sealed, type=Identity)


class Answering(Protocol):
    """A double of a platform."""

    def answer(self, message: Message, now_us: int) -> Answer: ...


class Site:
    """One ledger file and one pixel at a double; the actor over it may be killed and begun again. `ways` may
    be changed at any time."""

    def __init__(
        self, path: Path, platform: Platform | None = None, other: Answering | None = None, **settings: str
    ) -> None:
        self.meta = double.Meta()
        self.platform = platform or Meta()
        self._answering: Answering = other or self.meta
        way = Way("account:1", self.platform, Pixel("px", "good", settings), dry_run=False, name="ours")
        self.ways: dict[str, Way] = {"pixel:1": way}
        self.fields: dict[str, Any] = {}
        """Of every report that is put."""
        self.draw = random.Random(1)
        self.lost = 0.0
        self.unreachable = 0
        """So many requests do not even leave."""
        self.echo = False
        """Answers repeat what they were asked."""
        self.buys = False
        """Tokens come from the real door, over this double."""
        self.faults: list[Answer] = []
        self.grants: list[str | Verdict] = []
        self.old_token = False
        self.access: Access = self
        self.tokens = Tokens(self.send)
        self.people = People()
        self.sizes: list[int] = []
        self.messages: list[Message] = []
        self.asked_at: list[float] = []
        self.away = False
        self.step: Callable[[str], None] = lambda name: None
        self.ledger = SqliteLedger(path, lambda: START // 1000)
        self.store = SqliteDeliveries(path, lambda name: self.step(name))
        self._made = 0

    def now_us(self) -> int:
        return START + int(trio.current_time() * 1e6)

    async def send(self, message: Message, seconds: float) -> Sent:
        self.asked_at.append(trio.current_time())
        self.sizes.append(message.body.count(b'"event_id"'))
        self.messages.append(message)
        await trio.sleep(0.05)
        if self.unreachable:
            self.unreachable -= 1
            return Sent(None, "no route to host", left=False)
        if self.faults:
            return Sent(self.faults.pop(0), "", left=True)
        answer = self._answering.answer(message, self.now_us())
        if self.draw.random() < self.lost:
            return Sent(None, "no answer within 30 s", left=True)
        if self.echo and answer.body.endswith(b"}"):
            heard = message.url.encode() + b" " + message.body[:1_500] + repr(message.headers).encode()
            told = json.dumps([heard.decode(), "198.51.100.7 wrote from Somebody@Example.com"]).encode()
            answer = answer._replace(body=b'%b, "echo": %b}' % (answer.body[:-1], told))
        return Sent(answer, "", left=True)

    async def token(self, way: Way) -> str | Verdict:
        await trio.lowlevel.checkpoint()
        return self.grants.pop(0) if self.grants else way.pixel.token

    def spoiled(self, way: Way, token: str) -> bool:
        return self.old_token

    def reporter(self, poll: float = 30.0, **limits: Any) -> Reporter:
        async def blocking(fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
            if self.away:
                raise Unavailable("the disk is full")
            return await inline_runner(fn, *args, **kwargs)

        return Reporter(
            store=self.store,
            send=self.send,
            access=self.tokens if self.buys else self.access,
            ways=lambda: self.ways,
            identities=self.people,
            run_blocking=blocking,
            compute=inline_runner,
            now_us=self.now_us,
            draw=self.draw.random,
            limits=Limits(poll=poll, **limits),
        )

    def put(self, count: int = 1, target: str = "pixel:1", **changes: Any) -> list[str]:
        made = []
        for _ in range(count):
            self._made += 1
            at = self.now_us() - HOUR
            fields: dict[str, Any] = {
                "event_name": "Purchase", "event_id": f"e{self._made}", "at_us": at, "click_at_us": at - HOUR,
                "click_ids": {"fbclid": "x"}, "value": 1_500_000, "currency": "USD",
                "identity": Identity(emails=("a@example.com",)),
            }  # fmt: skip
            found = Report(**(fields | self.fields | changes))
            made.append(
                Delivery(
                    id=delivery_id(target, found.event_id),
                    target=target,
                    conversion_id=f"c{self._made}",
                    revision=1,
                    campaign_id=0,
                    created_us=self.now_us(),
                    not_before_us=self.now_us(),
                    deadline_us=found.at_us + self.platform.limits.window_us - MARGIN,
                    body=encode(found),
                    value=found.value or 0,
                    currency=found.currency,
                )
            )
        self.ledger.commit(Settlement(deliveries=made))
        return [each.id for each in made]

    def put_raw(self, body: bytes) -> None:
        """A delivery of which nobody knows what it says."""
        now = self.now_us()
        made = Delivery(
            id=delivery_id("pixel:1", "raw"), target="pixel:1", conversion_id="raw", revision=1,
            campaign_id=0, created_us=now, not_before_us=now, deadline_us=now + 24 * HOUR, body=body,
        )  # fmt: skip
        self.ledger.commit(Settlement(deliveries=[made]))

    def states(self) -> Counter[str]:
        found: Counter[str] = Counter()
        for states in self.store.counts().values():
            found.update({state: count for state, count in states.items() if count})
        return found

    def reasons(self) -> Counter[str]:
        found: Counter[str] = Counter()
        below = 2**62
        while page := self.store.select(Selection(states=("dead", "cancelled")), below, 1_000):
            found.update(each.reason for each in page)
            below = page[-1].number
        return found

    def stored(self) -> list[Stored]:
        return list(self.store.select(Selection(), 2**62, 1_000))

    async def until(self, wanted: Callable[[], bool], seconds: float = 3_600.0) -> None:
        with trio.fail_after(seconds):
            while not wanted():  # noqa: ASYNC110  the store is no actor
                await trio.sleep(1.0)

    async def until_quiet(self, seconds: float = 3_600.0) -> None:
        await self.until(lambda: not self.states()["pending"], seconds)

    def close(self) -> None:
        self.ledger.close()
        self.store.close()
