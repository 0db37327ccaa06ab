"""One inbound postback: its whole life, and what would become of one that is only tried."""

from __future__ import annotations

import time
from decimal import Decimal
from typing import Annotated, Any
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta, Struct, field

from appliance.attribution.claim import Statement
from appliance.attribution.revisions import figures
from appliance.attribution.template import extract, names
from appliance.errors import FieldProblem, Missing, Refused, Unavailable
from appliance.model.catalog import Network, Template
from appliance.model.conversions import Conversion
from appliance.model.events import PostbackLogEvent
from appliance.model.money import amount
from appliance.model.places import value_at
from appliance.operations.asking import ask
from appliance.operations.context import Context, Forbidden
from appliance.operations.nouns import Id, Request, values_of
from appliance.operations.period import refuse
from appliance.operations.registry import operation
from appliance.operations.reprocessing_desk import Drafts, InboxDesk
from appliance.reporting import inbox
from appliance.routing.visit import read_query

LONGEST_BODY = 65_536
# Numbers as they were written: 12.50 is no 12.5, and an exponent shows.
_decode_json = msgspec.json.Decoder(float_hook=str).decode


class PostbackRequest(Request, frozen=True, kw_only=True):
    id: Annotated[str, Meta(min_length=1, max_length=64)]


class Received(Struct, frozen=True, kw_only=True):
    """As it came, its secret removed; `params` None where money is hidden."""

    id: str
    at_us: int
    stage: str
    network_id: int
    method: str
    params: dict[str, str] | None
    address: str
    request_id: str


class Became(Struct, frozen=True, kw_only=True):
    """What became of it at a time, and how it was understood then."""

    known_us: int
    outcome: str
    reason: str
    click_id: str
    transaction_id: str
    conversion_id: str


class Standing(Struct, frozen=True, kw_only=True):
    """A conversion as it is or would be: `conversions`, `revenue` and `hold` are what it adds to reports."""

    id: str
    status: str
    original_status: str
    event_type: str
    transaction_id: str
    click_id: str
    campaign_id: int
    attributed: bool
    repeated: bool
    at_us: int
    currency: str
    conversions: int
    payout: Decimal | None
    revenue: Decimal | None
    hold: Decimal | None
    original_payout: Decimal | None
    original_currency: str
    rate: str
    revision: int
    postbacks: int


class PostbackLife(Struct, frozen=True, kw_only=True):
    """`received` None: only what became of it is known any more. `conversion` None: it is part of none."""

    received: Received | None
    outcomes: tuple[Became, ...]
    conversion: Standing | None


@operation("postbacks.get", permission="records.read", example={"id": "01a201dc-0c92-7bd0-8060-0e54d6026f6b"})
async def get(request: PostbackRequest, context: Context) -> PostbackLife:
    """One inbound postback: as it was received, all that became of it, and the conversion it is part of."""
    whole_reach(context)
    rows = await ask(inbox.life(request.id), context, "postbacks.get")
    if not rows:
        raise Missing("there is no such postback (yet: it takes a second or two to arrive here)")
    outcomes = tuple(_became(row) for row in rows if row["stage"] != "received")
    part_of = outcomes[-1].conversion_id if outcomes else ""
    found = await desk_of(context).conversions([part_of]) if part_of else {}
    conversion = found.get(part_of)
    raw = next((row for row in rows if row["stage"] != "processed"), None)
    return PostbackLife(
        received=_received(raw, context) if raw is not None else None,
        outcomes=outcomes,
        conversion=standing(conversion, context) if conversion and not conversion.void else None,
    )


class TestRequest(Request, frozen=True, kw_only=True):
    """`url`: where it would be sent, or its query; `body` with its `content_type`, or `params` themselves.

    The network by `network_id`, or by the slug in the url. `network` and `template`: fields of it and of its
    template as they might be, as in networks.change and templates.change.
    """

    network_id: Id | None = None
    url: Annotated[str, Meta(max_length=LONGEST_BODY)] = ""
    body: Annotated[str, Meta(max_length=LONGEST_BODY)] = ""
    content_type: Annotated[str, Meta(max_length=100)] = ""
    params: dict[str, str] = field(default_factory=dict)
    network: dict[str, Any] = field(default_factory=dict)
    template: dict[str, Any] = field(default_factory=dict)


