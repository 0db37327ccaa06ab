"""Budgets of clicks, as a model: two edges, a core, journals, and crashes of any of them in any order.

The machine drives the real Lending and Allowance; journals, wires and disks are lists. Whatever the order, no
window ever holds more recorded clicks than the limit; and once everybody is up and asks, exactly the limit.
"""

from __future__ import annotations

from collections import Counter, deque

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from appliance.model.messages import Budgets, Spending
from appliance.model.rules import Cap
from appliance.routing.budgets import Allowance, Lending
from appliance.routing.caps import Meter

SECOND = 1_000_000
HOUR = 3600 * SECOND
DESTINATION = 5


class Edge:
    """One process: its journal outlives it, what is pending in it does not."""

    def __init__(self, life: int, index: int) -> None:
        self.life, self.index = life, index
        self.sent: Counter[int] = Counter()
        self.allowance = Allowance(life, self.sent)
        self.pending: list[int] = []
        self.journal: list[int] = []
        self.alive = True
        self.to_core: deque[Spending] = deque()
        self.to_edge: deque[Budgets] = deque()
        self.linked = False


class Caps(RuleBasedStateMachine):
    @initialize(
        limit=st.integers(0, 12),
        hours=st.sampled_from([1, 2, 0]),
        demand=st.sampled_from([(0,), (1,), (0, 1)]),
    )
    def begin(self, limit: int, hours: int, demand: tuple[int, ...]) -> None:
        self.demand = demand
        self.cap = Cap(metric="clicks", limit=str(limit), window_hours=hours)
        self.limit = limit
        self.now = 1_790_000_000 * SECOND
        self.behind = 0
        """By how much the core's serials lag."""
        self.lives = 0
        self.edges: list[Edge] = []
        self.current: list[Edge | None] = [None, None]
        self.disk_bounds: dict[int, tuple[int, dict[int, int]]] = {}
        """What the core made durable: life → (edge, ceilings)."""
        self.disk_read: Counter[int] = Counter()
        self.core_up = False
        self.start_core()
        for index in (0, 1):
            self.start_edge(index)
            self.link(index)
            self.deliver_to_core(index)

    # The core

    @precondition(lambda self: self.core_up)
    @rule(index=st.integers(0, 1), back=st.booleans())
    def round_trip(self, index: int, back: bool) -> None:
        """What the wires carry, the core's lending and maybe the answers: the usual course of things."""
        edge = self.current[index]
        if edge is None:
            return
        self.link(index)
        self.report(index)
        while edge.to_core:
            self.deliver_to_core(index)
        self.lend()
        while back and edge.to_edge:
            self.deliver_to_edge(index)

    def start_core(self) -> None:
        self.core_up = True
        self.lending = Lending()
        self.meter = Meter(self.cap)
        self.read: Counter[int] = Counter()
        for edge in self.edges:
            count = self.disk_read[edge.life]
            self.read[edge.life] = count
            for at in edge.journal[:count]:
                self.meter.add(at, 1)
        for life, (edge_index, bound) in self.disk_bounds.items():
            self.lending.restore(
                life, edge_index, bound, {DESTINATION: self.disk_read[life]}, self.now - self.behind
            )

    @precondition(lambda self: self.core_up)
    @rule()
    def kill_core(self) -> None:
        self.core_up = False
        for edge in self.edges:
            self.unlink(edge)

    @precondition(lambda self: not self.core_up)
    @rule()
    def restart_core(self) -> None:
        self.start_core()

    @precondition(lambda self: self.core_up)
    @rule(index=st.integers(0, 1), most=st.integers(1, 5))
    def read_journal(self, index: int, most: int = 1_000) -> None:
        for edge in self.edges:
            if edge.index != index:
                continue
            fresh = edge.journal[self.read[edge.life] :][:most]
            for at in fresh:
                self.meter.add(at, 1)
            self.lending.recorded(edge.life, edge.index, DESTINATION, len(fresh))
            self.read[edge.life] += len(fresh)
            if self.read[edge.life] == len(edge.journal):
                if not edge.alive:
                    self.lending.gone(edge.life)
                    self.disk_read[edge.life] = self.read[edge.life]
                    self.disk_bounds.pop(edge.life, None)
                else:
                    self.lending.caught_up(edge.life, {1: 1 << 60})

    @precondition(lambda self: self.core_up)
    @rule()
    def save(self) -> None:
        self.disk_read.update({life: n - self.disk_read[life] for life, n in self.read.items()})

    @precondition(lambda self: self.core_up)
    @rule(crash=st.sampled_from([False, False, False, True]), meanwhile=st.booleans())
    def lend(self, crash: bool = False, meanwhile: bool = False) -> None:
        changed = self.lending.lend({DESTINATION: lambda: self.meter.left(self.now)})
        lives = self.lending.lives()
        for life in changed:
            self.disk_bounds[life] = (lives[life], dict(self.lending.bounds(life)))
        if crash:  # durable, and nobody was told
            self.kill_core()
            return
        if meanwhile:  # while it was being made durable
            for index in (0, 1):
                self.report(index)
                self.deliver_to_core(index)
        for life in changed:
            message = self.lending.tell(life, self.now - self.behind)
            for edge in self.edges:
                if edge.linked and edge.index == lives[life]:
                    edge.to_edge.append(message)
            self.told = message

    # The wires

    def unlink(self, edge: Edge) -> None:
        edge.linked = False
        edge.to_core.clear()
        edge.to_edge.clear()

    @precondition(lambda self: self.core_up)
    @rule(index=st.integers(0, 1))
    def link(self, index: int) -> None:
        edge = self.current[index]
        if edge is not None and not edge.linked:
            edge.linked = True
            edge.to_core.append(edge.allowance.spending([DESTINATION]))

    @rule(index=st.integers(0, 1))
    def cut(self, index: int) -> None:
        edge = self.current[index]
        if edge is not None:
            self.unlink(edge)
            if self.core_up:
                self.lending.silent(edge.life)

    @rule(index=st.integers(0, 1))
    def deliver_to_edge(self, index: int) -> None:
        edge = self.current[index]
        if edge is not None and edge.to_edge:
            message = edge.to_edge.popleft()
            if edge.allowance.take(message):
                edge.to_core.append(self.say(edge))

    @precondition(lambda self: self.core_up)
    @rule(index=st.integers(0, 1))
    def deliver_to_core(self, index: int) -> None:
        edge = self.current[index]
        if edge is not None and edge.to_core:
            self.lending.take(edge.index, edge.to_core.popleft())

    def say(self, edge: Edge) -> Spending:
        settled = (1, len(edge.journal)) if not edge.pending else (0, 0)
        return edge.allowance.spending([DESTINATION], settled)

    @rule(index=st.integers(0, 1))
    def report(self, index: int) -> None:
        edge = self.current[index]
        if edge is not None and edge.linked:
            edge.to_core.append(self.say(edge))

    # The edges

    def start_edge(self, index: int) -> None:
        self.lives += 1
        edge = Edge(self.lives, index)
        self.edges.append(edge)
        self.current[index] = edge

    @rule(index=st.integers(0, 1))
    def kill_edge(self, index: int) -> None:
        edge = self.current[index]
        if edge is not None:
            edge.alive = False
            edge.pending.clear()  # never answered, never recorded
            self.unlink(edge)
            self.current[index] = None

    @rule(index=st.integers(0, 1))
    def restart_edge(self, index: int) -> None:
        if self.current[index] is None:
            self.start_edge(index)
            if self.core_up:
                self.link(index)

    @rule(index=st.integers(0, 1), clicks=st.integers(1, 12), commit=st.booleans())
    def click(self, index: int, clicks: int, commit: bool = False) -> None:
        edge = self.current[index]
        for _ in range(clicks):
            if edge is None:
                return
            if edge.allowance.left(DESTINATION) > 0:
                edge.sent[DESTINATION] += 1
                edge.pending.append(self.now)
            else:
                edge.allowance.refuse(DESTINATION)
        if commit:
            self.commit(index)

    @rule(index=st.integers(0, 1))
    def commit(self, index: int) -> None:
        edge = self.current[index]
        if edge is not None:
            edge.journal += edge.pending
            edge.pending.clear()

    @rule(index=st.integers(0, 1))
    def lose(self, index: int) -> None:
        """A full disk: what was sent is never recorded."""
        edge = self.current[index]
        if edge is not None:
            edge.pending.clear()

    @precondition(lambda self: self.core_up)
    @rule(index=st.integers(0, 1))
    def repeat(self, index: int) -> None:
        edge = self.current[index]
        if edge is not None and edge.life in self.lending.lives():
            self.lending.repeat(edge.life)

    @precondition(lambda self: not self.core_up)
    @rule()
    def set_the_clock_back(self) -> None:
        """Serials of the core before are ahead of this one's."""
        self.behind += HOUR

    @rule(seconds=st.sampled_from([1, 60, 1800, 3599, 3600, 86_400]))
    def wait(self, seconds: int) -> None:
        self.now += seconds * SECOND

    # What must hold

    def recorded(self) -> list[int]:
        return sorted(at for edge in self.edges for at in edge.journal)

    @invariant()
    def never_more_than_the_limit(self) -> None:
        if not hasattr(self, "cap"):
            return
        times = self.recorded()
        if self.cap.window_hours:
            window = self.cap.window_hours * HOUR
            for i, at in enumerate(times):
                within = sum(1 for other in times[i:] if other < at + window)
                assert within <= self.limit, (within, self.limit)
        else:
            days = Counter(at // (24 * HOUR) for at in times)
            assert all(count <= self.limit for count in days.values()), days

    def teardown(self) -> None:
        """Everything is up, everybody asks: now there are exactly as many as allowed, wherever they come."""
        if not hasattr(self, "cap"):
            return
        if not self.core_up:
            self.start_core()
        for index in (0, 1):
            if self.current[index] is None:
                self.start_edge(index)
        for turn in range(40):
            for life in self.lending.lives() if turn % 5 == 4 else ():
                if self.lending.unconfirmed(life):  # lost on the way, as the cap_poller finds it
                    self.lending.repeat(life)
            for index in self.demand:  # at one edge only, the other's budget must move
                self.click(index, 3)
            for index in (0, 1):
                self.commit(index)
                self.link(index)
                self.report(index)
                self.read_journal(index, 1_000)
                for _ in range(4):
                    self.deliver_to_core(index)
            self.lend()
            for index in (0, 1):
                for _ in range(4):
                    self.deliver_to_edge(index)
            self.never_more_than_the_limit()
        assert self.meter.used(self.now) == self.limit


Caps.TestCase.settings = settings(max_examples=80, stateful_step_count=50, deadline=None)
TestCaps = Caps.TestCase


def test_an_edge_alone_is_lent_all_and_a_second_one_gets_its_share() -> None:
    lending = Lending()
    lending.take(0, Spending(1, 0, {}, {}))
    assert lending.lend({5: lambda: 100}) == {1}
    assert lending.tell(1, 7) == Budgets(1, 7, {5: 100})
    lending.take(0, Spending(1, 7, {5: 100}, {5: 10}))
    lending.take(1, Spending(2, 0, {}, {}, hungry=(5,)))
    assert lending.lend({5: lambda: 100}) == {1}, "taken back first"
    taken_back = lending.tell(1, 8)
    assert taken_back.ceilings == {5: 55}
    assert lending.outstanding(5) == 100, "until it confirms"
    lending.take(0, Spending(1, 8, {5: 55}, {5: 10}))
    lending.recorded(1, 0, 5, 10)
    assert lending.lend({5: lambda: 90}) == {2}
    assert lending.tell(2, 9).ceilings == {5: 11} and lending.outstanding(5) == 45 + 11


def test_the_last_click_is_lent_although_both_edges_ask_for_it() -> None:
    lending = Lending()
    lending.take(0, Spending(1, 0, {}, {}, hungry=(5,)))
    lending.take(1, Spending(2, 0, {}, {}, hungry=(5,)))
    [lent] = lending.lend({5: lambda: 1})
    assert lending.tell(lent, 7).ceilings == {5: 1}
    assert not lending.lend({5: lambda: 1}), "it may be spent before it is asked for back"
    other = 3 - lent
    lending.take(lent - 1, Spending(lent, 7, {5: 1}, {}))
    assert lending.lend({5: lambda: 1}) == {lent}, "nobody came for it"
    lending.take(lent - 1, Spending(lent, lending.tell(lent, 8).serial, {5: 0}, {}))
    assert lending.lend({5: lambda: 1}) == {other} and lending.tell(other, 9).ceilings == {5: 1}


def test_what_an_edge_says_while_a_raised_ceiling_is_made_durable_does_not_free_it() -> None:
    lending = Lending()
    for life in (1, 2):
        lending.take(life - 1, Spending(life, 0, {}, {}, hungry=(5,)))
    [lent] = lending.lend({5: lambda: 1})
    lending.take(lent - 1, Spending(lent, 0, {}, {}, hungry=(5,)))
    assert lending.tell(lent, 7).ceilings == {5: 1} and lending.outstanding(5) == 1
    assert lending.lend({5: lambda: 1}) == set(), "the other one must wait"


def test_a_message_for_another_process_or_an_older_one_changes_nothing() -> None:
    allowance = Allowance(3, {5: 2})
    assert not allowance.take(Budgets(4, 10, {5: 100}))
    assert allowance.take(Budgets(3, 10, {5: 1})) and allowance.left(5) == 0
    assert allowance.ceilings == {5: 2}, "what was sent cannot be taken back"
    assert not allowance.take(Budgets(3, 10, {5: 100})) and not allowance.take(Budgets(3, 9, {5: 100}))
