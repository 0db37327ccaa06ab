"""What an operator asks of one text: the seed's fifteen, masks, and addresses in networks."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from functools import lru_cache

from appliance.errors import FieldProblem, Refused
from appliance.routing import networks
from appliance.routing.masks import compile_mask
from appliance.routing.networks import Networks
from appliance.routing.patterns import Patterns, Test, fault_of

MAX_VALUES = 10_000
MAX_VALUE_LENGTH = 2_048
_SEVERAL = ("in", "not_in", "cidr", "not_cidr", "mask", "not_mask")
_NUMBERS = ("gt", "gte", "lt", "lte")
_NOT_EMPTY = ("contains", "not_contains", "starts_with", "ends_with", "regex")


def _number(text: str | None) -> Decimal | None:
    # Decimal reads 1_000 and digits of other scripts, which nobody means by a number here.
    return None if text is None or len(text) > 40 or "_" in text or not text.isascii() else _read_number(text)


@lru_cache(maxsize=4096)
def _read_number(text: str) -> Decimal | None:
    try:
        value = Decimal(text.strip())
    except InvalidOperation:
        return None
    return value if value.is_finite() else None


def _numeric(compare: Callable[[Decimal, Decimal], bool], limit: Decimal) -> Test:
    def test(value: str | None) -> bool:
        number = _number(value)
        return number is not None and compare(number, limit)

    return test


def check_value(operator: str, value: str | tuple[str, ...], where: str) -> list[FieldProblem]:
    """Every fault of what an operator is given, each with its path below `where`."""
    if operator in ("exists", "not_exists"):
        return [] if value in ("", ()) else [FieldProblem(where, f"{operator} takes no value")]
    if operator in _SEVERAL:
        return _check_several(operator, value, where)
    if not isinstance(value, str):
        return [FieldProblem(where, f"{operator} takes one text, not a list")]
    if len(value) > MAX_VALUE_LENGTH:
        return [FieldProblem(where, f"at most {MAX_VALUE_LENGTH} characters")]
    if operator in _NUMBERS and _number(value) is None:
        return [FieldProblem(where, f"{operator} takes a decimal number, not {value[:40]!r}")]
    if operator in _NOT_EMPTY and not value:
        return [FieldProblem(where, f"{operator} takes a text that is not empty")]
    if operator == "regex" and (fault := fault_of(value)):
        return [FieldProblem(where, f"not a regular expression of RE2: {fault}")]
    return []


def _check_several(operator: str, value: str | tuple[str, ...], where: str) -> list[FieldProblem]:
    takes_one = operator in ("mask", "not_mask")
    if isinstance(value, str):
        if not takes_one:
            return [FieldProblem(where, f"{operator} takes a list with at least one text")]
        value = (value,)
    if not value:
        return [FieldProblem(where, f"{operator} takes a list with at least one text")]
    if len(value) > MAX_VALUES:
        return [FieldProblem(where, f"at most {MAX_VALUES} texts; a named list takes more")]
    found = []
    for index, text in enumerate(value):
        path = f"{where}[{index}]"
        if len(text) > MAX_VALUE_LENGTH:
            found.append(FieldProblem(path, f"at most {MAX_VALUE_LENGTH} characters"))
        elif takes_one and not text:
            found.append(FieldProblem(path, "a mask that is not empty, such as *bot*"))
        elif operator in ("cidr", "not_cidr") and not networks.intervals(text):
            words = "an address, a network such as 10.0.0.0/8, or a range such as 10.0.0.1-10.0.0.9"
            found.append(FieldProblem(path, words))
    return found


def compile_value(operator: str, value: str | tuple[str, ...], patterns: Patterns) -> Test:
    """A test of one text. Raises Refused for what `check_value` should have found.

    Its regular expressions join `patterns`, which has to be compiled before the test is used.
    """
    if operator == "exists":
        return lambda given: given is not None
    if operator == "not_exists":
        return lambda given: given is None
    if operator in ("in", "not_in"):
        texts = frozenset(value)
        if operator == "in":
            return texts.__contains__  # no frame of ours per visitor; a missing parameter is in no set
        return lambda given: given not in texts
    if operator in ("cidr", "not_cidr"):
        try:
            hold = Networks((value,) if isinstance(value, str) else value).hold
        except ValueError as fault:
            raise Refused(str(fault)) from fault
        return hold if operator == "cidr" else _inverted(hold)
    if operator in ("mask", "not_mask"):
        masks = [compile_mask(mask) for mask in ((value,) if isinstance(value, str) else value)]
        fits = _one_of(masks)
        return fits if operator == "mask" else _inverted(fits)
    if not isinstance(value, str):
        raise Refused(f"a rule with {operator} and a list")
    if operator == "eq":
        return lambda given: given == value
    if operator == "neq":
        return lambda given: given != value
    if operator == "contains":
        return lambda given: given is not None and value in given
    if operator == "not_contains":
        return lambda given: given is None or value not in given
    if operator == "starts_with":
        return lambda given: given is not None and given.startswith(value)
    if operator == "ends_with":
        return lambda given: given is not None and given.endswith(value)
    if operator == "regex":
        return patterns.add(value)
    limit = _number(value)
    if limit is None or operator not in _NUMBERS:
        raise Refused(f"a rule with {operator or 'no operator'} and {value[:40]!r}")
    if operator == "gt":
        return _numeric(Decimal.__gt__, limit)
    if operator == "gte":
        return _numeric(Decimal.__ge__, limit)
    if operator == "lt":
        return _numeric(Decimal.__lt__, limit)
    return _numeric(Decimal.__le__, limit)


def _one_of(masks: list[Callable[[str], bool]]) -> Test:
    if len(masks) == 1:
        fits = masks[0]
        return lambda given: given is not None and fits(given)
    return lambda given: given is not None and any(fits(given) for fits in masks)


def _inverted(test: Test) -> Test:
    return lambda given: not test(given)


def inverted(test: Test, negate: bool) -> Test:
    """The test, or its negation."""
    return _inverted(test) if negate else test
