"""Which destination a click gets: strategies, the unique policy against a naive model, sticky visitors."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.model.rules import Distribution, Rule, Uniqueness, UniquePolicy
from appliance.routing.decide import decide
from appliance.routing.decision import Decision
from appliance.routing.draws import DRAW_BITS
from appliance.routing.lessons import CLICK, CONVERTED, SHOWN, Lesson
from appliance.routing.policy import USER_KEYS
from appliance.routing.state import State
from appliance.routing.unique import unique_facts, unique_lessons
from appliance.routing.visit import Visit, read_query
from tests.pure.test_decide import stream, table, visit

HOUR = 3_600_000_000
EQUAL = [(1, 100), (2, 100), (3, 100)]
draws = st.integers(0, (1 << DRAW_BITS) - 1)


class Remembered:
    """A naive memory: every lesson with its time, in a list."""

    def __init__(self) -> None:
        self.lessons: list[tuple[Lesson, int]] = []
        self.turns: dict[int, int] = {}

    def learn(self, lessons: Sequence[Lesson], at_us: int) -> tuple[tuple[bytes, int], ...]:
        self.lessons += [(lesson, at_us) for lesson in lessons]
        return ()

    def turned(self, stream_id: int) -> None:
        self.turns[stream_id] = self.turns.get(stream_id, 0) + 1

    def shown(self, stream_id: int, key: str, since_us: int) -> Collection[int]:
        return {
            lesson.value
            for lesson, at in self.lessons
            if lesson[:3] == (SHOWN, stream_id, key) and at > since_us
        }

    def converted(self, key: str) -> Collection[int]:
        return {lesson.value for lesson, _ in self.lessons if lesson[:3] == (CONVERTED, 0, key)}

    def seen(self, kind: int, scope: int, key: str, since_us: int) -> bool:
        return any(lesson[:3] == (kind, scope, key) and at > since_us for lesson, at in self.lessons)


class Edge:
    """Decides clicks one after the other and puts what they change to use, as the router does."""

    def __init__(self, made, availability=None, weights=None) -> None:
        self.table = made
        self.memory = Remembered()
        self.state = State(availability, self.memory, self.memory.turns, weights)

    def click(self, query: str = "", draw: int = 0, now_us: int = HOUR, **fields) -> Decision:
        campaign, _ = self.table.campaign("c", "shoes")
        came = visit(query)
        for name, value in fields.items():
            setattr(came, name, value)
        if campaign.uniqueness is not None:
            came.facts = unique_facts(campaign, came, self.memory, now_us)
        decision = decide(self.table, campaign, came, self.state, draw, now_us)
        if decision.turned:
            self.memory.turned(decision.turned)
        self.memory.learn((*decision.lessons, *unique_lessons(campaign, came, decision)), now_us)
        return decision


def verdicts(decision: Decision) -> dict[int, str]:
    return {number: word for number, word, _ in decision.inputs.destinations}


# -- strategies


def by(strategy: str, targets=EQUAL, **more) -> Edge:
    distribution = Distribution(strategy=strategy, **more)
    return Edge(table([stream(1, targets=targets, distribution=distribution)], destinations=8))


@given(
    k=st.integers(1, 8),
    length=st.integers(1, 60),
    closed=st.sets(st.integers(1, 8), max_size=7),
    drawn=st.lists(draws, min_size=60, max_size=60),
    start=st.integers(0, 1_000),
)
def test_any_run_of_a_round_robin_gives_each_open_destination_its_exact_share(
    k, length, closed, drawn, start
):
    edge = by("round_robin", [(n, 1 + n * 7) for n in range(1, k + 1)])
    open_to = set(range(1, k + 1)) - closed
    if not open_to:
        return
    edge.state.availability = dict.fromkeys(closed, "cap")
    edge.memory.turns[1] = start
    went = [edge.click(draw=draw).destination_id for draw in drawn[:length]]
    for begin in range(length):
        for end in range(begin + 1, length + 1):
            counts = Counter(went[begin:end])
            assert {counts[n] for n in open_to} <= {
                (end - begin) // len(open_to),
                -(-(end - begin) // len(open_to)),
            }
    assert set(went) <= open_to


def test_a_preview_takes_no_turn_and_teaches_nothing():
    edge = by("round_robin")
    assert [edge.click(flags=("head",)).destination_id for _ in range(3)] == [1, 1, 1]
    assert [edge.click().destination_id for _ in range(4)] == [1, 2, 3, 1]
    assert edge.click().inputs.turn == 4


def test_a_waterfall_takes_the_first_that_is_open():
    edge = by("waterfall", [(3, 1), (1, 0), (2, 100)])
    assert edge.click(draw=(1 << DRAW_BITS) - 1).destination_id == 3
    edge.state.availability = {3: "cap"}
    assert edge.click().destination_id == 2  # 1 has no weight: it is switched off
    assert verdicts(edge.click()) == {3: "cap", 1: "no_weight", 2: "chosen"}


@settings(deadline=None, max_examples=30)
@given(weights=st.lists(st.integers(0, 50), min_size=3, max_size=3).filter(any), seed=st.integers(0, 1 << 20))
def test_adaptive_shares_converge_to_the_core_s_weights(weights, seed):
    edge = by("adaptive")
    given_ = dict(zip((1, 2, 3), weights, strict=True))
    edge.state.weights = {1: given_}
    n = 600
    step = (1 << DRAW_BITS) // n
    went = Counter(edge.click(draw=i * step + seed).destination_id for i in range(n))
    for number, weight in given_.items():
        assert abs(went[number] - n * weight / sum(weights)) <= 2
    assert edge.click().inputs.weights == tuple(weights)


def test_random_draws_keep_within_the_binomial_bound():
    edge = by("adaptive")
    edge.state.weights = {1: {1: 10, 2: 30, 3: 60}}
    n, draw = 4_000, 12345
    went: Counter[int] = Counter()
    for _ in range(n):
        draw = (draw * 6364136223846793005 + 1442695040888963407) % (1 << 64)
        went[edge.click(draw=draw >> 11).destination_id] += 1
    for number, share in ((1, 0.1), (2, 0.3), (3, 0.6)):
        assert abs(went[number] - n * share) < 5 * math.sqrt(n * share * (1 - share))


def test_adaptive_goes_by_the_catalog_s_weights_until_the_core_says_more():
    edge = by("adaptive", [(1, 1), (2, 99)])
    late = (1 << DRAW_BITS) // 50
    assert edge.click(draw=0).destination_id == 1 and edge.click(draw=late).destination_id == 2
    assert edge.click().inputs.weights == ()
    edge.state.weights = {1: {1: 500, 2: 0}}
    edge.state.availability = {1: "cap"}
    assert edge.click().destination_id == 2  # the only one left has no share: better than nobody


def test_best_roi_takes_the_highest_rank_once_all_are_ranked():
    edge = by("best_roi", fallback="waterfall")
    assert edge.click().destination_id == 1 and edge.click().inputs.weights == ()
    edge.state.weights = {1: {1: 1, 2: 3, 3: 2}}
    assert edge.click().destination_id == 2 and edge.click().inputs.weights == (1, 3, 2)
    edge.state.availability = {2: "cap"}
    assert edge.click().destination_id == 3
    edge.state.weights = {1: {2: 3, 3: 2}}  # 1 has too few clicks yet
    assert edge.click().destination_id == 1
    edge.state.availability = {1: "cap"}
    assert edge.click().destination_id == 2  # who is closed keeps nobody waiting


def test_best_roi_falls_back_to_the_strategy_it_names():
    edge = by("best_roi", fallback="round_robin")
    assert [edge.click().destination_id for _ in range(4)] == [1, 2, 3, 1]
    assert by("best_roi", fallback="weighted").click(draw=(1 << DRAW_BITS) - 1).destination_id == 3


# -- the unique policy


def unique(mode="allow_repeat", targets=EQUAL, strategy="weighted", **more) -> Edge:
    policy = UniquePolicy(user_key="sub1", exhausted_mode=mode, history_window_hours=24, **more)
    distribution = Distribution(strategy=strategy)
    made = [stream(1, targets=targets, unique_policy=policy, distribution=distribution)]
    return Edge(table(made, destinations=8))


@given(
    clicks=st.lists(
        st.tuples(st.sampled_from("abc"), st.integers(0, 30 * HOUR), draws, st.sets(st.integers(1, 3))),
        max_size=40,
    ),
    mode=st.sampled_from(["allow_repeat", "no_destination"]),
    strategy=st.sampled_from(["weighted", "waterfall", "round_robin"]),
)
def test_nobody_gets_a_destination_again_while_another_is_open(clicks, mode, strategy):
    edge, now = unique(mode, strategy=strategy), 0
    history: list[tuple[str, int, int]] = []
    for user, wait, draw, closed in clicks:
        now += wait
        edge.state.availability = dict.fromkeys(closed, "cap")
        open_to = {1, 2, 3} - closed
        shown = {d for u, d, at in history if u == user and at > now - 24 * HOUR}
        decision = edge.click(f"sub1={user}", draw, now)
        allowed = open_to - shown or (open_to if mode == "allow_repeat" else set())
        if not allowed:
            assert decision.kind != "destination"
            assert set(verdicts(decision).values()) <= {"cap", "repeat"}
            continue
        assert decision.destination_id in allowed
        history.append((user, decision.destination_id, now))
        words = verdicts(decision)
        again = decision.destination_id in shown
        assert words.pop(decision.destination_id) == ("repeated" if again else "chosen")
        for number, word in words.items():
            assert word == ("cap" if number in closed else "repeat" if number in shown else "open")


QUERY = {"source_click_id": "clickid", "query.NAME": "NAME"}


@pytest.mark.parametrize("name", USER_KEYS)
def test_every_user_key_tells_visitors_apart(name):
    policy = UniquePolicy(user_key=name, exhausted_mode="no_destination")
    edge = Edge(table([stream(1, targets=[(1, 1)], unique_policy=policy)]))

    def came(value: str) -> str:
        if name in ("user_agent", "address", "visitor"):
            return edge.click(**{name: value}).kind
        return edge.click(f"{QUERY.get(name, name)}={value}").kind

    assert came("one") == "destination" and came("two") == "destination"
    assert came("one") == "reply" and came("two") == "reply"


def test_a_visitor_who_cannot_be_told_is_never_a_repeat():
    edge = unique("no_destination", [(1, 1)])
    assert [edge.click().kind for _ in range(3)] == ["destination"] * 3 and not edge.memory.lessons


def test_what_he_converted_on_is_never_shown_again_whatever_the_mode():
    edge = unique("allow_repeat", [(1, 1), (2, 1)], "waterfall", skip_converted=True)
    first = edge.click("sub1=a")
    assert [lesson.kind for lesson in first.lessons] == [SHOWN, CLICK]
    assert first.lessons[1].click_id == "CLICK"
    edge.memory.learn([Lesson(CONVERTED, 0, "sub1=a", 1)], HOUR)
    assert verdicts(edge.click("sub1=a")) == {1: "converted", 2: "chosen"}
    assert verdicts(edge.click("sub1=a")) == {1: "converted", 2: "repeated"}
    assert edge.click("sub1=b").destination_id == 1
    edge.memory.learn([Lesson(CONVERTED, 0, "sub1=a", 2)], HOUR)
    assert edge.click("sub1=a").reason == "no_destination_available"


# -- sticky visitors


def sticky(what: str, rotation: str = "position") -> Edge:
    streams = [
        stream(1, [Rule(param="vip", operator="exists")], [(1, 1)], kind="forced"),
        stream(2, [], [(1, 1), (2, 1)], distribution=Distribution(strategy="round_robin")),
        stream(3, [Rule(param="geo", operator="eq", value="DE")], [(3, 1)]),
    ]
    return Edge(table(streams, sticky=what, rotation=rotation))


def test_a_visitor_keeps_his_destination_while_it_is_open():
    edge = sticky("destination")
    first = edge.click()
    assert (first.destination_id, first.sticks) == (1, "2.1")
    again = edge.click(sticky="2.2")
    assert (again.destination_id, again.sticks, again.inputs.cookie) == (2, "", "2.2")
    assert verdicts(again) == {1: "open", 2: "sticky"}
    edge.state.availability = {2: "cap"}
    moved = edge.click(sticky="2.2")
    assert (moved.destination_id, moved.sticks) == (1, "2.1")


@pytest.mark.parametrize("rotation", ["position", "weight"])
def test_a_visitor_keeps_his_stream_while_its_rules_match(rotation):
    edge = sticky("stream", rotation)
    assert edge.click("geo=DE", sticky="3").stream_id == 3
    assert edge.click("geo=DE", sticky="3").sticks == ""
    gone = edge.click("geo=US", sticky="3")
    assert gone.stream_id == 2 and gone.sticks == "2"
    assert edge.click("geo=DE&vip=1", sticky="3").stream_id == 1  # the forced ones come first
    assert edge.click(sticky="99").stream_id == 2  # whatever a cookie may say


def test_a_sticky_visitor_is_not_shown_what_the_policy_keeps_from_him():
    policy = UniquePolicy(user_key="sub1")
    edge = Edge(table([stream(1, targets=EQUAL, unique_policy=policy)], sticky="destination"))
    first = edge.click("sub1=a").destination_id
    assert edge.click("sub1=a", sticky=f"1.{first}").destination_id != first


# -- uniqueness


def test_a_visitor_is_new_to_a_campaign_and_to_each_stream_once_per_window():
    new = [Rule(fact="unique_stream", operator="eq", value="1")]
    first = [Rule(fact="unique_campaign", operator="eq", value="1"), Rule(param="x", operator="exists")]
    made = table(
        [stream(1, first, [(1, 1)]), stream(2, new, [(2, 1)]), stream(3, [], [(3, 1)])],
        uniqueness=Uniqueness(by="address", window_hours=2),
    )
    edge = Edge(made)

    def came(query: str = "", hour: float = 1, address: str = "192.0.2.1") -> int:
        return edge.click(query, now_us=int(hour * HOUR), address=address).stream_id

    assert came("x=1") == 1
    assert came("x=1") == 2  # not new to the campaign, but to stream 2
    assert came("x=1") == 3
    assert came("x=1", address="192.0.2.2") == 1
    assert came("x=1", hour=2.9) == 3
    assert came("x=1", hour=5) == 1  # two hours of silence
    assert came("x=1", address="") == 3  # who cannot be told is unknown: neither new nor known


def test_uniqueness_is_looked_up_where_a_rule_asks_or_for_every_click():
    assert Edge(table([stream(1)])).click().inputs.facts == {}
    edge = Edge(table([stream(1)], uniqueness=Uniqueness(by="address_agent", every_click=True)))
    assert edge.click(address="192.0.2.1").inputs.facts == {"unique_campaign": "1", "unique_stream.1": "1"}
    assert edge.click(address="192.0.2.1").inputs.facts == {"unique_campaign": "0", "unique_stream.1": "0"}
    assert edge.click(address="192.0.2.1", user_agent="x").inputs.facts["unique_campaign"] == "1"


def test_a_rule_in_a_group_asks_about_its_own_stream():
    group = Rule(any=(Rule(fact="unique_stream", operator="eq", value="1"),), negate=True)
    edge = Edge(table([stream(1, [group]), stream(2)], uniqueness=Uniqueness(by="address")))
    assert edge.click(address="192.0.2.1").stream_id == 2
    assert edge.click(address="192.0.2.1").stream_id == 2  # he never came to stream 1


def test_a_preview_makes_nobody_known():
    edge = Edge(table([stream(1)], uniqueness=Uniqueness(every_click=True)))
    edge.click(address="192.0.2.1", flags=("prefetch",))
    assert edge.click(address="192.0.2.1").inputs.facts["unique_campaign"] == "1"


def test_a_plain_stream_consumes_nothing_but_its_draw():
    decision = Edge(table([stream(1, targets=EQUAL)])).click()
    inputs = decision.inputs
    assert (inputs.turn, inputs.weights, inputs.cookie) == (-1, (), "")
    assert decision.lessons == () and decision.turned == 0 and decision.sticks == ""


def test_a_visit_read_from_nothing_has_no_key():
    assert Visit("c", "x", "", read_query("")).visitor == ""
