"""Rules: the operator table of the seed (trackers.md §2.1) and beyond, each line a case."""

from __future__ import annotations

import re
from fractions import Fraction
from ipaddress import ip_address, ip_network
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.model.rules import Operator, Rule, Schedule, Window
from appliance.routing.rules import Look, Making, check_rule, compile_rule, compile_rules
from appliance.routing.visit import Visit


def asked(rule):
    """The rule's compiled test of one value of its parameter, None for a missing one."""
    making = Making()
    ask = compile_rule(rule, making)
    making.patterns.compile()

    def test(given):
        return ask(Look(Visit("c", "k", "", {} if given is None else {rule.param: given}), 0))

    return test


def ask(rule, visit, lists=None, now_us=0):
    """What the compiled rule says of a visit."""
    making = Making(lists)
    compiled = compile_rule(rule, making)
    making.patterns.compile()
    return compiled(Look(visit, now_us))


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
    ("gt", "1.5", "1_000", False),
    ("gt", "1.5", "\uff12\uff10", False),
    ("gt", "1.5", " +2e1 ", True),
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
    ("regex", "a.c", "xa\u00e9cx", True),
    ("mask", "*bot*", "Googlebot/2.1", True),
    ("mask", "*bot*", "Googleb", False),
    ("mask", "*bot*", None, False),
    ("mask", ("a*", "*z", "m*m*m"), "mmm", True),
    ("mask", ("a*", "*z", "m*m*m"), "mm", False),
    ("mask", "pub", "pub", True),
    ("mask", "pub?", "pubs", False),
    ("not_mask", "*bot*", "Chrome", True),
    ("not_mask", "*bot*", "bot", False),
    ("not_mask", "*bot*", None, True),
    ("cidr", ("10.0.0.0/8", "::1"), "10.9.9.9", True),
    ("cidr", ("10.0.0.0/8", "::1"), "0:0::1", True),
    ("cidr", ("10.0.0.0/8",), "11.0.0.1", False),
    ("cidr", ("10.0.0.1-10.0.0.9",), "10.0.0.9", True),
    ("cidr", ("10.0.0.0/8",), "no address", False),
    ("cidr", ("10.0.0.0/8",), None, False),
    ("not_cidr", ("10.0.0.0/8",), "11.0.0.1", True),
    ("not_cidr", ("10.0.0.0/8",), "10.0.0.1", False),
    ("not_cidr", ("10.0.0.0/8",), "no address", True),
    ("not_cidr", ("10.0.0.0/8",), None, True),
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
        *("mask", "not_mask", "cidr", "not_cidr"),
    }
    lists = {"in_list", "not_in_list"}  # test_rule_lists.py
    assert {case[0] for case in CASES} | lists == set(get_args(Operator))


@pytest.mark.parametrize(("operator", "value", "given_value", "matches"), CASES)
@pytest.mark.parametrize("kind", ["param", "fact", "header", "group"])
def test_an_operator_does_the_same_for_every_kind_and_its_negation_the_opposite(
    kind, operator, value, given_value, matches
):
    """A fact that is known to be absent ("") is missing."""
    if given_value == "":
        return
    for negate in (False, True):
        name = {"param": {"param": "p"}, "fact": {"fact": "country"}, "header": {"fact": "header.X-Y"}}
        rule = Rule(**name.get(kind, {"param": "p"}), operator=operator, value=value, negate=negate)
        if kind == "group":
            rule = Rule(all=(rule,))
        assert check_rule(rule, "r") == []
        visit = Visit("c", "k", "", {} if given_value is None else {"p": given_value})
        visit.facts = {"country": given_value or ""}
        visit.headers = {} if given_value is None else {b"x-y": given_value.encode()}
        assert ask(rule, visit) is (matches is not negate)


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
        (Rule(), "rules[0].param"),
        (Rule(param="p"), "rules[0].operator"),
        (Rule(param="p", fact="country", operator="eq", value="x"), "rules[0].fact"),
        (Rule(fact="no such", operator="eq", value="x"), "rules[0].fact"),
        (Rule(fact="header.", operator="exists"), "rules[0].fact"),
        (Rule(param="p", operator="mask", value=""), "rules[0].value[0]"),
        (Rule(param="p", operator="mask", value=()), "rules[0].value"),
        (Rule(param="p", operator="cidr", value="10.0.0.0/8"), "rules[0].value"),
        (Rule(param="p", operator="cidr", value=("10.0.0.0/8", "10.0.0.0/99")), "rules[0].value[1]"),
        (Rule(param="p", operator="in_list"), "rules[0].list_id"),
        (Rule(param="p", operator="in_list", list_id=1, value="x"), "rules[0].value"),
        (Rule(param="p", operator="eq", list_id=1, value="x"), "rules[0].list_id"),
        (Rule(all=(Rule(param="p", operator="exists"), Rule(param="p"))), "rules[0].all[1].operator"),
        (Rule(any=(Rule(all=(Rule(fact="ip", operator="gt", value="x"),)),)), "rules[0].any[0].all[0].value"),
        (Rule(any=(Rule(param="p", operator="exists"),), operator="eq"), "rules[0].operator"),
        (Rule(any=(Rule(param="p", operator="exists"),), param="p"), "rules[0].any"),
        (Rule(schedule=Schedule(timezone="Nowhere/Land")), "rules[0].schedule.timezone"),
        (Rule(schedule=Schedule(), list_id=3), "rules[0].list_id"),
    ],
)
def test_a_wrong_rule_is_refused_by_its_field(rule, path):
    assert path in [problem.path for problem in check_rule(rule, "rules[0]")]


