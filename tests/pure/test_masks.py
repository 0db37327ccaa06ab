"""Masks: * is any run of characters, everything else itself."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.routing.masks import compile_mask

CASES = [
    ("*bot*", "Googlebot/2.1", True),
    ("*bot*", "bot", True),
    ("*bot*", "bo", False),
    ("a*", "a", True),
    ("a*", "ba", False),
    ("*z", "z", True),
    ("*z", "za", False),
    ("a*z", "az", True),
    ("a*z", "a", False),
    ("aa*aa", "aaa", False),
    ("aa*aa", "aaaa", True),
    ("a*b*c", "a--b--c", True),
    ("a*b*c", "a--c--b", False),
    ("*", "", True),
    ("**", "x", True),
    ("a?c.[x]", "a?c.[x]", True),
    ("a?c", "abc", False),
    ("*é*", "café!", True),
]


@pytest.mark.parametrize(("mask", "text", "fits"), CASES)
def test_a_mask_fits_as_the_table_says(mask, text, fits):
    assert compile_mask(mask)(text) is fits


@given(st.text("ab*", max_size=8), st.text("ab\n", max_size=10))
def test_a_mask_is_the_regular_expression_that_it_looks_like(mask, text):
    pattern = ".*".join(map(re.escape, mask.split("*")))
    assert compile_mask(mask)(text) is (re.fullmatch(pattern, text, re.DOTALL) is not None)


def test_no_mask_makes_a_text_be_looked_through_twice():
    fits = compile_mask("*a" * 500 + "*b*")
    began = time.process_time()
    for _ in range(20):
        assert fits("a" * 2_000) is False
    assert time.process_time() - began < 1.0
