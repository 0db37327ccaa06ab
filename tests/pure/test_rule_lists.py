"""Rules that ask for a named list, and what is recorded of tests that no event could repeat."""

from __future__ import annotations

import pytest

from appliance.model.rules import Rule
from appliance.routing.lists import NOTHING
from appliance.routing.rules import Look, Making, OpenList, compile_rule, key_of
from appliance.routing.visit import Visit
from tests.pure.test_list_entries import made


def look_at(rule, visit, lists=None):
    making = Making(lists)
    compiled = compile_rule(rule, making)
    making.patterns.compile()
    look = Look(visit, 0)
    return compiled(look), look.tests


def visit_of(address="10.0.0.7", recorded=None, headers=None, facts=None, **params):
    made = Visit("c", "k", "", params)
    made.address, made.recorded = address, recorded
    made.headers, made.facts = headers or {}, facts or {}
    return made


def lists():
    return {
        1: OpenList("d1", made("text", "pub-1\npub-2").contents()),
        2: OpenList("d2", made("address", "10.0.0.0/24").contents()),
        3: OpenList("d3", made("mask", "*bot*").contents()),
        4: OpenList("", NOTHING),
        5: OpenList("d5", None),
    }


CASES = [
    # rule, visit, holds
    (Rule(param="p", operator="in_list", list_id=1), {"p": "pub-1"}, True),
    (Rule(param="p", operator="in_list", list_id=1), {"p": "pub-3"}, False),
    (Rule(param="p", operator="in_list", list_id=1), {}, False),
    (Rule(param="p", operator="not_in_list", list_id=1), {}, True),
    (Rule(param="p", operator="not_in_list", list_id=1), {"p": "pub-2"}, False),
    (Rule(param="p", operator="not_in_list", list_id=1, negate=True), {"p": "pub-2"}, True),
    (Rule(param="p", operator="in_list", list_id=3), {"p": "a bot!"}, True),
    (Rule(param="p", operator="in_list", list_id=4), {"p": "pub-1"}, False),
    (Rule(fact="ip", operator="in_list", list_id=2), {}, True),
    (Rule(fact="ip", operator="in_list", list_id=2), {"address": "10.0.1.0"}, False),
    (Rule(fact="ip", operator="not_in_list", list_id=2), {"address": "::1"}, True),
    (Rule(fact="city", operator="in_list", list_id=1), {}, None),
    (Rule(fact="city", operator="not_in_list", list_id=1), {}, None),
    (Rule(fact="city", operator="not_in_list", list_id=1), {"facts": {"city": ""}}, True),
    (Rule(param="p", operator="in_list", list_id=5), {"p": "x"}, None),
    (Rule(param="p", operator="not_in_list", list_id=5), {"p": "x"}, None),
    (Rule(param="p", operator="in_list", list_id=6), {"p": "x"}, None),
]


@pytest.mark.parametrize(("rule", "visit", "holds"), CASES)
def test_a_list_holds_as_the_table_says_and_its_test_is_recorded(rule, visit, holds):
    held, tests = look_at(rule, visit_of(**visit), lists())
    assert held is holds
    # Decided again, from the record, without the address, and when all lists' files are gone: the same.
    gone = {number: OpenList(each.digest, None) for number, each in lists().items()}
    given = {name: value for name, value in visit.items() if name != "address"}
    assert look_at(rule, visit_of("10.9.0.0", tests, **given), gone) == (held, tests)


@pytest.mark.parametrize(
    ("rule", "holds"),
    [
        (Rule(fact="ip", operator="eq", value="10.0.0.7"), True),
        (Rule(fact="ip", operator="cidr", value=("10.0.0.0/29",)), True),
        (Rule(fact="ip", operator="not_cidr", value=("10.0.0.0/29",)), False),
        (Rule(fact="ip", operator="cidr", value=("10.0.0.0/29",), negate=True), False),
        (Rule(fact="header.X-App", operator="contains", value="shop"), True),
        (Rule(fact="header.x-none", operator="exists"), False),
        (Rule(fact="header.x-app", operator="regex", value="^shop"), True),
    ],
)
def test_tests_of_what_no_event_keeps_are_recorded_and_repeated(rule, holds):
    held, tests = look_at(rule, visit_of(headers={b"x-app": b"shop/1"}))
    assert held is holds and len(tests) == 1
    assert look_at(rule, visit_of("10.0.0.0", tests)) == (held, tests)
    # What was not recorded cannot be known: neither the rule nor its negation.
    turned = Rule(**{f: getattr(rule, f) for f in rule.__struct_fields__} | {"negate": not rule.negate})
    assert look_at(rule, visit_of("10.0.0.0", {})) == look_at(turned, visit_of("10.0.0.0", {})) == (None, {})
    assert look_at(turned, visit_of("10.0.0.0", tests)) == (not held, tests)


def test_a_key_is_of_what_is_asked_and_stays():
    asked = Rule(fact="ip", operator="in_list", list_id=2)
    assert key_of(asked, "d2") == "23c3dcfc2338" and key_of(asked, "d3") != key_of(asked, "d2")
    assert key_of(Rule(fact="ip", operator="eq", value="::1")) == key_of(
        Rule(fact="ip", operator="eq", value="::1", negate=True)
    )


def test_a_list_that_could_not_be_read_then_is_unknown_also_when_it_can_be_now():
    rule = Rule(param="p", operator="in_list", list_id=1)
    _, tests = look_at(rule, visit_of(p="pub-1"), {1: OpenList("d1", None)})
    assert tests
    assert look_at(rule, visit_of(p="pub-1", recorded=tests), lists()) == (None, tests)


def test_another_state_of_the_list_is_asked_anew_where_the_record_has_the_value():
    rule = Rule(param="p", operator="in_list", list_id=1)
    _, tests = look_at(rule, visit_of(p="pub-9"), lists())
    draft = {1: OpenList("new", made("text", "pub-9").contents())}
    assert look_at(rule, visit_of(p="pub-9", recorded=tests), draft)[0] is True
    address = Rule(fact="ip", operator="in_list", list_id=2)
    _, tests = look_at(address, visit_of(), lists())
    assert look_at(address, visit_of("10.0.0.0", recorded=tests), draft)[0] is None
