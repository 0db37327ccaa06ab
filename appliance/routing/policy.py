"""A stream's unique policy: who a visitor is to it, and what he may still be shown."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from msgspec import structs

from appliance.errors import FieldProblem
from appliance.model.rules import Rule, Uniqueness, UniquePolicy
from appliance.routing.visit import SUBS, UTM, Visit

UserKey = Callable[[Visit], str]
LONGEST_WINDOW = 24 * 366
"""Hours."""
_HOUR_US = 3_600_000_000


def _sub(number: int) -> UserKey:
    return lambda visit: visit.subs.get(number, "")


def _utm(name: str) -> UserKey:
    return lambda visit: visit.utm.get(name, "")


def _param(name: str) -> UserKey:
    return lambda visit: visit.params.get(name, "")


_KEYS: dict[str, UserKey] = {
    "source_click_id": lambda visit: visit.source_click_id,
    "user_agent": lambda visit: visit.user_agent,
    "address": lambda visit: visit.address,
    "visitor": lambda visit: visit.visitor,
    **{f"sub{number}": _sub(number) for number in range(1, SUBS + 1)},
    **{name: _utm(name) for name in UTM},
}
USER_KEYS = (*_KEYS, "query.NAME")


def user_key(name: str) -> UserKey | None:
    """Who reads a user key from a visit ("" when it has none); None when there is no such key."""
    if name.startswith("query."):
        return _param(name[6:]) if len(name) > 6 else None
    return _KEYS.get(name)


def check_policy(policy: UniquePolicy) -> list[FieldProblem]:
    """Every fault of a unique policy."""
    found = []
    if user_key(policy.user_key) is None:
        found.append(FieldProblem("unique_policy.user_key", f"one of: {', '.join(USER_KEYS)}"))
    return found + _window(policy.history_window_hours, "unique_policy.history_window_hours")


def check_uniqueness(uniqueness: Uniqueness) -> list[FieldProblem]:
    """Every fault of a campaign's uniqueness."""
    return _window(uniqueness.window_hours, "uniqueness.window_hours")


def _window(hours: int, path: str) -> list[FieldProblem]:
    if 1 <= hours <= LONGEST_WINDOW:
        return []
    return [FieldProblem(path, f"from 1 to {LONGEST_WINDOW:,} hours")]


def asks_for(rules: Iterable[Rule], fact: str) -> bool:
    """Whether any rule looks at `fact`, in groups too."""
    return any(rule.fact == fact or asks_for((*rule.all, *rule.any), fact) for rule in rules)


def of_stream(rules: Iterable[Rule], stream_id: int) -> tuple[Rule, ...]:
    """Rules as their stream asks them: whether a visitor is new to a stream has an answer for each."""
    rules = tuple(rules)
    if not asks_for(rules, "unique_stream"):
        return rules
    return tuple(
        structs.replace(
            rule,
            fact=f"unique_stream.{stream_id}" if rule.fact == "unique_stream" else rule.fact,
            all=of_stream(rule.all, stream_id),
            any=of_stream(rule.any, stream_id),
        )
        for rule in rules
    )


class CompiledPolicy:
    """A unique policy, ready for a click. Raises ValueError for a user key that does not exist."""

    __slots__ = ("name", "read", "repeats", "skips_converted", "window_us")

    def __init__(self, policy: UniquePolicy) -> None:
        read = user_key(policy.user_key)
        if read is None:
            raise ValueError(f"no such user key: {policy.user_key}")
        self.name = policy.user_key
        self.read = read
        self.window_us = policy.history_window_hours * _HOUR_US
        self.repeats = policy.exhausted_mode == "allow_repeat"
        self.skips_converted = policy.skip_converted

    def key(self, visit: Visit) -> str:
        """Who the visitor is, by the key's name and value; "" when the click does not say."""
        value = self.read(visit)
        return f"{self.name}={value}" if value else ""


class CompiledUniqueness:
    """What makes a visitor of a campaign a new one."""

    __slots__ = ("by", "window_us")

    def __init__(self, uniqueness: Uniqueness) -> None:
        self.by = uniqueness.by
        self.window_us = uniqueness.window_hours * _HOUR_US

    def key(self, visit: Visit) -> str:
        """Who the visitor is; "" when that cannot be known."""
        if self.by == "cookie":
            return f"visitor={visit.visitor}" if visit.visitor else ""
        if self.by == "address":
            return f"address={visit.address}" if visit.address else ""
        return f"address_agent={visit.address} {visit.user_agent}" if visit.address else ""
