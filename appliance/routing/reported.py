"""What makes a target of outbound postbacks good: every fault of every field at once."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from urllib.parse import urlsplit

from appliance.errors import FieldProblem
from appliance.model import money
from appliance.model.catalog import PostbackTarget
from appliance.model.postbacks import MACRO, MACROS, SUBS, known
from appliance.routing.macros import check_url

STATUSES = ("lead", "sale", "hold", "rejected", "trash", "refund", "chargeback")
MOST_NAMED = 200
LARGEST_BODY = 16 * 1024
MOST_HEADERS = 20
LONGEST_HEADER = 1_000
LONGEST_TYPE = 100
LONGEST_SECRET = 400
LONGEST_DEADLINE = 30 * 24
LARGEST_SCALE = 1_000
_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}", re.ASCII)
_CONTROL = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")
_WHSEC = re.compile(r"whsec_[A-Za-z0-9+/]{32,88}={0,2}", re.ASCII)
_OURS = ("host", "content-length", "transfer-encoding", "connection", "content-type", "idempotency-key")


def check_target(it: PostbackTarget) -> list[FieldProblem]:
    return [
        *_url(it.url),
        *_body(it),
        *_headers(it),
        *_conditions(it),
        *_numbers(it),
        *_secret(it.secret),
    ]


def _url(url: str) -> Iterable[FieldProblem]:
    found = check_url(url, "url")
    if not found and url.startswith("/"):
        found = [FieldProblem("url", "an absolute http(s) URL")]
    if not found:
        port = urlsplit(url).port
        if port is not None and port not in (80, 443) and port < 1024:
            found = [FieldProblem("url", "port 80, 443, or one from 1024")]
    return found or _macros(url, "url")


def _macros(text: str, path: str) -> list[FieldProblem]:
    unknown = dict.fromkeys(match.group(1) for match in MACRO.finditer(text) if not known(match.group(1)))
    named = [name for name in MACROS if not name.startswith("sub")]
    there = ", ".join([f"sub1 to sub{SUBS}", *named])
    return [FieldProblem(path, f"there is no macro {{{name}}}; there are: {there}") for name in unknown]


def _body(it: PostbackTarget) -> Iterable[FieldProblem]:
    if not it.body:
        return
    if it.method != "POST":
        yield FieldProblem("body", "only with the method POST")
    if len(it.body) > LARGEST_BODY:
        yield FieldProblem("body", f"at most {LARGEST_BODY // 1024} KiB")
        return
    try:
        json.loads(it.body)
    except (ValueError, RecursionError) as fault:
        yield FieldProblem(
            "body", f'JSON, macros within its texts, such as {{"id": "{{click_id}}"}}: {fault}'
        )
        return
    yield from _macros(it.body, "body")


def _headers(it: PostbackTarget) -> Iterable[FieldProblem]:
    if len(it.headers) > MOST_HEADERS:
        yield FieldProblem("headers", f"at most {MOST_HEADERS}")
    for name, value in it.headers.items():
        path = f"headers.{name[:64]}"
        if not _HEADER.fullmatch(name):
            yield FieldProblem(path, "a header's name has letters, digits and -")
        elif name.lower() in _OURS or name.lower().startswith("webhook-"):
            yield FieldProblem(path, "is set by Weir")
        if len(value) > LONGEST_HEADER or _CONTROL.search(value):
            yield FieldProblem(path, f"at most {LONGEST_HEADER:,} characters, no control characters")
        yield from _macros(value, path)


def _conditions(it: PostbackTarget) -> Iterable[FieldProblem]:
    for index, status in enumerate(it.statuses):
        if status not in STATUSES:
            yield FieldProblem(f"statuses[{index}]", f"one of {', '.join(STATUSES)}")
    many: Sequence[tuple[str, Sequence[object]]] = (
        ("types", it.types), ("campaign_ids", it.campaign_ids), ("network_ids", it.network_ids),
    )  # fmt: skip
    for path, named in many:
        if len(named) > MOST_NAMED:
            yield FieldProblem(path, f"at most {MOST_NAMED}")
    for index, word in enumerate(it.types):
        if not 1 <= len(word) <= LONGEST_TYPE or _CONTROL.search(word):
            yield FieldProblem(f"types[{index}]", f"1 to {LONGEST_TYPE} characters")
    least, most = (money.micro(text) if text else None for text in (it.min_payout, it.max_payout))
    for path, text, value in (("min_payout", it.min_payout, least), ("max_payout", it.max_payout, most)):
        if text and value is None:
            yield FieldProblem(path, "a plain decimal number such as 12.50")
    if least is not None and most is not None and least > most:
        yield FieldProblem("max_payout", "not below min_payout")


def _numbers(it: PostbackTarget) -> Iterable[FieldProblem]:
    bounds = (
        ("share", it.share, 1, 100),
        ("payout_scale", it.payout_scale, 0, LARGEST_SCALE),
        ("deadline_hours", it.deadline_hours, 1, LONGEST_DEADLINE),
    )
    for path, value, least, most in bounds:
        if not least <= value <= most:
            yield FieldProblem(path, f"from {least} to {most:,}")


def _secret(text: str) -> Iterable[FieldProblem]:
    each = text.split(" ") if text else []
    if len(text) > LONGEST_SECRET or not all(_WHSEC.fullmatch(one) for one in each):
        yield FieldProblem("secret", "whsec_ and 24 to 64 bytes in base64; several parted by a blank")