def test_a_regex_that_backtracks_elsewhere_answers_at_once():
    test = asked(Rule(param="p", operator="regex", value="(a+)+$"))
    assert test("a" * 500 + "b") is False


@given(
    st.sampled_from([case[0] for case in CASES]), st.text(max_size=50), st.none() | st.text(max_size=3_000)
)
def test_whatever_passes_the_check_never_fails_on_a_visitor(operator, value, given_value):
    rule = Rule(param="p", operator=operator, value=(value,) if operator in ("in", "not_in") else value)
    if not check_rule(rule, "r"):
        assert asked(rule)(given_value) in (True, False)


def test_every_fault_of_every_nested_rule_is_told_at_once():
    bad = Rule(param="p", operator="gt", value="ten")
    rule = Rule(any=(bad, Rule(all=(bad, Rule()), list_id=1), Rule(param="p", operator="exists")))
    assert [problem.path for problem in check_rule(rule, "rules[4]")] == [
        "rules[4].any[0].value", "rules[4].any[1].list_id", "rules[4].any[1].all[0].value",
        "rules[4].any[1].all[1].param",
    ]  # fmt: skip


def test_groups_go_so_deep_and_no_deeper():
    rule = Rule(param="p", operator="exists")
    for _ in range(8):
        rule = Rule(all=(rule,))
    assert check_rule(rule, "r") == []
    assert [p.path for p in check_rule(Rule(any=(rule,)), "r")] == ["r.any[0]" + ".all[0]" * 7 + ".all"]


def visit_with(facts=None, **params):
    made = Visit("c", "k", "", params)
    made.facts = facts or {}
    return made


YES, NO = Rule(param="p", operator="eq", value="1"), Rule(param="p", operator="eq", value="2")
UNKNOWN = Rule(fact="city", operator="eq", value="Bonn")


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        (UNKNOWN, None),
        (Rule(fact="city", operator="eq", value="Bonn", negate=True), None),
        (Rule(fact="city", operator="neq", value="Bonn"), None),
        (Rule(fact="city", operator="not_exists"), None),
        (Rule(all=(YES, UNKNOWN)), None),
        (Rule(all=(NO, UNKNOWN)), False),
        (Rule(all=(UNKNOWN, NO)), False),
        (Rule(all=(UNKNOWN, NO), negate=True), True),
        (Rule(any=(YES, UNKNOWN)), True),
        (Rule(any=(UNKNOWN, YES)), True),
        (Rule(any=(NO, UNKNOWN)), None),
        (Rule(any=(NO, UNKNOWN), negate=True), None),
        (Rule(any=(UNKNOWN, YES), negate=True), False),
    ],
)
def test_what_cannot_be_known_neither_matches_nor_fails(rule, expected):
    assert ask(rule, visit_with(p="1")) is expected


def test_a_schedule_asks_the_clock_and_not_the_visitor():
    rule = Rule(schedule=Schedule(windows=(Window(begin="09:00", end="17:00"),)))
    noon, night = 12 * 3_600_000_000, 3 * 3_600_000_000
    assert ask(rule, visit_with(), now_us=noon) is True
    assert ask(rule, visit_with(), now_us=night) is False
    turned = Rule(schedule=rule.schedule, negate=True)
    assert ask(turned, visit_with(), now_us=night) is True


