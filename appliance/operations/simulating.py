"""routing.simulate: what a request, or many, would become, with the catalog as it is or with changes."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC
from itertools import takewhile
from typing import Annotated, Literal
from urllib.parse import urlsplit

from msgspec import Meta, Struct

from appliance.errors import FieldProblem, Missing
from appliance.operations.context import Caller, Context
from appliance.operations.drafts import Draft, drafted
from appliance.operations.explaining import bench_of
from appliance.operations.nouns import Id, Request
from appliance.operations.period import refuse
from appliance.operations.registry import operation
from appliance.operations.workbench import Check, Situation, Workbench
from appliance.reporting import periods
from appliance.routing import networks, verdicts
from appliance.routing.configuration import Built, Configuration, Key
from appliance.routing.draws import nth
from appliance.routing.facts import DETECTED
from appliance.routing.simulation import Arrival, Hop, Outcome, Simulator, distribution, outcome, varied
from appliance.routing.trace import Trace, trace, without_money
from appliance.routing.visit import read_query

MOST_CLICKS = 100_000
MOST_OUTCOMES = 500
MOST_HEADERS = 100
MOST_EXITS = 10
LONGEST_PAGE = 2_048
"""Characters, as the tracking script sends them."""
_DOORS = ("c", "go", "r", "tb")

Text = Annotated[str, Meta(max_length=8_192)]
Short = Annotated[str, Meta(max_length=200)]
Drawn = Annotated[int, Meta(ge=0, lt=2**53)]


class Shut(Request, frozen=True, kw_only=True):
    """A destination that takes no clicks, and the word for why."""

    destination_id: Id
    reason: Short = verdicts.UNHEALTHY


class SimulateRequest(Request, frozen=True, kw_only=True):
    """A request by its `url` (/c/slug?sub1=x, with or without a host), or by `campaign_id` and `query`.

    With a `page` the tracking script tells of the visit: `page` is where it runs, `url` its own
    (/t.js?c=slug), `referrer` the page's. `exits` are the links by which the visitor leaves the landing pages
    that he is sent to, one after another.
    `facts` replace what is detected (country, browser …). `time` is ISO with its zone, now when left out.
    `closed`: destinations that take no clicks; left out, those that are closed now. `cookie` is what a
    sticky visitor's says ("stream" or "stream.destination"), `shown` what he was shown before.
    `clicks` above 1 asks for a distribution: each has a draw of its own from `seed`, and one value each of
    `vary`: parameter, or fact.NAME, → values. `changes` are tried on top of the catalog, checked like any
    change and never stored.
    """

    url: Text = ""
    campaign_id: Id | None = None
    query: Text = ""
    page: Text = ""
    exits: Annotated[tuple[Annotated[int, Meta(ge=1, le=999)], ...], Meta(max_length=MOST_EXITS)] = ()
    method: Literal["GET", "HEAD"] = "GET"
    address: Annotated[str, Meta(max_length=64)] = ""
    user_agent: Annotated[str, Meta(max_length=1_024)] = ""
    referrer: Annotated[str, Meta(max_length=2_048)] = ""
    language: Annotated[str, Meta(max_length=255)] = ""
    headers: dict[str, Text] = {}  # noqa: RUF012
    facts: dict[str, Short] = {}  # noqa: RUF012
    time: Annotated[str, Meta(max_length=64)] = ""
    cookie: Annotated[str, Meta(pattern=r"^([0-9]{1,18}(\.[0-9]{1,18})?)?$")] = ""
    closed: Annotated[tuple[Shut, ...], Meta(max_length=1_000)] | None = None
    shown: Annotated[tuple[Id, ...], Meta(max_length=1_000)] = ()
    draw: Drawn | None = None
    clicks: Annotated[int, Meta(ge=1, le=MOST_CLICKS)] = 1
    seed: Drawn = 1
    vary: dict[str, Annotated[tuple[Short, ...], Meta(min_length=1, max_length=100)]] = {}  # noqa: RUF012
    changes: Draft = ()


class Share(Struct, frozen=True, kw_only=True):
    """How many of the clicks end so. `campaign_id` is the one that decided last, as far as you may see."""

    campaign_id: int
    decision: str
    reason: str
    stream_id: int
    stream: str
    destination_id: int
    destination: str
    clicks: int
    share: float


class Simulation(Struct, frozen=True, kw_only=True):
    """`traces`: the first visitor's, one for each campaign that he went through and each page that he left.
    `outcomes`: where all ended, the most frequent first, 500 at most; `more` is how many there are beside."""

    revision: int
    at_us: int
    traces: tuple[Trace, ...]
    clicks: int
    outcomes: tuple[Share, ...]
    more: int = 0


@operation(
    "routing.simulate",
    permission="streams.read",
    example={
        "url": "/c/shoes?sub1=a",
        "user_agent": "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) Mobile/15E148 Safari/604.1",
        "facts": {"country": "DE"},
        "clicks": 1000,
        "changes": [{"kind": "stream", "id": 1, "values": {"status": "paused"}}],
    },
)
async def simulate(request: SimulateRequest, context: Context) -> Simulation:
    """What a request would become, or how many of N would end where; nothing is recorded and nobody is sent.

    With changes: as it would be with these. Decided by the code that decides clicks, so it is what an edge
    would do that knows what the core knows.
    """
    bench = bench_of(context)
    problems: list[FieldProblem] = []
    door, key = _door(request, problems)
    at_us = _moment(request.time, problems)
    _refuse_names(request, problems)
    refuse(problems, "this cannot be simulated")
    keys: list[Key] = [("campaign", request.campaign_id)] if request.campaign_id is not None else []
    changes = drafted(request.changes, context.caller)
    configuration = await context.catalog.draft(changes, keys, context.caller, (door, key))
    if request.campaign_id is not None:
        campaign = configuration.get("campaign", request.campaign_id)
        door, key = "c", str(getattr(campaign, "slug", ""))
    built = await bench.build(configuration)
    found, _ = built.table.campaign(door, key)
    if found is None or not context.caller.reaches(found.id):
        raise Missing("no campaign answers there: a visitor gets 404")
    arrival = _arrival(request, door, key, at_us, bench.situation())
    return await bench.run(lambda check: _simulated(request, arrival, built, bench, context.caller, check))


def _simulated(
    request: SimulateRequest, arrival: Arrival, built: Built, bench: Workbench, caller: Caller, check: Check
) -> Simulation:
    def made() -> Simulator:
        return Simulator(built.table, bench.detection, arrival, bench.situation().weights)

    def mine(hops: Sequence[Hop]) -> list[Hop]:
        return list(takewhile(lambda hop: caller.reaches(hop.decision.campaign.id), hops))

    draw = request.draw if request.draw is not None else nth(request.seed, 1)
    first = mine(made().click(draw, varied(request.vary, draw)))
    if request.clicks == 1:
        counts: dict[Outcome, int] = {outcome(first[-1].decision): 1}
    else:
        counts = distribution(
            made(), request.clicks, request.seed, request.vary, lambda hops: mine(hops)[-1].decision, check
        )
    names = names_of(built.configuration)
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return Simulation(
        revision=built.configuration.revision,
        at_us=arrival.at_us,
        traces=tuple(_traced(hop, built, arrival.at_us, caller) for hop in first),
        clicks=request.clicks,
        outcomes=tuple(
            Share(
                campaign_id=each.campaign_id,
                decision=each.decision,
                reason=each.reason,
                stream_id=each.stream_id,
                stream=names.get(("stream", each.stream_id), ""),
                destination_id=each.destination_id,
                destination=names.get(("destination", each.destination_id), ""),
                clicks=clicks,
                share=round(clicks / request.clicks, 6),
            )
            for each, clicks in ranked[:MOST_OUTCOMES]
        ),
        more=max(0, len(ranked) - MOST_OUTCOMES),
    )


def _traced(hop: Hop, built: Built, at_us: int, caller: Caller) -> Trace:
    seen = trace(built, hop.decision, hop.visit, at_us)
    return seen if caller.sees_money else without_money(seen, hop.decision.campaign)


def names_of(configuration: Configuration) -> dict[Key, str]:
    return {(kind, entity.id): entity.name for kind, entity in configuration.entities}


def _door(request: SimulateRequest, problems: list[FieldProblem]) -> tuple[str, str]:
    """The door and the key of the request's URL; ("", "") where a campaign is named instead."""
    if bool(request.url) == (request.campaign_id is not None):
        problems.append(FieldProblem("url", "either url or campaign_id, and not both"))
        return "", ""
    try:
        split = urlsplit(request.url)
    except ValueError:
        split = urlsplit("no link")
    _check_page(request, split.path, problems)
    if request.address and networks.number(request.address) is None:
        problems.append(FieldProblem("address", "an IPv4 or IPv6 address"))
    if not request.url:
        return "", ""
    if split.path == "/t.js":
        return _script(split.query, problems)
    door, _, key = split.path.lstrip("/").partition("/")
    if door not in _DOORS or not key or "/" in key:
        words = "a tracked link such as /c/slug?sub1=x: /c/, /go/, /r/ or /tb/ and its key"
        problems.append(FieldProblem("url", words))
    return door, key


