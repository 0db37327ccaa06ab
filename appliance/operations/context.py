"""What an operation may use: its caller, and the appliance behind protocols that core.py fills in."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol

from appliance.attribution.rates import Rate
from appliance.errors import FieldProblem, WeirError
from appliance.model.catalog import Change, Entity, Kind, ListKind, PostbackTarget, Revision, User
from appliance.model.costs import CostOrder
from appliance.model.deliveries import Attempt, Selection, Standing, Stored
from appliance.model.doctor import Finding
from appliance.model.drafts import DraftChange
from appliance.model.entries import Entered, EntryOrder
from appliance.model.events import CostAdjustment
from appliance.model.health import Health
from appliance.model.holds import Holds
from appliance.model.identity import Session
from appliance.model.lists import Arrived, Entries, EntriesPage
from appliance.model.live import Wish
from appliance.model.status import SystemStatus, Unknowable
from appliance.operations.alert_desk import AlertDesk
from appliance.operations.inquiries import Reports
from appliance.operations.intake_desks import EventDesk, IntakeDesk
from appliance.operations.lines import Blocks, Pieces
from appliance.operations.platform_desk import PlatformDesk
from appliance.operations.reprocessing_desk import InboxDesk
from appliance.operations.workbench import Workbench
from appliance.partners.patience import Outcome
from appliance.routing.configuration import Configuration


@dataclass(eq=False)
class Forbidden(WeirError):
    """The caller lacks the permission named. Ask whoever administrates this appliance."""

    code = "forbidden"


@dataclass(frozen=True)
class Caller:
    """Who asks and through which door (rest, rpc, call, mcp).

    `permissions` None means all of them, `campaigns` None every campaign; else the numbers of those that he
    owns or was granted. `user_id` is 0 for the local administrator and for nobody in particular.
    """

    name: str
    door: str
    permissions: frozenset[str] | None = frozenset()
    user_id: int = 0
    campaigns: frozenset[int] | None = None
    sees_money: bool = True
    address: str = ""
    """The client's address, for limits; "" where there is none."""
    session: str = ""
    """The id of his session, where he has one: what signing out ends."""

    def may(self, permission: str) -> bool:
        """`anyone` holds for nobody in particular too, `self` for whoever is signed in."""
        if self.permissions is None or permission == "anyone":
            return True
        return self.user_id > 0 if permission == "self" else permission in self.permissions

    def reaches(self, campaign: int) -> bool:
        """Whether the campaign is one of his."""
        return self.campaigns is None or campaign in self.campaigns


def local_administrator(door: str) -> Caller:
    """Whoever may open the call socket or the loopback port: the appliance's owner, with every permission."""
    return Caller("local administrator", door, None)


KeepEntity = Callable[[Entity], bool]
KeepChange = Callable[[Change], bool]
"""Pure and quick: who a list or a history is for decides with it what takes part, before pages are cut."""


class Catalog(Protocol):
    """The catalog actor. Every method may raise Unavailable when it does not answer in time."""

    async def create(self, kind: Kind, entity: Entity, caller: Caller) -> Entity:
        """Raises Refused naming every wrong field."""

    async def change(
        self, kind: Kind, number: int, values: Mapping[str, object], caller: Caller, revision: int | None
    ) -> Entity:
        """Replace the fields in `values`.

        Raises Refused, Missing, or Conflict when `revision` is given and not the entity's own.
        """

    async def faults(
        self, kind: Kind, number: int | None, values: Mapping[str, object]
    ) -> Sequence[FieldProblem]:
        """What `create` (`number` None) or `change` would refuse of these values, some of which may be
        missing. Nothing is stored; nothing is said of what is not there."""

    async def archive(self, kind: Kind, number: int, caller: Caller, revision: int | None) -> Entity:
        """Put it away, a campaign with its streams, a user with his tokens.

        Raises Missing, or Conflict naming what uses it.
        """

    async def restore(self, kind: Kind, number: int, caller: Caller, revision: int | None) -> Entity:
        """Bring back what was archived, a campaign with the streams that left with it.

        Raises Missing, Conflict, or Refused when it refers to what is archived or its names are taken.
        """

    async def duplicate(
        self, kind: Kind, number: int, values: Mapping[str, object], caller: Caller, revision: int | None
    ) -> Entity:
        """A copy with `values` and free names, owned by the caller; a campaign's streams are copied too.

        Raises as `create` does, Missing, and Conflict.
        """

    async def revert(self, kind: Kind, number: int, to: int, caller: Caller, revision: int | None) -> Entity:
        """Make the entity what it was at the revision `to`; its owner stays. Checked like any change.

        Raises Refused, Missing, or Conflict. What would come back is `versions(to, [(kind, number)])`.
        """

    async def get(self, kind: Kind, key: int | str) -> Entity:
        """By id or, where the kind has one, by slug. Raises Missing."""

    async def list(
        self,
        kind: Kind,
        limit: int,
        offset: int,
        where: Mapping[str, object],
        archived: bool,
        search: str = "",
        sort: str = "id",
        keep: KeepEntity | None = None,
    ) -> tuple[Sequence[Entity], int]:
        """A page of those whose fields equal `where`, and how many there are in all.

        `search`: in the name, slug, email or URL, in any case; `sort`: a field's name, -field for the other
        way round, then by id.
        """

    async def history(
        self,
        limit: int,
        before: int | None,
        kind: Kind | None = None,
        number: int | None = None,
        author: str = "",
        keep: KeepChange | None = None,
    ) -> Sequence[Revision]:
        """Revisions older than `before`, newest first, with those of their changes that were asked for.

        A revision without any is left out.
        """

    async def at(self, number: int) -> Mapping[tuple[Kind, int], Entity]:
        """The whole catalog as of a revision. Raises Missing for one that does not exist yet."""

    async def versions(
        self, number: int, keys: Collection[tuple[Kind, int]]
    ) -> Mapping[tuple[Kind, int], Entity]:
        """Some entities as of a revision, those that existed then. Raises Missing like `at`."""

    async def between(self, first: int, last: int) -> Sequence[Change]:
        """What differs between two revisions, `first` the older: one change per entity, by kind and id.

        Raises Missing like `at`.
        """

    async def configuration(
        self, number: int, keys: Collection[tuple[Kind, int]], caller: Caller
    ) -> Configuration:
        """What routed the clicks of these campaigns and links at a revision, and all that they lead to.

        For computing with, not for showing: it may lead to campaigns that are not the caller's. Raises
        Missing for a revision that does not exist yet, Refused for too much.
        """

    async def draft(
        self,
        changes: Sequence[DraftChange],
        keys: Collection[tuple[Kind, int]],
        caller: Caller,
        door: tuple[str, str] = ("", ""),
    ) -> Configuration:
        """The same as it is now with `changes` on top, each checked like a change; nothing is stored.

        `door`: also the campaign that this door (c, go, r, tb) and key lead to. Raises as changes do.
        """

    async def reload(self) -> int:
        """Read the store again, compile everything, push it to every edge; returns the revision."""


