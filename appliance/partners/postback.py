"""A conversion's revision → deliveries to the targets that want it, and a delivery → its HTTP request.

A delivery keeps what there was to say of the conversion when it was made; how that is said (URL, body,
headers, scale) is the target's as it is at each attempt, so a wrong template is mended and the deliveries
are replayed.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from hashlib import blake2b
from typing import NamedTuple
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

import msgspec

from appliance.model import money
from appliance.model.catalog import PostbackTarget
from appliance.model.conversions import Conversion
from appliance.model.deliveries import Delivery, delivery_id
from appliance.model.postbacks import MACRO, UTM, known
from appliance.partners import webhooks

PREFIX = "postback:"
_HOUR = 3_600_000_000
_SECRETIVE = (
    "secret",
    "token",
    "key",
    "apikey",
    "api_key",
    "pass",
    "password",
    "auth",
    "sig",
    "signature",
    "hash",
)
# What {_name} leaves as it is: nothing that ends a parameter, a value or the query.
_RAW = ":/@,!*()"
MASK = "***"

encode_values = msgspec.msgpack.Encoder().encode
decode_values: Callable[[bytes], dict[str, str]] = msgspec.msgpack.Decoder(dict[str, str]).decode


def key_of(number: int) -> str:
    """A target of the catalog as deliveries name it."""
    return f"{PREFIX}{number}"


def number_of(target: str) -> int | None:
    """The target of the catalog that deliveries name so; None for another kind of target."""
    number = target.removeprefix(PREFIX)
    return int(number) if target.startswith(PREFIX) and number.isdecimal() else None


class Wish:
    """A target's conditions, ready to be asked of every revision."""

    def __init__(self, target: PostbackTarget) -> None:
        self.target = target
        self.key = key_of(target.id)
        self._statuses = frozenset(target.statuses)
        self._types = frozenset(map(str.casefold, target.types))
        self._campaigns = frozenset(target.campaign_ids)
        self._networks = frozenset(target.network_ids)
        self._least = money.micro(target.min_payout) if target.min_payout else None
        self._most = money.micro(target.max_payout) if target.max_payout else None

    def holds(self, it: Conversion) -> bool:
        """Whether the target wants to know of a conversion that is so."""
        payout = it.payout or 0
        return (
            not it.void
            and (not self._statuses or it.status in self._statuses)
            and (not self._types or it.event_type.casefold() in self._types)
            and self.target.source_id in (None, it.click.source_id)
            and (not self._campaigns or it.click.campaign_id in self._campaigns)
            and (not self._networks or it.network_id in self._networks)
            and (self._least is None or payout >= self._least)
            and (self._most is None or payout <= self._most)
            and in_share(it.id, self.target.share)
        )

    def occasion(self, before: Conversion | None, after: Conversion) -> str | None:
        """The key of what is to be told of this revision; None when there is nothing to tell.

        `created` tells a conversion once, the first time that it is as the target wants it; `status` also
        whenever its status changes; `payout` also when its amount does.
        """
        if not self.holds(after):
            return None
        if self.target.on == "created":
            return None if before is not None and self.holds(before) else after.id
        changed = before is None or before.status != after.status or not self.holds(before)
        if self.target.on == "payout" and before is not None:
            changed = changed or (before.payout, before.currency) != (after.payout, after.currency)
        return f"{after.id}.{after.revision}" if changed else None


def wishes(targets: Iterable[PostbackTarget]) -> tuple[Wish, ...]:
    """Those that are told of conversions now."""
    return tuple(Wish(it) for it in targets if it.status == "active" and not it.archived)


class Postings:
    """Who is told of conversions now. `configure` and `post` may be called from different threads."""

    def __init__(self) -> None:
        self._wanted: tuple[Wish, ...] = ()
        self._asked: dict[str, tuple[object, ...]] = {}

    def configure(self, targets: Iterable[PostbackTarget]) -> list[str]:
        """The keys of those that are asked in another way than until now, or that are active again."""
        known = [it for it in targets if not it.archived]
        before, self._asked = self._asked, {key_of(it.id): _asking(it) for it in known}
        self._wanted = wishes(known)
        return [key for key, asking in self._asked.items() if before.get(key, asking) != asking]

    def post(self, before: Conversion | None, after: Conversion, now_us: int) -> list[Delivery]:
        """Post of attribution/settle.py."""
        return deliveries(self._wanted, before, after, now_us)


def _asking(it: PostbackTarget) -> tuple[object, ...]:
    """What an attempt at a target depends on."""
    return it.status, it.url, it.method, it.body, sorted(it.headers.items()), it.secret


def in_share(conversion_id: str, share: int) -> bool:
    """Whether a conversion is among `share` per cent of all; always the same answer for the same one."""
    if share >= 100:
        return True
    digest = blake2b(conversion_id.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest) % 100 < share


def deliveries(
    wanted: Sequence[Wish], before: Conversion | None, after: Conversion, now_us: int
) -> list[Delivery]:
    """What is to be told of a revision, and to whom."""
    found = []
    body = b""
    for wish in wanted:
        key = wish.occasion(before, after)
        if key is None:
            continue
        body = body or encode_values(values_of(before, after))
        found.append(
            Delivery(
                id=delivery_id(wish.key, key),
                target=wish.key,
                conversion_id=after.id,
                revision=after.revision,
                campaign_id=after.click.campaign_id,
                created_us=now_us,
                not_before_us=now_us,
                deadline_us=now_us + wish.target.deadline_hours * _HOUR,
                body=body,
            )
        )
    return found


