"""What makes an ad account, a pixel or a subscription good: every fault of every field at once."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from urllib.parse import urlsplit

from appliance.errors import FieldProblem
from appliance.model.catalog import AdAccount, Entity, EventRow, Pixel, Subscription
from appliance.model.history import SEALED
from appliance.model.postbacks import MACRO
from appliance.model.postbacks import known as macro
from appliance.partners.mapping import INTERPRETED_MACROS, macros_of
from appliance.partners.roster import PLATFORMS

STATUSES = ("lead", "sale", "hold", "rejected", "trash", "refund", "chargeback")
MOST_NAMED = 200
MOST_ROWS = 50
MOST_CUSTOM = 30
LONGEST = 200
LONGEST_TOKEN = 8_192
LONGEST_SETTING = 2_048
LONGEST_VALUE = 500
FASTEST = 60_000
RESERVED = frozenset(
    ("value", "currency", "order_id", "event_id", "event_name", "event_time", "user_data", "opt_out")
)
"""Parameters that Weir sets itself."""
_PERSONAL = (
    "em email e_mail mail ph phone phone_number fn ln first_name last_name full_name firstname lastname db "
    "dob birthday date_of_birth ge gender ct city st state zp zip zip_code postal_code address street "
    "country external_id ip ip_address client_ip_address user_agent client_user_agent fbc fbp ssn passport"
)
PERSONAL = frozenset(_PERSONAL.split())
"""Names of what is said of a person: it goes with the identity, hashed, or not at all."""
_CONTROL = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")
_PARAMETER = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,63}", re.ASCII)
_BLANK = re.compile(r"[\s\x00-\x1f\x7f\ud800-\udfff]")


def listed_faults(entity: Entity) -> Iterable[FieldProblem]:
    """Every fault of one of the three; nothing for other kinds."""
    match entity:
        case AdAccount():
            yield from _account(entity)
        case Pixel():
            yield from _pixel(entity)
        case Subscription():
            yield from _subscription(entity)


def _account(it: AdAccount) -> Iterable[FieldProblem]:
    platform = PLATFORMS[it.platform]
    if not it.token.startswith(SEALED) and (len(it.token) > LONGEST_TOKEN or _BLANK.search(it.token)):
        yield FieldProblem("token", f"at most {LONGEST_TOKEN:,} characters without white space")
    known = (*platform.needs, *platform.optional)
    for name, value in it.settings.items():
        path = f"settings.{name[:64]}"
        if name not in known:
            yield FieldProblem(path, f"{it.platform} knows no such setting; there are: {', '.join(known)}")
            continue
        if not value.startswith(SEALED):
            yield from _text(value, path, LONGEST_SETTING)
        if name.endswith("url") and value and not _is_url(value):
            yield FieldProblem(path, "an http(s) URL")
    if not it.dry_run and platform.experimental and not it.accept_experimental:
        unverified = f"what {it.platform} demands could not be verified: true says that you know"
        yield FieldProblem("accept_experimental", unverified)
    if not it.dry_run and not it.feed_hash:
        for name in platform.needs:
            if not it.settings.get(name):
                yield FieldProblem(f"settings.{name}", f"is needed to report to {it.platform}")
        if platform.needs_token and not it.token:
            yield FieldProblem("token", f"is needed to report to {it.platform}; without one, only a dry run")
    if not 1 <= it.requests_per_minute <= FASTEST:
        yield FieldProblem("requests_per_minute", f"from 1 to {FASTEST:,}")


def _pixel(it: Pixel) -> Iterable[FieldProblem]:
    if not it.code or len(it.code) > LONGEST or _BLANK.search(it.code):
        yield FieldProblem("code", f"1 to {LONGEST} characters without white space, as the platform shows it")
    yield from _text(it.test_code, "test_code", LONGEST)
    many: Sequence[tuple[str, Sequence[object]]] = (
        ("source_ids", it.source_ids), ("campaign_ids", it.campaign_ids), ("network_ids", it.network_ids),
        ("types", it.types), ("statuses", it.statuses),
    )  # fmt: skip
    for path, named in many:
        if len(named) > MOST_NAMED:
            yield FieldProblem(path, f"at most {MOST_NAMED}")
    for index, status in enumerate(it.statuses):
        if status not in STATUSES:
            yield FieldProblem(f"statuses[{index}]", f"one of {', '.join(STATUSES)}")
    for index, word in enumerate(it.types):
        if not word or len(word) > LONGEST or _CONTROL.search(word):
            yield FieldProblem(f"types[{index}]", f"1 to {LONGEST} characters")
    if it.page_url and (len(it.page_url) > LONGEST_SETTING or not _is_url(it.page_url)):
        yield FieldProblem("page_url", "an absolute http(s) URL")
    if len(it.mapping) > MOST_ROWS:
        yield FieldProblem("mapping", f"at most {MOST_ROWS} rows")
    for index, row in enumerate(it.mapping[:MOST_ROWS]):
        for problem in _row(row, it.statuses):
            yield FieldProblem(f"mapping[{index}].{problem.path}", problem.message)


def _row(it: EventRow, statuses: Sequence[str]) -> Iterable[FieldProblem]:
    if not it.event_name.strip() or len(it.event_name) > 100 or _CONTROL.search(it.event_name):
        yield FieldProblem("event_name", "1 to 100 characters, such as Purchase")
    yield from _text(it.network, "network", LONGEST)
    if it.when == "conversion":
        for index, status in enumerate(it.statuses):
            if status not in STATUSES:
                yield FieldProblem(f"statuses[{index}]", f"one of {', '.join(STATUSES)}")
            elif statuses and status not in statuses:
                yield FieldProblem(f"statuses[{index}]", f"{status} is none of the pixel's statuses")
        if it.count != "1":
            yield FieldProblem("count", "1: only interpreted events count something")
    elif it.statuses:
        yield FieldProblem("statuses", "only conversions have one")
    if len(it.custom) > MOST_CUSTOM:
        yield FieldProblem("custom", f"at most {MOST_CUSTOM} parameters")
    for name, template in it.custom.items():
        yield from _parameter(name, template, it.when, f"custom.{name[:64]}")


def _parameter(name: str, template: str, when: str, path: str) -> Iterable[FieldProblem]:
    if not _PARAMETER.fullmatch(name):
        yield FieldProblem(path, "a parameter's name has 1 to 64 letters, digits, _, . and -")
    elif name.lower() in RESERVED:
        yield FieldProblem(path, "is set by Weir")
    elif name.lower() in PERSONAL:
        yield FieldProblem(path, "names a person: it goes with the identity, hashed, and not here")
    yield from _text(template, path, LONGEST_VALUE)
    known = set(INTERPRETED_MACROS) if when == "interpreted" else None
    for found in dict.fromkeys(match.group(1) for match in MACRO.finditer(template)):
        if (known is None and not macro(found)) or (known is not None and found not in known):
            there = ", ".join(each for each in macros_of(when) if not each.startswith("sub"))
            yield FieldProblem(path, f"there is no macro {{{found}}}; there are: {there}")


def _subscription(it: Subscription) -> Iterable[FieldProblem]:
    if not it.campaign_id.strip():
        yield FieldProblem("campaign_id", "the ad platform's id of the campaign")
    for name in ("campaign_id", "network", "account", "traffic_source"):
        value = getattr(it, name)
        yield from _text(value, name, LONGEST)
        if value != value.strip():
            yield FieldProblem(name, "no blanks at its ends")


def _text(value: str, path: str, longest: int) -> Iterable[FieldProblem]:
    if len(value) > longest:
        yield FieldProblem(path, f"at most {longest:,} characters")
    elif _CONTROL.search(value):
        yield FieldProblem(path, "no control characters")


def _is_url(text: str) -> bool:
    try:
        split = urlsplit(text)
        return split.scheme in ("http", "https") and bool(split.hostname) and split.port != 0
    except ValueError:
        return False
