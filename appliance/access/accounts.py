"""What makes a user or a token good, as far as it shows in itself; the catalog knows what it refers to."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime

from appliance.access.roles import unknown_scopes
from appliance.addresses import mailbox
from appliance.errors import FieldProblem
from appliance.model.catalog import Entity, Token, User

LONGEST_EMAIL = 254
MOST_CAMPAIGNS = 10_000
MOST_SCOPES = 100

_HASH = re.compile(r"([0-9a-f]{64})?", re.ASCII)


def account_faults(entity: Entity) -> Iterable[FieldProblem]:
    """Every fault of a user or a token; nothing for other kinds."""
    match entity:
        case User():
            yield from _user(entity)
        case Token():
            yield from _token(entity)


def _user(user: User) -> Iterable[FieldProblem]:
    if len(user.email) > LONGEST_EMAIL:
        yield FieldProblem("email", f"at most {LONGEST_EMAIL} characters")
    else:
        yield from _email(user.email)
    if len(user.campaigns) > MOST_CAMPAIGNS:
        yield FieldProblem("campaigns", f"at most {MOST_CAMPAIGNS:,}")
    seen: set[int] = set()
    for index, number in enumerate(user.campaigns[:MOST_CAMPAIGNS]):
        if number in seen:
            yield FieldProblem(f"campaigns[{index}]", f"campaign {number} is there already")
        seen.add(number)


def _email(text: str) -> Iterable[FieldProblem]:
    try:
        if mailbox(text).lower() != text:
            yield FieldProblem("email", "in lower case, without spaces around it")
    except ValueError as fault:
        yield FieldProblem("email", str(fault))


def _token(token: Token) -> Iterable[FieldProblem]:
    if len(token.scopes) > MOST_SCOPES:
        yield FieldProblem("scopes", f"at most {MOST_SCOPES}")
    for index, scope in unknown_scopes(token.scopes[:MOST_SCOPES]):
        yield FieldProblem(
            f"scopes[{index}]",
            f"{scope[:80]!r} stands for nothing; such as campaigns.read, campaigns.*, *.read, *",
        )
    if token.expires_at and not _aware(token.expires_at):
        yield FieldProblem("expires_at", "a time with its zone such as 2027-01-31T00:00:00Z")
    if not _HASH.fullmatch(token.hash):
        yield FieldProblem("hash", "the SHA-256 of the secret in hex")


def _aware(text: str) -> bool:
    try:
        return datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        return False