class Costs(Protocol):
    """Corrections of cost, as they were ordered."""

    async def adjust(
        self, order: CostOrder, parts: Sequence[CostAdjustment], count: int | None = None
    ) -> CostOrder:
        """Store it once, ship it once; the one stored before under its id is returned. Raises Unavailable,
        and Conflict when there are not `count` others."""

    async def get(self, id: str) -> CostOrder | None: ...

    async def list(
        self, limit: int, offset: int, campaigns: Collection[int] | None = None
    ) -> tuple[Sequence[CostOrder], int]:
        """Newest first, of these campaigns or all, and how many there are."""


class WarehouseDoor(Protocol):
    """What an operator may do to the warehouse as a whole."""

    async def detach(self, seconds: float) -> None:
        """Let go of its files or server for so long; returns when the running statements are over."""

    async def attach(self) -> None: ...


class System(Protocol):
    """The appliance at this moment."""

    @property
    def holds(self) -> Holds: ...

    @property
    def warehouse(self) -> WarehouseDoor: ...

    @property
    def public(self) -> str:
        """The origin of tracked links and postback addresses, such as https://go.example.com."""

    def status(self) -> SystemStatus:
        """Never waits."""

    def unknowable(self) -> Sequence[Unknowable]:
        """Streams whose rules ask for facts that no database of addresses here tells, by campaign."""


class Frames(Protocol):
    """A subscription's outgoing side, made by whoever watches. Used by one reader."""

    async def next(self) -> bytes:
        """The next frame, an encoded JSON object; waits. Raises trio.EndOfChannel when the feed is over."""

    def close(self) -> None:
        """No more is wanted."""


class Socket(Protocol):
    """The WebSocket that an operation came through, where it came through one."""

    def subscribe(self, frames: Frames) -> int:
        """Send every frame as the notification `live.frame` {"subscription": n, "frame": …}; returns n.

        Raises Refused when this socket has too many subscriptions.
        """

    def unsubscribe(self, number: int) -> bool:
        """Close that subscription's frames. False when there is none of that number."""

    def abort(self) -> None:
        """Close the connection at once, whatever is being sent: its other end takes nothing."""


class Live(Protocol):
    """The live feed."""

    async def watch(self, wish: Wish, after: int | None, cut: Callable[[], None]) -> tuple[Frames, int]:
        """Watch from now, or from behind frame `after`; the frames, and the number of the newest one.

        `cut` is called when this watcher takes nothing while others do. Raises Unavailable.
        """


@dataclass(frozen=True)
class Grant:
    """A session that has just begun or been renewed, and whom it makes of the caller."""

    token: str
    expires_us: int
    user: User
    caller: Caller


