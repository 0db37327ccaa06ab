"""Who may do what: roles and the scopes of API tokens, as words of permission. Pure.

A word is `<noun>.read` or `<noun>.write`; `anyone` and `self` are words of operations only (context.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from appliance.model.catalog import Role

NOUNS = (
    "campaigns", "streams", "destinations", "sources", "networks", "templates", "links", "lists", "pages",
    "users", "tokens", "sessions", "catalog", "history", "routing", "journal", "system", "reports",
    "records", "exports", "costs", "conversions", "live", "warehouse", "targets", "deliveries",
    "rates", "doctor", "alerts", "ad_accounts", "pixels", "subscriptions",
    "events", "intakes",
)  # fmt: skip
WORDS = frozenset(f"{noun}.{verb}" for noun in NOUNS for verb in ("read", "write"))

_SEEN = (
    "campaigns", "streams", "destinations", "sources", "networks", "templates", "links", "lists", "pages",
    "catalog", "history", "reports", "records", "exports", "costs", "live", "deliveries",
    "rates", "doctor",
)  # fmt: skip
"""What buyers and viewers see, each within his campaigns (operations/scope.py)."""
_OWN = ("tokens", "sessions")
"""What everybody has of his own."""
_VIEWER = frozenset(f"{noun}.read" for noun in _SEEN) | {f"{n}.{v}" for n in _OWN for v in ("read", "write")}
_BUYER = _VIEWER | {
    f"{n}.write"
    for n in (
        "campaigns", "streams", "links", "destinations", "lists", "costs", "conversions", "history", "doctor",
    )
}  # fmt: skip

ROLES: dict[Role, frozenset[str]] = {"administrator": WORDS, "buyer": _BUYER, "viewer": _VIEWER}

NEVER_BY_TOKEN = frozenset({"tokens.write", "users.write"})
"""A token that leaked must not outlive itself in another one, nor in a user (least of all an administrator)
who was made, let in or given another mail address with it."""


def words(scope: str) -> frozenset[str]:
    """What a scope stands for: a word, `campaigns.*`, `*.read` or `*`. Nothing when it is none of these."""
    if scope == "*":
        return WORDS
    noun, dot, verb = scope.partition(".")
    if not dot or noun == verb == "*":
        return frozenset()
    nouns = NOUNS if noun == "*" else (noun,)
    verbs = ("read", "write") if verb == "*" else (verb,)
    return WORDS & {f"{each}.{one}" for each in nouns for one in verbs}


def unknown_scopes(scopes: Iterable[str]) -> Iterator[tuple[int, str]]:
    """(index, scope) of those that stand for nothing."""
    return ((index, scope) for index, scope in enumerate(scopes) if not words(scope))


def of_token(role: Role, scopes: Iterable[str]) -> frozenset[str]:
    """What a token of a user with `role` may do."""
    wanted = frozenset[str]().union(*map(words, scopes))
    return (ROLES[role] & wanted) - NEVER_BY_TOKEN
