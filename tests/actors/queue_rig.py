"""A queue, its objects and where their events go, in memory and in virtual time: an SQS of one process."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import trio

from appliance.actors.intake_sqs import QueueIntake
from appliance.actors.kernel import inline_runner
from appliance.errors import Missing, Unavailable
from appliance.model.interpreted import Refusal, Sifted, Taken
from appliance.model.queues import Fetched, Received, Sizes
from appliance.partners.interpreted import Unreadable, parsed
from appliance.partners.notices import Created


@dataclass
class Held:
    id: str
    body: str
    receives: int = 0
    visible_at: float = 0.0
    receipt: str = ""


class MemoryQueue:
    """SQS's semantics: invisible for a while, redriven when it came too often, a receipt a delivery."""

    def __init__(self, redrives: int = 0, dead_letters: bool = False) -> None:
        self.redrives = redrives
        self.has_dead_letters = dead_letters
        self.messages: dict[str, Held] = {}
        self.dead: list[tuple[str, str]] = []
        self.calls: list[tuple[str, float]] = []
        self.away = ""
        self.delete_faults: list[Exception] = []
        self._receipts = 0

    def put(self, body: str, id: str = "") -> None:
        name = id or f"m{len(self.messages) + len(self.dead)}"
        self.messages[name] = Held(name, body)

    def _here(self, call: str) -> None:
        self.calls.append((call, trio.current_time()))
        if self.away:
            raise Unavailable(self.away)

    def _visible(self) -> list[Held]:
        now = trio.current_time()
        for held in [it for it in self.messages.values() if it.visible_at <= now]:
            if self.redrives and held.receives >= self.redrives:
                self.dead.append((held.body, "redriven"))
                del self.messages[held.id]
        return [it for it in self.messages.values() if it.visible_at <= now]

    def receive(self, most: int, wait_s: int, hidden_s: int) -> Sequence[Received]:
        self._here("receive")
        found = []
        for held in self._visible()[:most]:
            self._receipts += 1
            held.receives += 1
            held.receipt = f"r{self._receipts}"
            held.visible_at = trio.current_time() + hidden_s
            found.append(Received(held.id, held.receipt, held.body, held.receives, 1_000_000))
        return found

    def _of(self, receipt: str) -> Held:
        found = next((it for it in self.messages.values() if it.receipt == receipt), None)
        if found is None or found.visible_at <= trio.current_time():
            raise Missing("ReceiptHandleIsInvalid")
        return found

    def hide(self, receipt: str, seconds: int) -> None:
        self._here("hide")
        self._of(receipt).visible_at = trio.current_time() + seconds

    def delete(self, receipt: str) -> None:
        self._here("delete")
        if self.delete_faults:
            raise self.delete_faults.pop(0)
        del self.messages[self._of(receipt).id]

    def bury(self, message: Received, reason: str) -> bool:
        self._here("bury")
        if self.has_dead_letters:
            self.dead.append((message.body, reason))
            del self.messages[message.id]
        return self.has_dead_letters

    def sizes(self) -> Sizes:
        self._here("sizes")
        return Sizes(len(self.messages), 0, len(self.dead), self.redrives)

    async def polling(self, fn: Callable[..., Any], /, *args: Any) -> Any:
        """A long poll: at once when there is something."""
        with trio.move_on_after(args[1]):
            while not self._visible() and not self.away:  # noqa: ASYNC110  what becomes visible is no event
                await trio.sleep(2)
        return await inline_runner(fn, *args)


class MemoryObjects:
    def __init__(self) -> None:
        self.bodies: dict[tuple[str, str], bytes] = {}
        self.faults: list[Exception] = []
        self.put_faults: list[Exception] = []
        self.reads = 0

    def get(self, wanted: Created, most: int) -> Fetched:
        self.reads += 1
        if self.faults:
            raise self.faults.pop(0)
        body = self.bodies.get((wanted.bucket, wanted.key))
        if body is None:
            raise Missing("NoSuchKey")
        return Fetched(body, f"tag{hash(body)}")

    def put(self, bucket: str, key: str, body: bytes) -> None:
        if self.put_faults:
            raise self.put_faults.pop(0)
        self.bodies[bucket, key] = body


