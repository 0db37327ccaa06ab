"""What is reported to the outside: deliveries, each attempt at one, and how its target is doing.

A `target` is a text such as `postback:12` (a target of the catalog); what stands before the colon says who
delivers. Times are unix microseconds.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

from msgspec import Struct

from appliance.model.ids import name_of

State = Literal["pending", "delivered", "dead", "cancelled"]
"""pending: to be attempted (again); dead: given up, an operator may replay it; the other two are ends."""


def delivery_id(target: str, key: str) -> str:
    """32 hex digits that name what is delivered: the idempotency key its receiver sees. The same revision
    of a conversion gives the same id in every replay, so a delivery is inserted once."""
    return name_of(target, key)


class Delivery(Struct, frozen=True, gc=False):
    """One thing to tell one target. `body` (msgpack) is what its message is made of, at each attempt anew.

    `revision` is the conversion's that caused it. A failed attempt after `deadline_us` is the last one.
    `value` (micro-units of `currency`) is what it is about, 0 where that is not known.
    """

    id: str
    target: str
    conversion_id: str
    revision: int
    campaign_id: int
    created_us: int
    not_before_us: int
    deadline_us: int
    body: bytes
    value: int = 0
    currency: str = ""


class Stored(Struct, frozen=True, gc=False):
    """A delivery as its store knows it; `number` grows for ever in the order of insertion.

    While `lease_us` lies ahead, one life of the program is attempting it. `reason` says why it is not
    delivered (yet). `part` is 0, or names what is left of a refused batch that it goes with: nothing else
    does. From `sent_us` on (0: never) it may have been received although nobody acknowledged it.
    """

    number: int
    delivery: Delivery
    state: State
    not_before_us: int
    deadline_us: int
    lease_us: int = 0
    attempts: int = 0
    finished_us: int = 0
    reason: str = ""
    part: int = 0
    sent_us: int = 0


class Attempt(Struct, frozen=True, gc=False):
    """One try. `request` is what was sent, secrets masked; `status` 0: no answer, and `error` says why."""

    at_us: int
    latency_us: int
    request: str
    status: int = 0
    answer: str = ""
    error: str = ""
    trace: str = ""
    """The receiver's own name of the request, where it gave one."""


class Standing(Struct, frozen=True, kw_only=True):
    """How a target is doing: failures since its last success, and until when it is left alone.

    Paused from `paused_us` on (0: it is not); at `probe_us` one delivery is tried.
    """

    target: str
    failures: int = 0
    paused_us: int = 0
    probe_us: int = 0
    reason: str = ""


class Result(NamedTuple):
    """An attempt at delivery `number`, and what follows: its next state, and when it is due again.

    `part` is its part from now on, None for the one it has. `sure`: the answer says that this attempt did not
    deliver it.
    """

    number: int
    lease_us: int
    attempt: Attempt
    state: State
    not_before_us: int
    reason: str
    part: int | None = None
    sure: bool = False


class Waiting(NamedTuple):
    """A target with deliveries pending: how many, since when, when the next is due, and whose deadline is
    the nearest."""

    target: str
    pending: int
    oldest_us: int
    due_us: int
    deadline_us: int


class Selection(Struct, frozen=True, kw_only=True):
    """Which deliveries; None leaves a field out. From `since_us` until before `until_us`, by creation."""

    ids: tuple[str, ...] | None = None
    states: tuple[State, ...] | None = None
    targets: tuple[str, ...] | None = None
    campaigns: tuple[int, ...] | None = None
    conversion_id: str = ""
    reasons: tuple[str, ...] | None = None
    since_us: int | None = None
    until_us: int | None = None


class DeliveriesReport(Struct, frozen=True, kw_only=True):
    """Outbound deliveries now. `paused` are targets left alone, `attempts` outcomes since the start."""

    pending: int = 0
    dead: int = 0
    oldest_seconds: float = 0.0
    paused: tuple[str, ...] = ()
    attempts: dict[str, int] = {}
    last_error: str = ""
