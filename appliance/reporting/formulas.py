"""Formulas of metrics: `+ - * /`, parentheses, numbers, names. Parsed here, never evaluated by Python itself.

The catalogue's own metrics and those that a caller brings are the same thing: exact fractions in answers,
SQL with bound parameters where a report is sorted by one. Division by nothing is nothing (null).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from fractions import Fraction
from typing import NamedTuple

LONGEST = 200
DEEPEST = 20
_TOKEN = re.compile(r"\s*(?:(\d{1,12}(?:\.\d{1,9})?)|([a-z][a-z0-9_]{0,63})|([-+*/()]))", re.ASCII)
_SUM, _PRODUCT = ("+", "-"), ("*", "/")


class Number(NamedTuple):
    value: Fraction


class Name(NamedTuple):
    name: str


class Both(NamedTuple):
    """Two formulas and what is done with them: one of `+ - * /`."""

    sign: str
    left: Formula
    right: Formula


Formula = Number | Name | Both


def parse(text: str, names: Collection[str]) -> Formula:
    """The formula that `text` is, over `names`. Raises ValueError saying what is wrong with it."""
    if len(text) > LONGEST:
        raise ValueError(f"at most {LONGEST} characters")
    tokens: list[str] = []
    at = 0
    while text[at:].strip():
        match = _TOKEN.match(text, at)
        if match is None:
            raise ValueError(f"cannot be read from {text[at:].strip()[:20]!r}: + - * / ( ), numbers, metrics")
        if match[2] and match[2] not in names:
            raise ValueError(f"there is no {match[2]!r}; there are: {', '.join(names)}")
        tokens.append(match[0].strip())
        at = match.end()
    reader = _Reader(tokens)
    found = reader.sums(0)
    if reader.at < len(tokens):
        raise ValueError(f"{tokens[reader.at]!r} stands where nothing may")
    return found


class _Reader:
    """Recursive descent over tokens."""

    def __init__(self, tokens: list[str]) -> None:
        self._tokens = tokens
        self.at = 0

    def _take(self, wanted: Collection[str]) -> str:
        """The next token when it is one of these, else ""."""
        if self.at < len(self._tokens) and self._tokens[self.at] in wanted:
            self.at += 1
            return self._tokens[self.at - 1]
        return ""

    def sums(self, depth: int) -> Formula:
        found = self._products(depth)
        while sign := self._take(_SUM):
            found = Both(sign, found, self._products(depth))
        return found

    def _products(self, depth: int) -> Formula:
        found = self._atom(depth)
        while sign := self._take(_PRODUCT):
            found = Both(sign, found, self._atom(depth))
        return found

    def _atom(self, depth: int) -> Formula:
        if depth > DEEPEST:
            raise ValueError(f"nested deeper than {DEEPEST}")
        if self.at >= len(self._tokens):
            raise ValueError("ends too early")
        if self._take("-"):
            return Both("-", Number(Fraction(0)), self._atom(depth + 1))
        if self._take("("):
            found = self.sums(depth + 1)
            if not self._take(")"):
                raise ValueError("a parenthesis is not closed")
            return found
        word = self._tokens[self.at]
        if word in "+-*/)":
            raise ValueError(f"{word!r} stands where nothing may")
        self.at += 1
        return Number(Fraction(word)) if word[0].isdigit() else Name(word)


def names(formula: Formula) -> set[str]:
    """The names in it."""
    match formula:
        case Name(name):
            return {name}
        case Both(_, left, right):
            return names(left) | names(right)
        case _:
            return set()


def put(formula: Formula, values: Mapping[str, Formula]) -> Formula:
    """The formula with those of its names that `values` has replaced."""
    match formula:
        case Name(name):
            return values.get(name, formula)
        case Both(sign, left, right):
            return Both(sign, put(left, values), put(right, values))
        case _:
            return formula


def value(formula: Formula, of: Mapping[str, Fraction]) -> Fraction | None:
    """What it comes to, exactly; None when something in it is divided by nothing."""
    match formula:
        case Number(number):
            return number
        case Name(name):
            return of[name]
        case Both(sign, left, right):
            one, other = value(left, of), value(right, of)
            if one is None or other is None or (sign == "/" and not other):
                return None
            if sign == "+":
                return one + other
            if sign == "-":
                return one - other
            return one * other if sign == "*" else one / other


def sql(formula: Formula, column: Callable[[str], str], bind: Callable[[float], str]) -> str:
    """An expression to sort by: `column` gives a name's SQL, `bind` the placeholder of a number."""
    match formula:
        case Number(number):
            return bind(float(number))
        case Name(name):
            return column(name)
        case Both(sign, left, right):
            one, other = sql(left, column, bind), sql(right, column, bind)
            return f"({one} / nullIf({other}, 0))" if sign == "/" else f"({one} {sign} {other})"