def _script(query: str, problems: list[FieldProblem]) -> tuple[str, str]:
    """Whom the tracking script's own URL names, read as the script's calls are."""
    params = read_query(query)
    for door in ("r", "c", "go"):
        if params.get(door):
            return door, params[door]
    problems.append(FieldProblem("url", "whose visits the script tells of: /t.js?c=slug, ?go= or ?r="))
    return "", ""


def _check_page(request: SimulateRequest, path: str, problems: list[FieldProblem]) -> None:
    """`path`: of the request's URL, "" without one."""
    if not request.page:
        if path == "/t.js":
            problems.append(FieldProblem("page", "the address of the page that the script runs on"))
        return
    if path not in ("", "/t.js"):
        problems.append(FieldProblem("page", "only with the tracking script's url: /t.js?c=slug"))
    try:
        scheme = urlsplit(request.page[:LONGEST_PAGE]).scheme
    except ValueError:
        scheme = ""
    if scheme not in ("http", "https"):
        problems.append(FieldProblem("page", "an http(s) URL"))


def _moment(text: str, problems: list[FieldProblem]) -> int:
    if not text:
        return time.time_ns() // 1_000
    try:
        return periods.micros(periods.begin(text, UTC))
    except ValueError as fault:
        problems.append(FieldProblem("time", str(fault)))
        return 0


