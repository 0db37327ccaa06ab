"""Budgets of clicks: how the core lends a cap out to the edges so that it is never exceeded.

A budget is a ceiling: how many clicks a process may ever have sent to a destination, counted from its start.
What it may still send is outstanding: its ceiling less the clicks of it that were read from its journal. The
core lends only while, for every cap, what was recorded in its window plus all that is outstanding is within
the limit. Sending moves a click from the one to the other, and time takes clicks out of a window: the
sum grows by lending alone. So no window ever holds more than the limit, whoever dies when.

A ceiling is taken back by lowering it; until the process confirms, the higher one counts. Of a process that
is gone nothing is outstanding once its journal was read to its end: what it did not record was not sent.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterable, Mapping

from appliance.model.messages import Budgets, Spending
from appliance.model.usage import Holder

_MOST_TOLD = 16
"""Messages that a process has not confirmed. Beyond: the two oldest count as one, the higher of the two."""


class _Life:
    """One edge process, as far as the core knows it."""

    def __init__(self, edge: int) -> None:
        self.edge = edge
        self.present = False
        """Whether it can be asked to give back, and lent to."""
        self.seen: dict[int, int] = {}
        self.bound: dict[int, int] = {}
        """The highest ceiling that it may hold."""
        self.sent: dict[int, int] = {}
        self.hungry: set[int] = set()
        self.ceilings: dict[int, int] = {}
        """What it should hold."""
        self.lent: dict[int, int] = {}
        """How much it was lent the last time."""
        self.told: deque[tuple[int, Mapping[int, int]]] = deque()
        """Serials and ceilings that it has not confirmed."""
        self.stale = False
        """Whether it must be told its ceilings although they did not change."""
        self.confirmed = 0
        self.settled: Spending | None = None
        """What it said when nothing was on its way into its journal; forgotten once that was read."""

    def outstanding(self, destination: int) -> int:
        return max(0, self.bound.get(destination, 0) - self.seen.get(destination, 0))

    def raise_to(self, destination: int) -> int:
        """From where on a ceiling lends something: below it are clicks that were sent already."""
        held = max(self.bound.get(destination, 0), self.seen.get(destination, 0))
        return max(held, self.sent.get(destination, 0))

    def told_of(self, destination: int) -> bool:
        """Whether it was told something about a destination that it has not confirmed."""
        return any(destination in ceilings for _, ceilings in self.told)

    def unspent(self, destination: int) -> int:
        """What it holds by its own account, which may be a moment old."""
        spent = max(self.sent.get(destination, 0), self.seen.get(destination, 0))
        return max(0, self.ceilings.get(destination, 0) - spent)


class Lending:
    """The core's side. Whoever owns it makes every raised ceiling durable before it is told."""

    def __init__(self) -> None:
        self._lives: dict[int, _Life] = {}
        self._serial = 0

    # What is known

    def lives(self) -> dict[int, int]:
        """Life → its edge."""
        return {number: life.edge for number, life in self._lives.items()}

    def restore(
        self, life: int, edge: int, bound: Mapping[int, int], seen: Mapping[int, int], now_us: int
    ) -> None:
        """What was stored of a life. Its ceilings may be on their way, and hold until it confirms others."""
        self._lives[life] = known = _Life(edge)
        known.bound, known.seen = dict(bound), dict(seen)
        known.ceilings = dict(bound)
        self._serial = max(self._serial + 1, now_us)
        known.told.append((self._serial, known.bound.copy()))
        known.stale = True

    def recorded(self, life: int, edge: int, destination: int, clicks: int) -> None:
        """So many more clicks of a life were read from its journal."""
        if life:
            known = self._lives.setdefault(life, _Life(edge))
            known.seen[destination] = known.seen.get(destination, 0) + clicks

    def outstanding(self, destination: int) -> int:
        """What all processes together may still send."""
        return sum(life.outstanding(destination) for life in self._lives.values())

    def holders(self, destination: int) -> tuple[Holder, ...]:
        """Every process that has to do with it."""
        return tuple(
            Holder(
                edge=life.edge,
                life=number,
                present=life.present,
                ceiling=life.bound.get(destination, 0),
                sent=life.sent.get(destination, 0),
                recorded=life.seen.get(destination, 0),
                hungry=destination in life.hungry,
                unconfirmed=len(life.told),
            )
            for number, life in sorted(self._lives.items())
            if destination in life.bound or destination in life.sent or destination in life.hungry
        )

    def seen(self, life: int, destination: int) -> int:
        """The clicks of a life to a destination that are accounted for."""
        return self._lives[life].seen.get(destination, 0)

    def bounds(self, life: int) -> Mapping[int, int]:
        """The ceilings that must be durable before `tell`."""
        return self._lives[life].bound

    # What edges say

    def take(self, edge: int, spending: Spending) -> bool:
        """A process said where it is. False for what was said before something that is known already."""
        life = self._lives.setdefault(spending.life, _Life(edge))
        life.present = True
        if spending.serial < life.confirmed:
            return False
        life.confirmed = spending.serial
        # After the clock was set back, those of a core before this one are higher than the clock.
        self._serial = max(self._serial, spending.serial)
        while life.told and life.told[0][0] <= spending.serial:
            life.told.popleft()
        life.bound = dict(spending.ceilings)
        # And what it is going to be told: raised, it is made durable while this message comes.
        for ceilings in (life.ceilings, *(told for _, told in life.told)):
            for destination, ceiling in ceilings.items():
                life.bound[destination] = max(ceiling, life.bound.get(destination, 0))
        for destination, count in spending.sent.items():
            life.sent[destination] = max(count, life.sent.get(destination, 0))
        # Who was turned away before he was lent something is not hungry any more.
        life.hungry = {
            destination
            for destination in life.hungry.union(spending.hungry)
            if spending.ceilings.get(destination, 0) <= spending.sent.get(destination, 0)
        }
        if spending.settled[0]:
            life.settled = spending
        return True

    def unconfirmed(self, life: int) -> bool:
        """Whether it was told something that it has not confirmed."""
        return bool(self._lives[life].told)

    def repeat(self, life: int) -> None:
        """What it was told last may be lost: it is told again."""
        self._lives[life].stale = True

    def caught_up(self, life: int, offsets: Mapping[int, int], unread: Collection[int] = ()) -> list[int]:
        """Its journal was read up to `offsets` by epoch, all but `unread` to its end. Where it lost clicks.

        What it sent before it settled and is not there was lost (a full disk) and will never be recorded.
        """
        known = self._lives.get(life)
        if known is None or known.settled is None:
            return []
        epoch, seq = known.settled.settled
        lost = []
        if offsets.get(epoch, 0) >= seq and min(unread, default=epoch) >= epoch:
            for destination, count in known.settled.sent.items():
                if count > known.seen.get(destination, 0):
                    known.seen[destination] = count
                    lost.append(destination)
            known.settled = None
        return lost

    def silent(self, life: int) -> None:
        """It has not been heard of for a while: it keeps what it holds, and is asked for nothing."""
        if life in self._lives:
            self._lives[life].present = False

    def gone(self, life: int) -> None:
        """The process ended and its journal was read to the end: what it held is free again."""
        self._lives.pop(life, None)

    # Lending

    def lend(self, limited: Mapping[int, Callable[[], int]]) -> set[int]:
        """Work out new ceilings; the lives whose ceilings changed.

        `limited`: destination → what its caps leave now, less nothing that is outstanding.
        """
        changed: set[int] = set()
        for number, life in self._lives.items():
            if life.present and (life.stale or not life.ceilings.keys() <= limited.keys()):
                life.ceilings = {d: c for d, c in life.ceilings.items() if d in limited}
                life.stale = False
                changed.add(number)
        # While an edge is replaced there are two of one index; the older one takes no new visitors.
        newest = {life.edge: number for number, life in sorted(self._lives.items()) if life.present}
        present = {number: self._lives[number] for number in newest.values()}
        if present:
            for destination, left in limited.items():
                self._lend(destination, left, present, changed)
        return changed

    def _lend(
        self, destination: int, left: Callable[[], int], present: Mapping[int, _Life], changed: set[int]
    ) -> None:
        wanting = [n for n, life in present.items() if self._wants(life, destination)]
        hungry = [n for n in wanting if destination in present[n].hungry]
        allowed = left()
        free = allowed - self.outstanding(destination)
        if free < 0:  # the cap was lowered
            self._take_back(destination, present, 0, changed)
            return
        lent: set[int] = set()
        for number in sorted(hungry or wanting, key=lambda n: present[n].unspent(destination)):
            life = present[number]
            base = life.raise_to(destination)
            # Clicks that were sent and not read yet count against the cap as well.
            room = free - (base - max(life.bound.get(destination, 0), life.seen.get(destination, 0)))
            if room <= 0:
                continue
            # Alone it may have all; of several, what is left is halved again and again.
            share = room if len(present) == 1 else max(1, room // (2 * len(present)))
            life.ceilings[destination] = life.bound[destination] = base + share
            life.lent[destination] = share
            life.hungry.discard(destination)
            free = allowed - self.outstanding(destination)
            lent.add(number)
        changed |= lent
        if free <= 0 < allowed and any(destination in present[n].hungry for n in hungry):
            # Not of those who have not answered yet: asked at every turn they would have nothing left, and
            # the last click would be lent and taken back for ever.
            asked = {
                number: life
                for number, life in present.items()
                if number not in lent and destination not in life.hungry and not life.told_of(destination)
            }
            self._take_back(destination, asked, 2, changed)

    @staticmethod
    def _take_back(destination: int, asked: Mapping[int, _Life], parts: int, changed: set[int]) -> None:
        """Ask for what they hold but for a part of it; for all of it when `parts` is 0."""
        for number, life in asked.items():
            if unspent := life.unspent(destination):
                life.ceilings[destination] -= unspent - (unspent // parts if parts else 0)
                changed.add(number)

    @staticmethod
    def _wants(life: _Life, destination: int) -> bool:
        unspent = life.unspent(destination)
        if unspent and life.told_of(destination):
            return False  # it was lent something that it may not know of yet
        return destination in life.hungry or 2 * unspent < max(1, life.lent.get(destination, 0))

    def tell(self, life: int, now_us: int) -> Budgets:
        """The message that brings a life its ceilings; what it raises is durable by now."""
        known = self._lives[life]
        self._serial = max(self._serial + 1, now_us)
        ceilings = dict(known.ceilings)
        told = known.told
        told.append((self._serial, ceilings))
        if len(told) > _MOST_TOLD:
            (_, older), (serial, newer) = told.popleft(), told.popleft()
            told.appendleft((serial, {d: max(older.get(d, 0), newer.get(d, 0)) for d in {**older, **newer}}))
        return Budgets(life, self._serial, ceilings)


class Allowance:
    """The edge's side: what one process may still send. `sent` is the router's counter."""

    def __init__(self, life: int, sent: Mapping[int, int]) -> None:
        self.life = life
        self._sent = sent
        self._serial = 0
        self.ceilings: dict[int, int] = {}
        self._hungry: set[int] = set()

    def take(self, budgets: Budgets) -> bool:
        """New ceilings, none below what was sent. False for those of another process, or old ones."""
        if budgets.life != self.life or budgets.serial <= self._serial:
            return False
        self._serial = budgets.serial
        sent = self._sent
        self.ceilings = {d: max(ceiling, sent.get(d, 0)) for d, ceiling in budgets.ceilings.items()}
        return True

    def left(self, destination: int) -> int:
        return max(0, self.ceilings.get(destination, 0) - self._sent.get(destination, 0))

    def refuse(self, destination: int) -> None:
        """A click found nothing left."""
        self._hungry.add(destination)

    def spending(self, limited: Iterable[int], settled: tuple[int, int] = (0, 0)) -> Spending:
        """Where it is, of the destinations that its routing table limits and those that it was lent for."""
        hungry, self._hungry = tuple(sorted(self._hungry)), set()
        named = {*limited, *self.ceilings}
        return Spending(
            self.life,
            self._serial,
            dict(self.ceilings),
            {d: self._sent.get(d, 0) for d in named if self._sent.get(d, 0)},
            hungry,
            settled,
        )
