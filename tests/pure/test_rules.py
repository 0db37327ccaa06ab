"""Rules: the operator table of the seed (trackers.md §2.1), each line a case."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.model.rules import Rule
from appliance.routing.rules import Look, Making, check_rule, compile_rule
from appliance.routing.visit import Visit



def asked(rule):
    """The rule's compiled test of one value of its parameter, None for a missing one."""
    making = Making()
    ask = compile_rule(rule, making)
    making.patterns.compile()

    def test(given):
        return ask(Look(Visit("c", "k", "", {} if given is None else {rule.param: given}), 0))

    return test


CASES = [
    # operator, value, given, matches
    ("eq", "US", "US", True),
    ("eq", "US", "us", False),
    ("eq", "", "", True),
    ("eq", "US", None, False),
    ("neq", "US", "DE", True),
    ("neq", "US", "US", False),
    ("neq", "US", None, True),
    ("in", ("a", "b"), "b", True),
    ("in", ("a", "b"), "c", False),
    ("in", ("a", "b"), None, False),
    ("not_in", ("a", "b"), "c", True),
    ("not_in", ("a", "b"), "a", False),
    ("not_in", ("a", "b"), None, True),
    ("contains", "ell", "hello", True),
    ("contains", "ell", "heLlo", False),
    ("contains", "ell", None, False),
    ("not_contains", "ell", "world", True),
    ("not_contains", "ell", "hello", False),
    ("not_contains", "ell", None, True),
    ("starts_with", "he", "hello", True),
    ("starts_with", "he", "ohe", False),
    ("starts_with", "he", None, False),
    ("ends_with", "lo", "hello", True),
    ("ends_with", "lo", "loh", False),
    ("ends_with", "lo", None, False),
    ("gt", "1.5", "1.50001", True),
    ("gt", "1.5", "1.5", False),
    ("gt", "1.5", "abc", False),
    ("gt", "1.5", "NaN", False),
    ("gt", "1.5", "Infinity", False),
    ("gt", "1.5", None, False),
    ("gte", "1.5", "1.50", True),
    ("gte", "1.5", "1.49", False),
    ("lt", "10", "9", True),
    ("lt", "10", "-1", True),
    ("lt", "10", "10", False),
    ("lt", "10", "9" * 41, False),
    ("lte", "10", "10.0", True),
    ("lte", "10", "10.1", False),
    ("exists", "", "", True),
    ("exists", "", None, False),
    ("not_exists", "", None, True),
    ("not_exists", "", "x", False),
    ("regex", "^pub-[0-9]+$", "pub-77", True),
    ("regex", "^pub-[0-9]+$", "pub-77x", False),
    ("regex", "é", "café", True),
    ("regex", "a", None, False),
]


@pytest.mark.parametrize(("operator", "value", "given_value", "matches"), CASES)
def test_an_operator_does_what_the_table_says(operator, value, given_value, matches):
    rule = Rule(param="p", operator=operator, value=value)
    assert check_rule(rule, "rules[0]") == []
    assert asked(rule)(given_value) is matches


def test_every_operator_of_the_seed_stands_in_the_table():
    assert {case[0] for case in CASES} == {
        *("eq", "neq", "in", "not_in", "contains", "not_contains", "starts_with", "ends_with"),
        *("gt", "gte", "lt", "lte", "exists", "not_exists", "regex"),
    }


@pytest.mark.parametrize(
    ("rule", "path"),
    [
        (Rule(param="", operator="eq", value="x"), "rules[0].param"),
        (Rule(param="p", operator="in", value="x"), "rules[0].value"),
        (Rule(param="p", operator="in", value=()), "rules[0].value"),
        (Rule(param="p", operator="in", value=("x",) * 10_001), "rules[0].value"),
        (Rule(param="p", operator="eq", value=("x",)), "rules[0].value"),
        (Rule(param="p", operator="gt", value="ten"), "rules[0].value"),
        (Rule(param="p", operator="gt", value="NaN"), "rules[0].value"),
        (Rule(param="p", operator="exists", value="x"), "rules[0].value"),
        (Rule(param="p", operator="contains", value=""), "rules[0].value"),
        (Rule(param="p", operator="regex", value="(unclosed"), "rules[0].value"),
        (Rule(param="p", operator="regex", value="(?<=look)behind"), "rules[0].value"),
        (Rule(param="p", operator="regex", value="(a{1000}){1000}"), "rules[0].value"),
    ],
)
def test_a_wrong_rule_is_refused_by_its_field(rule, path):
    assert path in [problem.path for problem in check_rule(rule, "rules[0]")]


def test_a_regex_that_backtracks_elsewhere_answers_at_once():
    test = asked(Rule(param="p", operator="regex", value="(a+)+$"))
    assert test("a" * 2_000 + "b") is False


@given(
    st.sampled_from([case[0] for case in CASES]), st.text(max_size=50), st.none() | st.text(max_size=3_000)
)
def test_whatever_passes_the_check_never_fails_on_a_visitor(operator, value, given_value):
    rule = Rule(param="p", operator=operator, value=(value,) if operator in ("in", "not_in") else value)
    if not check_rule(rule, "r"):
        assert asked(rule)(given_value) in (True, False)
