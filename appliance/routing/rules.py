"""Rules: tests of a visit and groups of them, compiled once at publication.

A test of a query parameter knows yes and no. A fact may also be unknown, and then neither its test nor the
negation of it holds; a group is unknown when the unknown ones could decide it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec

from appliance.errors import FieldProblem
from appliance.model.rules import Rule
from appliance.routing import schedule
from appliance.routing.facts import DETECTED, UNRECORDED, Reader, reader
from appliance.routing.lists import Contents
from appliance.routing.operators import check_value, compile_value, inverted
from appliance.routing.patterns import Patterns, Test
from appliance.routing.visit import Visit

DEEPEST = 8
"""Groups within groups."""
LONGEST_NAME = 128
_IN_LIST = ("in_list", "not_in_list")
_UNKNOWN = "?"
"""Behind a recorded test's key: its list could not be read, so it was unknown."""


class OpenList(msgspec.Struct, frozen=True):
    """A named list for the rules that ask for it; `contents` None while its file cannot be read."""

    digest: str
    contents: Contents | None


class Look:
    """One visit as its campaign's rules look at it.

    `tests` collects what no event keeps (DecisionInputs.tests). `recorded` are those tests of a visit that
    was rebuilt from its record: what they do not name is unknown.
    """

    __slots__ = ("facts", "now_us", "params", "recorded", "tests", "visit")

    def __init__(self, visit: Visit, now_us: int) -> None:
        self.visit = visit
        self.params = visit.params
        self.facts = visit.facts
        self.now_us = now_us
        self.recorded: Mapping[str, bool] | None = visit.recorded
        self.tests: dict[str, bool] = {}


Ask = Callable[[Look], bool | None]
"""Whether a rule holds; None when that cannot be known."""

Compiled = tuple[str | None, Callable[[Any], bool | None]]
"""(parameter, Test of its value), or (None, Ask)."""


class Making:
    """What the rules of one campaign are compiled with. `patterns` has to be compiled when all are made."""

    def __init__(self, lists: Mapping[int, OpenList] | None = None) -> None:
        self.lists = lists if lists is not None else {}
        self.patterns = Patterns()


def check_rule(rule: Rule, path: str, depth: int = 0) -> list[FieldProblem]:
    """Every fault of a rule and of those in it, each with its path (`rules[2].any[0].value`)."""
    kinds = [name for name in ("param", "fact", "schedule", "all", "any") if getattr(rule, name)]
    if len(kinds) != 1:
        words = "one of param, fact, schedule, all and any"
        if kinds:
            return [FieldProblem(f"{path}.{kinds[1]}", f"a rule has {words}: this one has {kinds[0]} too")]
        return [FieldProblem(f"{path}.param", f"the name of a query parameter; a rule has {words}")]
    found: list[FieldProblem] = []
    if kinds[0] in ("all", "any"):
        found += _without_test(rule, path)
        if depth >= DEEPEST:
            return [*found, FieldProblem(f"{path}.{kinds[0]}", f"groups go {DEEPEST} deep")]
        for index, member in enumerate(getattr(rule, kinds[0])):
            found += check_rule(member, f"{path}.{kinds[0]}[{index}]", depth + 1)
        return found
    if rule.schedule is not None:
        return _without_test(rule, path) + schedule.check_schedule(rule.schedule, f"{path}.schedule")
    if rule.param and len(rule.param) > LONGEST_NAME:
        words = f"the name of a query parameter, 1 to {LONGEST_NAME} characters"
        found.append(FieldProblem(f"{path}.param", words))
    if rule.fact and (len(rule.fact) > LONGEST_NAME or reader(rule.fact) is None):
        words = "no such fact; header.NAME and query.NAME are some, docs/reference/facts.md lists the others"
        found.append(FieldProblem(f"{path}.fact", words))
    if not rule.operator:
        found.append(FieldProblem(f"{path}.operator", "how the value is compared: eq, in, regex, …"))
    elif rule.operator in _IN_LIST:
        if rule.list_id is None:
            found.append(FieldProblem(f"{path}.list_id", f"{rule.operator} takes a named list"))
        if rule.value not in ("", ()):
            found.append(FieldProblem(f"{path}.value", f"{rule.operator} takes a list_id, and no value"))
    else:
        if rule.list_id is not None:
            found.append(FieldProblem(f"{path}.list_id", f"{rule.operator} takes a value, and no list"))
        found += check_value(rule.operator, rule.value, f"{path}.value")
    return found


def _without_test(rule: Rule, path: str) -> list[FieldProblem]:
    """A group and a schedule compare nothing themselves."""
    nothing: Mapping[str, object] = {"operator": "", "value": "", "list_id": None}
    return [
        FieldProblem(f"{path}.{name}", "a group or a schedule has none")
        for name, empty in nothing.items()
        if getattr(rule, name) != empty
    ]


def rules_in(rules: Iterable[Rule]) -> int:
    """How many there are, groups and what is in them."""
    return sum(1 + rules_in(rule.all) + rules_in(rule.any) for rule in rules)