class TestedClick(Struct, frozen=True, kw_only=True):
    """`found`: whether such a click is known."""

    id: str
    found: bool
    at_us: int = 0
    campaign_id: int = 0
    source_id: int = 0


class Tested(Struct, frozen=True, kw_only=True):
    """`fields`: what each of our fields found, `places`: where; `notes`: what is wrong with some. `outcome`,
    `reason`: what would become of it; `before`: the conversion that is there, `after`: what that would be."""

    network_id: int
    fields: dict[str, str]
    places: dict[str, str]
    notes: tuple[str, ...]
    status: str
    click: TestedClick | None
    outcome: str
    reason: str
    before: Standing | None
    after: Standing | None


@operation(
    "postbacks.test",
    permission="records.read",
    example={
        "network_id": 1,
        "url": "https://go.example.com/pb/some-network?cid=…&payout=12.50&status=approved",
    },
)
async def test(request: TestRequest, context: Context) -> Tested:
    """What would become of a postback, by the network as it is or as it might be. Nothing is stored."""
    whole_reach(context)
    network, template, drafts = await drafted(
        request.network_id or await _by_slug(request.url, context), request.network, request.template, context
    )
    params = _params(request)
    if network.secret or network.secrets:
        for name in names(template, "secret"):
            params.pop(name, None)
    now = time.time_ns() // 1_000
    event = PostbackLogEvent(1, "0" * 32, now, "received", "", "", network.id, "TEST", params, "", "")
    tried = await desk_of(context).test(event, drafts)
    found = extract(template, params)
    fields = {name: value for name, value in found._asdict().items() if isinstance(value, str) and value}
    meaning, click = tried.meaning, tried.click
    said = isinstance(meaning, Statement)
    if not context.caller.sees_money:
        fields.pop("payout", None)
    return Tested(
        network_id=network.id,
        fields=fields,
        places={name: _place(name, value, template, params) for name, value in fields.items()},
        notes=meaning.notes if isinstance(meaning, Statement) else found.notes,
        status=meaning.status if isinstance(meaning, Statement) else "",
        click=_click(meaning.click_id, click) if said and meaning.click_id else None,
        outcome=tried.outcome,
        reason=tried.reason,
        before=standing(tried.before, context) if tried.before and not tried.before.void else None,
        after=standing(tried.after, context) if tried.after else None,
    )


async def drafted(
    network_id: int, network: dict[str, Any], template: dict[str, Any], context: Context
) -> tuple[Network, Template | None, Drafts]:
    """A network and its template with these fields changed, and what that makes of both. Raises Refused."""
    found = await context.catalog.get("network", network_id)
    assert isinstance(found, Network)
    problems: list[FieldProblem] = []
    networks: dict[int, Network] = {}
    templates: dict[int, Template] = {}
    if network:
        values = await _values("network", found.id, network, problems, context)
        found = networks[found.id] = msgspec.structs.replace(found, **values)
    refuse(problems, "this network cannot be tried")
    of = await context.catalog.get("template", found.template_id) if found.template_id else None
    assert of is None or isinstance(of, Template)
    if template:
        values = await _values("template", of.id if of else None, template, problems, context)
        refuse(problems, "this template cannot be tried")
        if of is None:  # one that the network would have
            of = Template(id=_NO_TEMPLATE, **{"name": "", **values})
            found = networks[found.id] = msgspec.structs.replace(found, template_id=_NO_TEMPLATE)
        else:
            of = msgspec.structs.replace(of, **values)
        templates[of.id] = of
    return found, of, Drafts(networks, templates)


_NO_TEMPLATE = 2**53
"""Stands for a template that is not there; no other has this number."""