class Books:
    """Where events go, each batch once, as the interpreter takes them. `campaigns` pass the filter."""

    def __init__(self, *campaigns: str) -> None:
        self.campaigns = set(campaigns)
        self.batches: dict[str, tuple[bytes, ...]] = {}
        self.faults: list[Exception] = []
        self.filtered: list[bool] = []
        self.slow_s = 0.0
        self.at_once = self.most_at_once = 0

    @property
    def sessions(self) -> list[str]:
        return [msgspec.json.decode(line)["session_id"] for lines in self.batches.values() for line in lines]

    async def take(self, batch_id: str, lines: Sequence[bytes], filtered: bool, origin: str = "") -> Taken:
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            await trio.sleep(self.slow_s)
        finally:
            self.at_once -= 1
        if self.faults:
            raise self.faults.pop(0)
        if batch_id in self.batches:
            return Taken(again=True)
        self.filtered.append(filtered)
        good, refused = _read(lines)
        self.batches[batch_id] = tuple(good if filtered else [it for it in good if self._asked(it)])
        return Taken(read=len(good), kept=len(self.batches[batch_id]), refused=tuple(refused))

    async def sift(self, lines: Sequence[bytes]) -> Sifted:
        await trio.lowlevel.checkpoint()
        good, refused = _read(lines)
        return Sifted([it for it in good if self._asked(it)], refused)

    def _asked(self, line: bytes) -> bool:
        return not self.campaigns or msgspec.json.decode(line).get("campaign_id") in self.campaigns


def _read(lines: Sequence[bytes]) -> tuple[list[bytes], list[Refusal]]:
    found = [(number, line, parsed(line)) for number, line in enumerate(lines, 1)]
    return (
        [line for _, line, it in found if not isinstance(it, Unreadable)],
        [Refusal(number, "", it.reason) for number, _, it in found if isinstance(it, Unreadable)],
    )


async def always(name: str) -> None:
    """No intake is paused."""
    await trio.lowlevel.checkpoint()


def event(session: str, **more: Any) -> dict[str, Any]:
    return {"session_id": session, "keyword_clicked": "k", "campaign_id": "1", "revenue": 1.5} | more


def announcing(*keys: str, bucket: str = "events") -> str:
    """A message of S3's that announces these keys."""
    records = [
        {
            "eventVersion": "2.1",
            "eventSource": "aws:s3",
            "eventName": "ObjectCreated:Put",
            "s3": {"bucket": {"name": bucket}, "object": {"key": key}},
        }
        for key in keys
    ]
    return msgspec.json.encode({"Records": records}).decode()


class Rig:
    """An intake over these, and the task that runs it."""

    def __init__(self, redrives: int = 0, dead_letters: bool = False, **more: Any) -> None:
        self.queue = MemoryQueue(redrives, dead_letters)
        self.objects = MemoryObjects()
        self.books = Books()
        settings: dict[str, Any] = {
            "connect": lambda: (self.queue, self.objects),
            "way": self.books,
            "running": always,
            "filtered": True,
            "polling": self.queue.polling,
            "run_blocking": inline_runner,
            "now_us": lambda: int(trio.current_time() * 1e6),
        }
        self.intake = QueueIntake("trigger", **settings | more)

    def store(self, key: str, *events: Any, bucket: str = "events") -> None:
        self.objects.bodies[bucket, key] = msgspec.json.encode(list(events))

    async def emptied(self, seconds: float = 100_000) -> None:
        with trio.fail_after(seconds):
            while self.queue.messages:  # noqa: ASYNC110  SQS tells nobody either
                await trio.sleep(1)