def values_of(before: Conversion | None, it: Conversion) -> dict[str, str]:
    """Everything there is to say of a conversion now, by macro; `payout` unscaled. Empty ones left out."""
    click = it.click
    seconds = it.at_us // 1_000_000
    values = {
        "click_id": click.id,
        "source_click_id": click.source_click_id,
        "conversion_id": it.id,
        "transaction_id": it.transaction_id,
        "revision": str(it.revision),
        "status": it.status,
        "previous_status": before.status if before is not None else "",
        "original_status": it.original_status,
        "event_type": it.event_type,
        "payout": "" if it.payout is None else decimal(it.payout),
        "currency": it.currency,
        "cost": decimal(click.cost),
        "cost_currency": click.currency,
        "campaign_id": str(click.campaign_id),
        "stream_id": str(click.stream_id),
        "destination_id": str(click.destination_id),
        "source_id": str(click.source_id),
        "network_id": str(it.network_id),
        "link_id": str(click.link_id),
        "timestamp": str(seconds),
        "timestamp_ms": str(it.at_us // 1_000),
        "time": datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "click_timestamp": str(click.at_us // 1_000_000),
        **{f"sub{number}": text for number, text in click.subs.items()},
        **{name: click.utm[name] for name in UTM if name in click.utm},
    }
    return {name: value for name, value in values.items() if value}


def decimal(micro: int) -> str:
    """Micro-units as people write them: 1_500_000 → 1.5."""
    return f"{money.amount(micro):f}"


class Message(NamedTuple):
    """An HTTP request; header names in lower case."""

    method: str
    url: str
    headers: tuple[tuple[str, str], ...]
    body: bytes


def message(target: PostbackTarget, id: str, values: Mapping[str, str], now_us: int) -> Message:
    """The request of one attempt now. Raises ValueError for a body that is no JSON."""
    said = {**values, "delivery_id": id}
    if payout := money.micro(said.get("payout", "")):
        said["payout"] = decimal(payout * target.payout_scale // 100)
    url = fill(target.url, lambda text, raw: quote(text, safe=_RAW if raw else "", errors="replace"), said)
    headers = {"idempotency-key": id}
    body = b""
    if target.method == "POST":
        body = _body(target, said).encode()
        headers["content-type"] = "application/json"
    if target.secret:
        headers |= webhooks.headers(id, now_us // 1_000_000, body, target.secret)
    for name, template in target.headers.items():
        headers[name.lower()] = _line(fill(template, lambda text, raw: text, said))
    return Message(target.method, url, tuple(headers.items()), body)


def fill(template: str, encode: Callable[[str, bool], str], values: Mapping[str, str]) -> str:
    """`template` with its macros replaced, each value put in once; what is not known is empty."""
    pieces, at = [], 0
    for match in MACRO.finditer(template):
        name, argument = match.groups()
        text = words(values.get(known(name), ""), argument)
        pieces += [template[at : match.start()], encode(text, name.startswith("_"))]
        at = match.end()
    return "".join([*pieces, template[at:]])


def words(value: str, argument: str | None) -> str:
    """`sale` by `sale=approved,rejected=declined` → `approved`; a word that is not there stays."""
    if not argument:
        return value
    for pair in argument.replace(" ", ",").split(","):
        ours, equals, theirs = pair.partition("=")
        if equals and ours == value:
            return theirs
    return value


def _body(target: PostbackTarget, values: Mapping[str, str]) -> str:
    if target.body:
        return json.dumps(_filled(json.loads(target.body), values), ensure_ascii=False)
    event = "conversion.updated" if values.get("previous_status") else "conversion.created"
    return json.dumps(
        {"type": event, "timestamp": values.get("time", ""), "data": dict(values)}, ensure_ascii=False
    )


def _filled(value: object, values: Mapping[str, str]) -> object:
    """A JSON document with macros in its texts; "{payout:number}" alone becomes a number, or null."""
    match value:
        case dict():
            return {key: _filled(item, values) for key, item in value.items()}
        case list():
            return [_filled(item, values) for item in value]
        case str():
            whole = MACRO.fullmatch(value)
            if whole is not None and whole.group(2) == "number":
                return _number(values.get(known(whole.group(1)), ""))
            return fill(value, lambda text, raw: text, values)
    return value


def _number(text: str) -> float | int | None:
    try:
        return int(text)
    except ValueError:
        pass
    micro = money.micro(text)
    return None if micro is None else float(money.amount(micro))


def _line(text: str) -> str:
    """A header's value: one line of Latin-1 without control characters."""
    clean = "".join(each if each.isprintable() else " " for each in text)
    return clean.encode("latin-1", "replace").decode("latin-1")


def masked(it: Message, limit: int = 2_000) -> str:
    """A request as an attempt shows it: what looks like a secret is replaced, and only so much is kept."""
    split = urlsplit(it.url)
    query = urlencode(
        [(name, MASK if _secretive(name) else value) for name, value in parse_qsl(split.query, True)],
        safe="*:/,",
    )
    lines = [f"{it.method} {urlunsplit(split._replace(query=query))}"]
    shown = ("content-type", "idempotency-key", "webhook-id", "webhook-timestamp")
    lines += [f"{name}: {value if name in shown else MASK}" for name, value in it.headers]
    if it.body:
        lines += ["", _masked_body(it.body)]
    return "\n".join(lines)[:limit]


def _secretive(name: str) -> bool:
    plain = name.lower().replace("-", "_")
    return plain in _SECRETIVE or plain.endswith(("_secret", "_token", "_key", "_password"))


def _masked_body(body: bytes) -> str:
    def hide(value: object) -> object:
        match value:
            case dict():
                return {key: MASK if _secretive(key) else hide(item) for key, item in value.items()}
            case list():
                return [hide(item) for item in value]
        return value

    return json.dumps(hide(json.loads(body)), ensure_ascii=False)