async def _values(
    kind: Any, number: int | None, given: dict[str, Any], problems: list[FieldProblem], context: Context
) -> dict[str, Any]:
    try:
        values = values_of(kind, given if number is not None else {"name": "tried", **given}, number)
    except Refused as fault:
        problems += [FieldProblem(f"{kind}.{it.path}", it.message) for it in fault.fields]
        return {}
    wrong = await context.catalog.faults(kind, number, values)
    problems += [FieldProblem(f"{kind}.{it.path}", it.message) for it in wrong]
    return dict(values)


def desk_of(context: Context) -> InboxDesk:
    if context.inbox is None:
        raise Unavailable("no postbacks are processed here")
    return context.inbox


def whole_reach(context: Context) -> None:
    """A postback belongs to no campaign."""
    if context.caller.campaigns is not None:
        raise Forbidden("these records belong to no campaign: whoever sees some campaigns only sees none")


def standing(it: Conversion, context: Context) -> Standing:
    """A conversion as people read it."""
    counted, sees = figures(it), context.caller.sees_money

    def money(value: int | None) -> Decimal | None:
        return amount(value) if sees and value is not None else None

    return Standing(
        id=it.id,
        status=it.status,
        original_status=it.original_status,
        event_type=it.event_type,
        transaction_id=it.transaction_id,
        click_id=it.click.id,
        campaign_id=it.click.campaign_id,
        attributed=it.attributed,
        repeated=it.repeated,
        at_us=it.at_us,
        currency=it.currency,
        conversions=counted.conversions,
        payout=money(it.payout),
        revenue=money(counted.revenue),
        hold=money(counted.hold),
        original_payout=money(it.original_payout),
        original_currency=it.original_currency,
        rate=it.rate if sees else "",
        revision=it.revision,
        postbacks=len(it.history),
    )


def _received(row: dict[str, Any], context: Context) -> Received:
    return Received(
        id=row["id"],
        at_us=row["at_us"],
        stage=row["stage"],
        network_id=row["network_id"],
        method=row["method"],
        params=dict(row["params"]) if context.caller.sees_money else None,
        address=row["address"],
        request_id=row["request_id"],
    )


def _became(row: dict[str, Any]) -> Became:
    return Became(
        known_us=row["known_us"],
        outcome=row["outcome"],
        reason=row["reason"],
        click_id=row["click_id"],
        transaction_id=row["transaction_id"],
        conversion_id=row["conversion_id"],
    )


def _click(id_: str, click: Any) -> TestedClick:
    if click is None:
        return TestedClick(id=id_, found=False)
    return TestedClick(
        id=id_, found=True, at_us=click.at_us, campaign_id=click.campaign_id, source_id=click.source_id
    )


def _place(field_: str, value: str, template: Template | None, params: dict[str, str]) -> str:
    """The parameter, path or constant that a field's value came from."""
    for place in names(template, field_):
        if (value_at(place, params) or "").strip() == value:
            return place
    return ""


async def _by_slug(url: str, context: Context) -> int:
    parts = urlsplit(url).path.split("/") if url else []
    if "pb" in parts[:-1] and (slug := parts[parts.index("pb") + 1]):
        return (await context.catalog.get("network", slug)).id
    raise Refused(
        "of which network?", [FieldProblem("network_id", "or a url with /pb/ and the network's slug")]
    )


def _params(request: TestRequest) -> dict[str, str]:
    """The fields as the door would take them."""
    split = request.url if "?" not in request.url else request.url.split("?", 1)[1].split("#", 1)[0]
    found = read_query(split) if "=" in split else {}
    if request.body:
        kind = request.content_type.partition(";")[0].strip().lower()
        if kind.endswith("json") or (not kind and request.body.lstrip()[:1] == "{"):
            try:
                fields = _decode_json(request.body)
            except (msgspec.DecodeError, RecursionError):
                fields = None
            if not isinstance(fields, dict):
                raise Refused("the body cannot be read", [FieldProblem("body", "one JSON object")])
            found |= {
                name: item if isinstance(item, str) else msgspec.json.encode(item).decode()
                for name, item in fields.items()
                if item is not None
            }
        else:
            found |= read_query(request.body)
    return {**found, **request.params}