def _refuse_names(request: SimulateRequest, problems: list[FieldProblem]) -> None:
    for path, given in (("headers", request.headers), ("facts", request.facts), ("vary", request.vary)):
        if len(given) > MOST_HEADERS:
            problems.append(FieldProblem(path, f"at most {MOST_HEADERS}"))
    facts = {f"facts.{name}": name for name in request.facts}
    facts |= {f"vary.{name}": name[5:] for name in request.vary if name.startswith("fact.")}
    for path, name in facts.items():
        if name not in DETECTED and not name.startswith("unique_stream."):
            problems.append(FieldProblem(path, f"one of: {', '.join(DETECTED)}"))


def _arrival(request: SimulateRequest, door: str, key: str, at_us: int, situation: Situation) -> Arrival:
    headers = {name.lower(): value for name, value in request.headers.items()}
    page = urlsplit(request.page[:LONGEST_PAGE])
    named = {
        "user-agent": request.user_agent,
        # What a browser says of a page to another host; the script tells the page's own referrer.
        "referer": f"{page.scheme}://{page.netloc}/" if request.page else request.referrer,
        "accept-language": request.language,
    }
    headers |= {name: value for name, value in named.items() if value}
    split = urlsplit(request.url)
    if split.netloc:
        headers.setdefault("host", split.netloc)
    query = "&".join(part for part in (page.query if request.page else split.query, request.query) if part)
    closed = dict(situation.closed)
    if request.closed is not None:
        closed = {shut.destination_id: shut.reason for shut in request.closed}
    return Arrival(
        door=door,
        key=key,
        query=query,
        method=request.method,
        address=request.address,
        headers=headers,
        referrer=request.referrer,
        script=bool(request.page),
        exits=request.exits,
        facts=request.facts,
        cookie=request.cookie,
        closed=closed,
        shown=request.shown,
        at_us=at_us,
    )