def lists_in(rules: Iterable[Rule]) -> set[int]:
    """The named lists that rules ask for, in groups too."""
    found: set[int] = set()
    for rule in rules:
        if rule.list_id is not None:
            found.add(rule.list_id)
        if rule.all or rule.any:
            found |= lists_in(rule.all) | lists_in(rule.any)
    return found


def compile_rules(rules: Iterable[Rule], making: Making) -> tuple[Compiled, ...]:
    """A campaign's rules, each as cheap as it can be. Raises Refused for what `check_rule` finds."""
    return tuple(
        (rule.param, _plain(rule, making)) if _is_plain(rule) else (None, compile_rule(rule, making))
        for rule in rules
    )


def compile_rule(rule: Rule, making: Making) -> Ask:
    """Any rule as a question to a Look."""
    if rule.all or rule.any:
        members = [compile_rule(member, making) for member in rule.all or rule.any]
        return _every(members, rule.negate) if rule.all else _some(members, rule.negate)
    if rule.schedule is not None:
        is_open, turned = schedule.compiled(rule.schedule), rule.negate
        return lambda look: is_open(look.now_us) is not turned
    if _is_plain(rule):
        name, test = rule.param, _plain(rule, making)
        return lambda look: test(look.params.get(name))
    read = _reader(rule)
    if rule.operator in _IN_LIST:
        return _listed(rule, read, making)
    test, turned = compile_value(rule.operator, rule.value, making.patterns), rule.negate
    if is_unrecorded(rule):
        return _unrecorded(key_of(rule), read, test, turned)

    if rule.fact in DETECTED:  # most rules: a call less
        return _detected(rule.fact, test, turned)

    def ask(look: Look) -> bool | None:
        given = read(look.visit)
        return None if given is None else test(given or None) is not turned

    return ask


def _detected(name: str, test: Test, turned: bool) -> Ask:
    def ask(look: Look) -> bool | None:
        given = look.facts.get(name)
        return None if given is None else test(given or None) is not turned

    return ask


def _is_plain(rule: Rule) -> bool:
    return bool(rule.param) and rule.operator not in _IN_LIST


def _plain(rule: Rule, making: Making) -> Test:
    return inverted(compile_value(rule.operator, rule.value, making.patterns), rule.negate)


def _reader(rule: Rule) -> Reader:
    if rule.param:
        name = rule.param
        return lambda visit: visit.params.get(name, "")
    found = reader(rule.fact)
    return found if found is not None else lambda visit: None  # a fact of a newer Weir cannot be known here


def is_unrecorded(rule: Rule) -> bool:
    """Whether a test looks at what no event keeps."""
    return any(
        rule.fact == name or (name.endswith(".") and rule.fact.startswith(name)) for name in UNRECORDED
    )


def key_of(rule: Rule, digest: str = "") -> str:
    """The name of a test in DecisionInputs.tests: of what it asks, whoever asks it, negated or not.

    `digest` is that of the list it asks for.
    """
    asked = msgspec.json.encode((rule.param, rule.fact, rule.operator, rule.value, rule.list_id, digest))
    return hashlib.blake2b(asked, digest_size=6).hexdigest()


def _unrecorded(key: str, read: Reader, test: Test, turned: bool) -> Ask:
    def ask(look: Look) -> bool | None:
        if look.recorded is not None:
            known = look.recorded.get(key)
            if known is None:
                return None
            look.tests[key] = known
            return known is not turned
        given = read(look.visit)
        if given is None:
            return None
        held = look.tests[key] = test(given or None)
        return held is not turned

    return ask


def _listed(rule: Rule, read: Reader, making: Making) -> Ask:
    """Recorded whatever it looks at: an older state of the list may be gone when the click is explained."""
    found = making.lists.get(rule.list_id or 0)
    contents = found.contents if found is not None else None
    key = key_of(rule, found.digest if found is not None else "")
    turned = rule.negate is not (rule.operator == "not_in_list")
    unrecorded = is_unrecorded(rule)

    def ask(look: Look) -> bool | None:
        recorded = look.recorded
        if recorded is not None:
            known = recorded.get(key)
            if known is not None:
                look.tests[key] = known
                return known is not turned
            if key + _UNKNOWN in recorded:
                look.tests[key + _UNKNOWN] = True
                return None
            if unrecorded:
                return None
        given = read(look.visit)
        if given is None:
            return None
        if contents is None:
            look.tests[key + _UNKNOWN] = True
            return None
        held = look.tests[key] = given != "" and contents.holds(given)
        return held is not turned

    return ask


def _every(members: list[Ask], turned: bool) -> Ask:
    def ask(look: Look) -> bool | None:
        unknown = False
        for member in members:
            held = member(look)
            if held is False:
                return turned
            if held is None:
                unknown = True
        return None if unknown else not turned

    return ask


def _some(members: list[Ask], turned: bool) -> Ask:
    def ask(look: Look) -> bool | None:
        unknown = False
        for member in members:
            held = member(look)
            if held:
                return not turned
            if held is None:
                unknown = True
        return None if unknown else turned

    return ask
