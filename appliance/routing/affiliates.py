"""What makes an affiliate network good: every fault of every field at once."""

from __future__ import annotations

import re
from collections.abc import Iterable
from ipaddress import IPv6Network, ip_network

from appliance.errors import FieldProblem
from appliance.model.catalog import Network
from appliance.model.history import MASK
from appliance.model.postbacks import REPLY_MACROS
from appliance.routing.reported import STATUSES

LONGEST_SECRET = 200
MOST_SECRETS = 10
MOST_RANGES = 200
LONGEST_REPLY = 500
MOST_WORDS = 500
MOST_TYPES = 100
LONGEST_WORD = 100
LONGEST_WAIT = 90 * 24
_CONTROL = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")
_NOT_IN_A_REPLY = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
_MACRO = re.compile(r"\{([a-z_]{1,32})\}")
_MASKED = re.compile(rf"{re.escape(MASK)}[0-9]*")
_KNOWN = ", ".join(STATUSES)


def check_network(it: Network) -> list[FieldProblem]:
    return [
        *_secrets(it),
        *_allow(it.allow),
        *_reply(it.reply),
        *_words(it),
        *_types(it),
        *_transitions(it),
        *_rest(it),
    ]


def _secrets(it: Network) -> Iterable[FieldProblem]:
    if len(it.secrets) > MOST_SECRETS:
        yield FieldProblem("secrets", f"at most {MOST_SECRETS}")
    found = _text(it.secret, "secret")
    for at, secret in enumerate(it.secrets):
        found += _text(secret, f"secrets[{at}]")
        if _MASKED.fullmatch(secret):
            found.append(FieldProblem(f"secrets[{at}]", "the secret itself, not its mask"))
        elif not secret.strip():
            found.append(FieldProblem(f"secrets[{at}]", "may not be blank"))
    yield from found
    if len({*it.secrets, it.secret}) <= len(it.secrets):
        yield FieldProblem("secrets", "each only once, and not the one in secret again")
    if it.signature and not it.secret and not it.secrets:
        yield FieldProblem("secret", "with a signature there has to be one, or nothing could be checked")


def _text(secret: str, path: str) -> list[FieldProblem]:
    found = []
    if len(secret) > LONGEST_SECRET:
        found.append(FieldProblem(path, f"at most {LONGEST_SECRET} characters"))
    if _CONTROL.search(secret):
        found.append(FieldProblem(path, "no control characters"))
    return found


def _allow(allow: tuple[str, ...]) -> Iterable[FieldProblem]:
    if len(allow) > MOST_RANGES:
        yield FieldProblem("allow", f"at most {MOST_RANGES}")
    for at, text in enumerate(allow[:MOST_RANGES]):
        try:
            found = ip_network(text, strict=False)
        except ValueError:
            yield FieldProblem(
                f"allow[{at}]", "an address or a network such as 203.0.113.7 or 203.0.113.0/24"
            )
            continue
        if isinstance(found, IPv6Network) and found.network_address.ipv4_mapped is not None:
            yield FieldProblem(
                f"allow[{at}]", "IPv4 as such: addresses mapped into IPv6 are looked at as IPv4"
            )


def _reply(reply: str) -> Iterable[FieldProblem]:
    if len(reply) > LONGEST_REPLY:
        yield FieldProblem("reply", f"at most {LONGEST_REPLY} characters")
    if _NOT_IN_A_REPLY.search(reply):
        yield FieldProblem("reply", "no control characters but line breaks and tabs")
    for name in dict.fromkeys(_MACRO.findall(reply)):
        if name not in REPLY_MACROS:
            there = ", ".join(REPLY_MACROS)
            yield FieldProblem("reply", f"there is no macro {{{name}}}; there are: {there}")


def _words(it: Network) -> Iterable[FieldProblem]:
    if len(it.status_words) > MOST_WORDS:
        yield FieldProblem("status_words", f"at most {MOST_WORDS}")
    seen: dict[str, str] = {}
    for word, status in it.status_words.items():
        path = f"status_words.{word}"
        yield from _word(word, path)
        if status not in STATUSES:
            yield FieldProblem(path, f"one of {_KNOWN}")
        first = seen.setdefault(word.strip().casefold(), word)
        if first != word:
            yield FieldProblem(path, f"is {first!r} again: words are compared in any case")


def _types(it: Network) -> Iterable[FieldProblem]:
    if len(it.duplicates_by_type) > MOST_TYPES:
        yield FieldProblem("duplicates_by_type", f"at most {MOST_TYPES}")
    for name in it.duplicates_by_type:
        yield from _word(name, f"duplicates_by_type.{name}")


def _word(word: str, path: str) -> Iterable[FieldProblem]:
    if not word.strip() or len(word) > LONGEST_WORD or _CONTROL.search(word):
        yield FieldProblem(path, f"1 to {LONGEST_WORD} characters, none of them a control character")


def _transitions(it: Network) -> Iterable[FieldProblem]:
    for status, into in it.transitions.items():
        path = f"transitions.{status}"
        if status not in STATUSES:
            yield FieldProblem(path, f"one of {_KNOWN}")
        for at, name in enumerate(into):
            if name not in STATUSES:
                yield FieldProblem(f"{path}[{at}]", f"one of {_KNOWN}")


def _rest(it: Network) -> Iterable[FieldProblem]:
    if len({*it.claim_by}) < len(it.claim_by):
        yield FieldProblem("claim_by", "each only once")
    hours = it.click_wait_hours
    if hours is not None and not 0 <= hours <= LONGEST_WAIT:
        yield FieldProblem("click_wait_hours", f"from 0 to {LONGEST_WAIT:,}, or null for the default")
    if len(it.preset) > LONGEST_WORD or _CONTROL.search(it.preset):
        yield FieldProblem("preset", f"at most {LONGEST_WORD} characters")
