"""What makes an entity good: every fault of every field at once, so that nothing broken reaches an edge."""

from __future__ import annotations

import re
from collections.abc import Iterable

from appliance.errors import FieldProblem
from appliance.model import money, places
from appliance.model.catalog import (
    Campaign,
    Destination,
    Entity,
    Kind,
    Link,
    NamedList,
    Network,
    Page,
    PostbackTarget,
    Source,
    Stream,
    Template,
    User,
)
from appliance.model.postbacks import BUYER_FIELDS
from appliance.routing.affiliates import check_network
from appliance.routing.answers import check_answer
from appliance.routing.compile import check_destination, check_exits, check_stream
from appliance.routing.holdings import UNIQUE, Holdings, references
from appliance.routing.hops import check_hop
from appliance.routing.macros import UrlTemplate, check_url, known
from appliance.routing.policy import check_uniqueness
from appliance.routing.reported import check_target
from appliance.routing.sources import check_source

LONGEST_NAME = 200
LONGEST_SLUG = 64
LARGEST_PAGE = 256 * 1024
LONGEST_SECRET = 200
SHORTEST_SECRET = 16
"""Of a campaign's: callers of the click API prove themselves with it from anywhere."""
MOST_PRESETS = 50
LONGEST_PARAM = 128
LONGEST_VALUE = 2_048
MOST_ALIASES = 20
FURTHEST_POSITION = 1_000_000_000
TEMPLATE_FIELDS = (
    "click_id", "transaction_id", "payout", "currency", "status", "event_type", "event_id", "upsell",
    "time", "notation", "lead_status", "sale_status", "hold_status", "rejected_status", "trash_status",
    "secret", *BUYER_FIELDS,
)  # fmt: skip
_NO_CONSTANTS = ("click_id", "transaction_id", "event_id", "time", "secret", *BUYER_FIELDS)

_SLUG = re.compile(rf"[a-z0-9][a-z0-9_-]{{0,{LONGEST_SLUG - 1}}}", re.ASCII)
_TOKEN = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)
_DIGEST = re.compile(r"[0-9a-f]{32}", re.ASCII)
_CONTENT_TYPE = re.compile(r"[\w.+-]{1,60}/[\w.+-]{1,60}(; ?charset=[\w-]{1,40})?", re.ASCII)
_CONTROL = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")


def check(kind: Kind, entity: Entity, holdings: Holdings) -> list[FieldProblem]:
    """Every fault of an entity that is about to be stored, beside what the catalog holds now."""
    return [
        *faults(entity),
        *_unknown_macros(kind, entity, holdings),
        *_taken(kind, entity, holdings),
        *_dangling(entity, holdings),
        *_granted(entity, holdings),
    ]


def faults(entity: Entity) -> list[FieldProblem]:
    """Every fault that shows in the entity alone."""
    found = _text(entity.name, "name", LONGEST_NAME)
    match entity:
        case Campaign():
            found += _slug(entity.slug) + _token(entity.public_id, "public_id")
            found += _currency(entity.currency)
            if entity.trafficback_url:
                found += check_url(entity.trafficback_url, "trafficback_url")
            found += check_uniqueness(entity.uniqueness)
            found += _text(entity.secret, "secret", LONGEST_SECRET)
            if 0 < len(entity.secret) < SHORTEST_SECRET:
                found.append(FieldProblem("secret", f"at least {SHORTEST_SECRET} characters, or none"))
        case Stream():
            if abs(entity.position) > FURTHEST_POSITION:
                found.append(
                    FieldProblem("position", f"from -{FURTHEST_POSITION:,} to {FURTHEST_POSITION:,}")
                )
            found += [
                *check_stream(entity),
                *_twice(entity),
                *check_answer(entity.answer, entity.campaign_id),
            ]
            if entity.trafficback_url:
                found += check_url(entity.trafficback_url, "trafficback_url")
        case Destination():
            found += [*check_destination(entity), *check_exits(entity)]
        case Source():
            found += [*_currency(entity.currency), *check_source(entity), *check_hop(entity)]
        case Network():
            found += [*_slug(entity.slug), *_currency(entity.currency), *check_network(entity)]
        case Template():
            found += _mapping(entity)
        case Link():
            found += [*_token(entity.token, "token"), *_presets(entity)]
        case NamedList():
            if entity.digest and not _DIGEST.fullmatch(entity.digest):
                found.append(FieldProblem("digest", "32 hexadecimal digits, of what was uploaded"))
        case PostbackTarget():
            found += check_target(entity)
        case Page():
            found += _slug(entity.slug)
            if len(entity.body.encode("utf-8", "surrogatepass")) > LARGEST_PAGE:
                found.append(FieldProblem("body", f"at most {LARGEST_PAGE // 1024} KiB"))
            if not _CONTENT_TYPE.fullmatch(entity.content_type):
                found.append(FieldProblem("content_type", "a media type such as text/html; charset=utf-8"))
    return found


