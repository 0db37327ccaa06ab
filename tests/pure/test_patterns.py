"""A campaign's regular expressions in one Set: each as if it were searched for alone."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.errors import Refused
from appliance.routing.patterns import Patterns, fault_of

PATTERNS = ["^a", "b$", "a.*b", "[0-9]+", "é", "(a|b)+c", "x?", "^$", "(?i)ABC", "a{2,3}"]


@given(st.lists(st.sampled_from(PATTERNS), min_size=1), st.lists(st.text("abcABC019é\n", max_size=12)))
def test_each_pattern_is_found_as_if_alone(chosen, texts):
    patterns = Patterns()
    tests = [patterns.add(pattern) for pattern in chosen]
    patterns.compile()
    for text in texts:
        expected = [re.search(pattern.replace("$", r"\Z"), text) is not None for pattern in chosen]
        assert [test(text) for test in tests] == expected
        assert [test(None) for test in tests] == [False] * len(tests)


def test_what_does_not_fit_into_the_set_is_found_all_the_same():
    """Far beyond the memory of one Set, which would then find nothing, or not compile."""
    patterns = Patterns()
    tests = [patterns.add(f"x{number}(ab{{20}}c){{10}}z") for number in range(100)]
    patterns.compile()
    text = "x77" + ("a" + "b" * 20 + "c") * 10 + "z"
    assert [number for number, test in enumerate(tests) if test(text)] == [77]
    assert [number for number, test in enumerate(tests) if test(text.replace("x77", "x3"))] == [3]


def test_a_text_is_looked_at_to_its_512th_byte():
    patterns = Patterns()
    end = patterns.add("end")
    patterns.compile()
    assert end("x" * 509 + "end") is True
    assert end("x" * 510 + "end") is False


def test_what_is_no_pattern_is_told_and_refused():
    assert fault_of("a(b") != "" and fault_of("ab") == ""
    with pytest.raises(Refused):
        Patterns().add("a(b")


def test_states_that_explode_elsewhere_do_not_here():
    patterns = Patterns()
    tests = [patterns.add(p) for p in ("(a|b)*a(a|b){14}c", "(x+x+)+y", "(a+)+$")]
    patterns.compile()
    text = "ba" * 250
    assert [test(text + "c") for test in tests] == [True, False, False]
    assert [test(text) for test in tests] == [False, False, True]
    assert [test("a" * 30 + "ab" + "a" * 14) for test in tests] == [False, False, True]
