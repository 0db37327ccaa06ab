"""The ring of pairs equals a naive model: a list in order of learning, cut at its length."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.routing.pairs import Pair, Pairs, pack, unpack

SAME_SLOT = 1 << 40
"""Hashes that differ only above the index's mask probe the same places."""

learned = st.tuples(
    st.integers(0, 6).map(lambda n: (n % 3) + (n // 3) * SAME_SLOT + ((n % 2) << 90)),
    st.integers(0, 3),
    st.integers(1, 40),
    st.booleans(),
)


class Naive:
    """Places in order of learning; a pair learned again leaves its place empty."""

    def __init__(self, capacity: int) -> None:
        self.places: list[tuple[int, int, int, bool] | None] = []
        self.capacity = capacity
        self.pushed_out = 0

    def learn(self, hash_: int, value: int, at_s: int, own: bool) -> bool:
        for number, pair in enumerate(self.places):
            if pair is not None and pair[:2] == (hash_, value):
                if pair[2] >= at_s:
                    return False
                self.places[number] = None
        self.places.append((hash_, value, at_s, own))
        old = len(self.places) - 1 - self.capacity
        if old >= 0 and self.places[old] is not None:
            self.places[old] = None
            self.pushed_out += 1
        return True

    def all(self) -> list[tuple[int, int, int, bool]]:
        return [pair for pair in self.places if pair is not None]


@settings(max_examples=400)
@given(capacity=st.integers(1, 9), lessons=st.lists(learned, max_size=60))
def test_it_keeps_what_a_naive_model_keeps_and_no_more_than_its_capacity(capacity, lessons):
    pairs, naive = Pairs(capacity), Naive(capacity)
    for lesson in lessons:
        assert pairs.learn(*lesson) == naive.learn(*lesson)
        assert pairs.live == len(naive.all()) <= capacity
    assert [tuple(pair) for pair in pairs] == naive.all()
    assert pairs.pushed_out == naive.pushed_out
    for hash_ in {lesson[0] for lesson in lessons} | {5 + SAME_SLOT}:
        held = sorted((value, at) for h, value, at, _ in naive.all() if h == hash_)
        assert sorted(pairs.find(hash_)) == held


@given(lessons=st.lists(learned, max_size=30), step=st.integers(1, 7))
def test_reading_on_from_a_number_brings_each_pair_once(lessons, step):
    pairs = Pairs(8)
    for lesson in lessons:
        pairs.learn(*lesson)
    found, number = [], 0
    while number < pairs.next:
        some, number = pairs.since(number, step)
        found += some
    assert found == list(pairs)


def test_own_pairs_since_a_time_begin_behind_the_last_older_own_one():
    pairs = Pairs(100)
    for second in range(1, 51):
        pairs.learn(second, 1, second, own=True)
        pairs.learn(second + 1000, 1, 1, own=False)  # told late: its time says nothing of the order
    found, _ = pairs.since(pairs.first_since(30), 1000)
    assert min(pair.at_s for pair in found if pair.own) == 30
    assert {pair.hash for pair in found if pair.own} == set(range(30, 51))


@given(capacity=st.integers(1, 9), lessons=st.lists(learned, max_size=40))
def test_loading_packed_pairs_is_learning_them(capacity, lessons):
    one, other = Pairs(capacity), Pairs(capacity)
    for lesson in lessons:
        one.learn(*lesson)
    packed = pack(Pair(*lesson) for lesson in lessons)
    assert list(unpack(packed)) == [Pair(*lesson) for lesson in lessons]
    other.load(packed)
    assert list(other) == list(one)
    assert (other.next, other.live, other.pushed_out) == (one.next, one.live, one.pushed_out)


@settings(max_examples=300)
@given(
    capacity=st.integers(1, 9),
    before=st.lists(learned, max_size=25),
    meanwhile=st.lists(learned, max_size=40),
    piece=st.integers(1, 40),
    most=st.integers(1, 9),
)
def test_an_image_is_the_memory_at_its_end_whatever_was_learned_while_it_was_made(
    capacity, before, meanwhile, piece, most
):
    pairs, image, rest = Pairs(capacity), bytearray(1_000), list(meanwhile)
    for lesson in before:
        pairs.learn(*lesson)

    def write(offset: int, data: bytes | memoryview) -> None:
        image[offset : offset + len(data)] = data
        if rest:
            pairs.learn(*rest.pop())

    for offset, view in pairs.begin_image():
        for at in range(0, len(view), piece):
            write(offset + at, bytes(view[at : at + piece]))
    while changes := pairs.changes(most):
        for change in changes:
            write(*change)
    extent = pairs.extent
    pairs.end_image()
    kept = list(pairs)
    for lesson in rest:  # behind the image
        pairs.learn(*lesson)

    read = Pairs(capacity)
    for offset, view in read.sections(extent.used):
        view[:] = image[offset : offset + len(view)]
    read.restore(extent)
    assert list(read) == kept and read.extent == extent
    for lesson in kept:
        assert (lesson.value, lesson.at_s) in read.find(lesson.hash)
    for lesson in rest:
        read.learn(*lesson)
    assert list(read) == list(pairs) and read.extent == pairs.extent


@settings(max_examples=300)
@given(
    old=st.integers(1, 9),
    new=st.integers(1, 9),
    before=st.lists(learned, max_size=25),
    meanwhile=st.lists(learned, max_size=25),
    step=st.integers(1, 5),
)
def test_a_ring_of_another_size_takes_over_what_it_holds_at_the_same_numbers(
    old, new, before, meanwhile, step
):
    pairs, fresh, number = Pairs(old), Pairs(new), 0
    for lesson in before:
        pairs.learn(*lesson)
    while (number := fresh.take_over(pairs, number, step)) < pairs.next:
        if meanwhile:
            pairs.learn(*meanwhile.pop())
    assert fresh.next == pairs.next
    newest = pairs.since(max(0, pairs.next - new), new)[0]
    held = {pair[:2]: pair.at_s for pair in fresh}
    assert len(held) == len(list(fresh)) == fresh.live <= new
    for pair in newest:  # a larger one keeps what the other had to let go meanwhile, and so what is later
        assert held[pair[:2]] >= pair.at_s
    for pair in fresh:
        assert (pair.value, pair.at_s) in fresh.find(pair.hash)