def _unknown_macros(kind: Kind, entity: Entity, holdings: Holdings) -> Iterable[FieldProblem]:
    """No fault of what is stored already: an older Weir took such URLs, and a click leaves them empty."""
    field = {"destination": "url", "campaign": "trafficback_url", "stream": "trafficback_url"}.get(kind, "")
    url = getattr(entity, field, "")
    before = holdings.get(kind, entity.id)
    if not url or check_url(url, field) or (before is not None and getattr(before, field) == url):
        return
    for name in UrlTemplate(url).unknown:
        yield FieldProblem(field, f"there is no macro {{{name}}}; there are: {known()}")


def _taken(kind: Kind, entity: Entity, holdings: Holdings) -> Iterable[FieldProblem]:
    for field in UNIQUE.get(kind, ()):
        value = getattr(entity, field)
        owner = holdings.owner(kind, field, value) if value else None
        if owner is not None and owner.id != entity.id:
            yield FieldProblem(field, f"{value!r} is taken by {kind} {owner.id}")


def _dangling(entity: Entity, holdings: Holdings) -> Iterable[FieldProblem]:
    for reference in references(entity):
        found = holdings.get(reference.kind, reference.id)
        if found is None:
            yield FieldProblem(reference.path, f"there is no {reference.kind} {reference.id}")
        elif found.archived:
            yield FieldProblem(reference.path, f"{reference.kind} {reference.id} is archived")


def _granted(entity: Entity, holdings: Holdings) -> Iterable[FieldProblem]:
    """A grant keeps no campaign from being archived, so it is no reference; but it must name one."""
    if isinstance(entity, User):
        for index, number in enumerate(entity.campaigns):
            if holdings.get("campaign", number) is None:
                yield FieldProblem(f"campaigns[{index}]", f"there is no campaign {number}")


def _text(value: str, path: str, longest: int) -> list[FieldProblem]:
    found = []
    if len(value) > longest:
        found.append(FieldProblem(path, f"at most {longest} characters"))
    if _CONTROL.search(value):
        found.append(FieldProblem(path, "no control characters"))
    return found


def _slug(value: str) -> list[FieldProblem]:
    if _SLUG.fullmatch(value):
        return []
    words = "1 to 64 characters of a-z, 0-9, _ and -, beginning with a letter or digit"
    return [FieldProblem("slug", words)]


def _token(value: str, path: str) -> list[FieldProblem]:
    if _TOKEN.fullmatch(value):
        return []
    return [FieldProblem(path, "1 to 64 characters of A-Z, a-z, 0-9, _ and -; leave it out to have one made")]


def _currency(value: str) -> list[FieldProblem]:
    if not value or money.currency(value) == value:
        return []
    return [FieldProblem("currency", "an ISO 4217 code in capitals such as USD")]


def _twice(stream: Stream) -> Iterable[FieldProblem]:
    seen: dict[int, int] = {}
    for index, target in enumerate(stream.targets):
        first = seen.setdefault(target.destination_id, index)
        if first != index:
            path = f"targets[{index}].destination_id"
            yield FieldProblem(path, f"destination {target.destination_id} is target {first} already")


def _mapping(template: Template) -> Iterable[FieldProblem]:
    for field, names in template.mapping.items():
        path = f"mapping.{field}"
        if field not in TEMPLATE_FIELDS:
            yield FieldProblem(path, f"no such field; there are: {', '.join(TEMPLATE_FIELDS)}")
        elif not 1 <= len(names) <= MOST_ALIASES:
            yield FieldProblem(path, f"1 to {MOST_ALIASES} parameter names")
        else:
            for index, name in enumerate(names):
                yield from _place(field, name, f"{path}[{index}]")


def _place(field: str, place: str, path: str) -> list[FieldProblem]:
    """A parameter's name, a JSON path or, where that says anything, a constant."""
    if field == "notation":
        known = [f"={it}" for it in money.NOTATIONS]
        return [] if place in known else [FieldProblem(path, "one of " + ", ".join(known))]
    if place.startswith("=") and field in _NO_CONSTANTS:
        return [FieldProblem(path, f"no constant: each postback has a {field} of its own")]
    if wrong := places.fault(place):
        return [FieldProblem(path, wrong)]
    return _param(place, path)


def _presets(link: Link) -> Iterable[FieldProblem]:
    if len(link.params) > MOST_PRESETS:
        yield FieldProblem("params", f"at most {MOST_PRESETS} parameters")
    for name, value in link.params.items():
        path = f"params.{name}"
        yield from _param(name, path)
        yield from _text(value, path, LONGEST_VALUE)


def _param(name: str, path: str) -> list[FieldProblem]:
    if 1 <= len(name) <= LONGEST_PARAM and not _CONTROL.search(name):
        return []
    return [FieldProblem(path, f"a parameter's name has 1 to {LONGEST_PARAM} characters")]