class Identity(Protocol):
    """Who may sign in, and who is."""

    def user(self, caller: Caller) -> User | None:
        """The caller as he is now; None for the local administrator."""

    async def request_code(self, email: str, caller: Caller) -> tuple[int, str]:
        """Mail a code; when it ends and, where mail is not needed, the code itself.

        Raises Refused, TooMany, or Unavailable when no mail could be sent: there is no code then.
        """

    async def sign_in(self, email: str, code: str, caller: Caller) -> Grant:
        """Raises Unauthenticated, TooMany."""

    async def claim(self, token: str, email: str, caller: Caller) -> Grant:
        """Make the first administrator. Raises Unauthenticated, Refused, TooMany."""

    async def renew(self, caller: Caller) -> Grant:
        """A later end for the caller's session. Raises Unauthenticated when it may not have one."""

    async def begin_local(self) -> tuple[str, int]:
        """A session of the local administrator, and when it ends."""

    def sessions(self) -> Sequence[Session]:
        """Everybody's, the newest first."""

    async def end(self, ids: Collection[str]) -> int:
        """End these sessions; how many there were."""


class DeliveryDesk(Protocol):
    """The outbox of deliveries. Every method that waits raises Unavailable."""

    def standings(self) -> Sequence[Standing]:
        """Of the targets that failed since their last success."""

    async def select(self, selection: Selection, below: int, limit: int) -> Sequence[Stored]:
        """Newest first, with numbers lower than `below`."""

    async def count(self, selection: Selection) -> int:
        """How many there are; the selection names a conversion."""

    async def get(self, id: str) -> tuple[Stored, Sequence[Attempt]] | None: ...

    async def replay(self, selection: Selection, now_us: int, deadline_us: int) -> list[str]:
        """Make all of them due now and resume their targets; the target of each."""

    async def cancel(self, selection: Selection, now_us: int, reason: str) -> list[str]:
        """The target of each that was pending or dead."""

    async def counts(self) -> Mapping[str, Mapping[str, int]]:
        """Target → state → how many."""

    async def send(
        self, target: PostbackTarget, id: str, values: Mapping[str, str]
    ) -> tuple[Attempt, Outcome]:
        """Tell a target, saved or not, of a conversion with these values now. Stores nothing."""


class EntryDesk(Protocol):
    """Where conversions are entered."""

    async def enter(self, order: EntryOrder) -> Entered:
        """Check all of it and store it in one transaction, or nothing. The same order again is answered as
        the first time. Raises Conflict for another order under its id, Unavailable."""


class RateDesk(Protocol):
    """What currencies are worth. Every method raises Unavailable."""

    async def put(self, rates: Sequence[Rate]) -> None:
        """All or none. Raises Refused when there are too many."""

    async def remove(self, base: str, quote: str, before: str) -> int: ...

    async def list(self, base: str, quote: str, limit: int, offset: int) -> tuple[Sequence[Rate], int]:
        """A page, the newest day first, and how many there are."""


class DoctorDesk(Protocol):
    """What the doctor found."""

    def findings(self) -> Sequence[Finding]:
        """The newest first, muted ones too."""

    async def dismiss(self, id: str, mute: bool) -> None:
        """Put one away until it is seen again, or for good. Raises Missing."""


class HealthDesk(Protocol):
    """Who asks after destinations."""

    def health(self) -> Sequence[Health]:
        """Of every destination with a probe."""

    async def probe(self, number: int) -> Health:
        """Ask one now. Raises Missing, or Refused for one without a probe."""


class Lists(Protocol):
    """The files of the named lists' entries."""

    async def write(
        self,
        of: ListKind,
        text: str,
        files: Sequence[str] = (),
        onto: str = "",
        remove: bool = False,
        arrived: Arrived | None = None,
    ) -> Entries:
        """A file of the entries of the file `onto`, of the lines of `text`, of other files and of `arriving`.

        With `remove` these are taken out of `onto`. Raises Refused, Missing for a file, Unavailable.
        """

    def arriving(self, of: ListKind, text: Pieces) -> AbstractAsyncContextManager[Arrived]:
        """Take in a text of any length, for `write` inside the block. Raises Refused, Unavailable."""

    async def has(self, digest: str) -> bool: ...

    async def page(self, digest: str, limit: int, offset: int, search: str) -> EntriesPage:
        """Entries in order, those that contain `search`. Raises Missing."""

    async def holds(self, digest: str, value: str) -> bool:
        """Raises Missing."""


@dataclass(frozen=True)
class Context:
    """Handed to every operation."""

    caller: Caller
    catalog: Catalog
    reports: Reports
    system: System
    costs: Costs
    request_id: str = ""
    socket: Socket | None = None
    live: Live | None = None
    identity: Identity | None = None
    workbench: Workbench | None = None
    lists: Lists | None = None
    entries: Blocks | None = None
    """The body of a request that fills a list, as it arrives (operations.lists.FILLED)."""
    health: HealthDesk | None = None
    deliveries: DeliveryDesk | None = None
    rates: RateDesk | None = None
    doctor: DoctorDesk | None = None
    entering: EntryDesk | None = None
    inbox: InboxDesk | None = None
    alerts: AlertDesk | None = None
    platforms: PlatformDesk | None = None
    intakes: IntakeDesk | None = None
    events: EventDesk | None = None
