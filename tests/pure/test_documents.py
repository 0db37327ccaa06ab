"""Objects and files as events' documents: arrays, lines, single ones, gzip."""

from __future__ import annotations

import gzip
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.errors import Refused
from appliance.partners import documents
from appliance.partners.documents import events_of, unpacked

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
EVENTS = st.lists(st.dictionaries(st.text(), VALUES, max_size=4), max_size=8)


@given(EVENTS, st.sampled_from([None, 1]), st.booleans())
def test_an_array_is_its_events(events, indent, packed):
    body = json.dumps(events, indent=indent).encode()
    found = events_of(unpacked(gzip.compress(body) if packed else body))
    assert [json.loads(each) for each in found] == events


@given(EVENTS, st.sampled_from([None, 1]), st.integers(1, 40))
def test_a_long_array_is_cut_where_it_may_be(events, indent, part):
    """Also where its texts look like the place between two events, and where events hold arrays."""
    events = [{"text": '"},{"a', "inner": [{"x": 1}, {"y": [{}, {}]}], **each} for each in events]
    body = json.dumps(events, indent=indent).encode()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(documents, "_PART", part)
        assert [json.loads(each) for each in events_of(body)] == events
        with pytest.raises(Refused):
            events_of(body[:-1])
        with pytest.raises(Refused):
            events_of(body + b",{}")


@given(EVENTS, st.sampled_from(["\n", "\r\n", "\n\n"]))
def test_lines_are_its_events(events, end):
    body = "".join(json.dumps(each) + end for each in events).encode()
    assert [json.loads(each) for each in events_of(body)] == events


@given(st.dictionaries(st.text(), VALUES, min_size=1))
def test_a_single_one_over_many_lines(event):
    [found] = events_of(json.dumps(event, indent=2).encode())
    assert json.loads(found) == event


@pytest.mark.parametrize(
    ("body", "lines"),
    [
        (b"", []),
        (b"\n\n", []),
        (b"[]", []),
        (b"\xef\xbb\xbf[{}]", [b"{}"]),
        (b"{}\nnot json\n{}", [b"{}", b"not json", b"{}"]),
        (b'{"a": 1', [b'{"a": 1']),
        (b'[1, "x"]', [b"1", b'"x"']),
    ],
)
def test_odd_bodies(body, lines):
    assert list(events_of(body)) == lines


@pytest.mark.parametrize("body", [b"[", b"[{]", b'[{"a": 1}', b"[1,]", b"[" * 200_000])
def test_an_array_that_is_none_is_refused(body):
    with pytest.raises(Refused):
        events_of(body)


def test_gzip_of_several_members():
    assert unpacked(gzip.compress(b"{}\n") + gzip.compress(b"[]")) == b"{}\n[]"


@pytest.mark.parametrize(
    "body",
    [
        gzip.compress(b"x" * 100, mtime=0)[:-5],
        b"\x1f\x8b",
        b"\x1f\x8bnonsense",
        gzip.compress(b"x", mtime=0) + b"more",
    ],
)
def test_gzip_that_is_broken_is_refused(body):
    with pytest.raises(Refused, match="gzip"):
        unpacked(body)


def test_a_bomb_is_refused_without_being_unpacked():
    bomb = gzip.compress(b"\0" * (64 << 20))
    with pytest.raises(Refused, match="larger than 1,000,000"):
        unpacked(bomb, 1_000_000)
    with pytest.raises(Refused, match="larger than 10 bytes"):
        unpacked(b"x" * 11, 10)
    assert unpacked(gzip.compress(b"x" * 10), 10) == b"x" * 10