def naive(rule, visit):
    """The same, written the slow way round."""
    if rule.all or rule.any:
        found = [naive(member, visit) for member in rule.all or rule.any]
        decisive = not rule.all  # one True decides any, one False decides all
        held = decisive if decisive in found else None if None in found else not decisive
    else:
        if rule.param:
            given = visit.params.get(rule.param)
        else:
            given = visit.facts.get(rule.fact)
            if given is None:
                return None
            given = given or None
        held = naive_test(rule.operator, rule.value, given)
    return held if held is None or not rule.negate else not held


def naive_test(operator, value, given):
    negated = {"neq": "eq", "not_in": "in", "not_contains": "contains", "not_exists": "exists",
               "not_mask": "mask", "not_cidr": "cidr"}  # fmt: skip
    if operator in negated:
        return not naive_test(negated[operator], value, given)
    if given is None:
        return False
    match operator:
        case "exists":
            return True
        case "eq":
            return given == value
        case "in":
            return given in list(value)
        case "contains":
            return given.find(value) >= 0
        case "starts_with":
            return given[: len(value)] == value
        case "ends_with":
            return len(given) >= len(value) and given[len(given) - len(value) :] == value
        case "mask":
            masks = [value] if isinstance(value, str) else value
            return any(
                re.fullmatch(".*".join(map(re.escape, mask.split("*"))), given, re.DOTALL) for mask in masks
            )
        case "cidr":
            try:
                address = ip_address(given)
            except ValueError:
                return False
            return any(address in ip_network(network) for network in value)
        case "regex":
            return re.search(value, given) is not None
    try:
        number, limit = Fraction(given), Fraction(value)
    except ValueError:
        return False
    return {"gt": number > limit, "gte": number >= limit, "lt": number < limit, "lte": number <= limit}[
        operator
    ]


TEXTS = st.sampled_from(["", "1", "2", "10", "-3.5", "ab", "abc", "bca", "10.0.0.1", "::1", "x*y"])
NAMES = st.sampled_from(["p", "q"])
FACTS = st.sampled_from(["country", "city"])
NUMBERS = st.sampled_from(["0", "2", "9.5", "-3.5"])
SOME = TEXTS.filter(bool)
VALUES = {
    "exists": st.just(""), "not_exists": st.just(""),
    "in": st.tuples(TEXTS, TEXTS), "not_in": st.tuples(TEXTS),
    "mask": st.sampled_from(["a*", "*c", "*b*", "a*c", "1"]) | st.tuples(st.sampled_from(["*0*", "b*", "*"])),
    "not_mask": st.sampled_from(["a*", "*", "*b*"]),
    "cidr": st.sampled_from([("10.0.0.0/8",), ("::/64", "1.1.1.1")]), "not_cidr": st.just(("10.0.0.0/24",)),
    "regex": st.sampled_from(["^a", "b", "[0-9]+$", "a.c|2"]),
    **dict.fromkeys(["gt", "gte", "lt", "lte"], NUMBERS),
    **dict.fromkeys(["contains", "not_contains", "starts_with", "ends_with"], SOME),
    **dict.fromkeys(["eq", "neq"], TEXTS),
}  # fmt: skip


@st.composite
def single_rules(draw):
    operator = draw(st.sampled_from(sorted(VALUES)))
    about = {"param": draw(NAMES)} if draw(st.booleans()) else {"fact": draw(FACTS)}
    return Rule(**about, operator=operator, value=draw(VALUES[operator]), negate=draw(st.booleans()))


def groups(members):
    several = st.lists(members, min_size=1, max_size=4).map(tuple)
    return st.builds(
        lambda rules, turned: Rule(all=rules, negate=turned), several, st.booleans()
    ) | st.builds(lambda rules, turned: Rule(any=rules, negate=turned), several, st.booleans())


RULES = st.recursive(single_rules(), groups, max_leaves=12)


@settings(max_examples=400)
@given(st.lists(RULES, min_size=1, max_size=4), st.data())
def test_compiled_rules_say_what_a_naive_evaluator_says(rules, data):
    assert [problem for rule in rules for problem in check_rule(rule, "r")] == []
    making = Making()
    compiled = compile_rules(rules, making)
    making.patterns.compile()
    for _ in range(3):
        visit = visit_with(
            data.draw(st.dictionaries(FACTS, TEXTS)), **data.draw(st.dictionaries(NAMES, TEXTS))
        )
        look = Look(visit, 0)
        for rule, (name, test) in zip(rules, compiled, strict=True):
            assert (name is not None) == bool(rule.param)
            held = test(visit.params.get(name)) if name is not None else test(look)
            assert held is naive(rule, visit), rule
