"""The same inputs give the same decision at every door: the redirect, the click API, simulate and explain."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.actors.kernel import Mailbox
from appliance.actors.router import Router
from appliance.http.public.request import Request
from appliance.http.public.routes import Routes
from appliance.model.catalog import Entity, Kind
from appliance.model.events import ClickEvent, decode
from appliance.model.table import SettingsEntry
from appliance.routing.configuration import Configuration, build
from appliance.routing.decision import url_hash
from appliance.routing.detection import Detection
from appliance.routing.draws import DRAW_BITS
from appliance.routing.recorded import Step, decide_again, differences
from appliance.routing.simulation import Arrival, Simulator
from appliance.routing.table import RoutingTable
from tests import routing_history as history
from tests.records import NOON

replace = msgspec.structs.replace
SECRET = "a secret of the campaign"


class Root:
    root_status, root_text, root_redirect = 404, "", ""


def configuration(rng: random.Random) -> Configuration:
    """Two campaigns with every feature that the seed chose; the first has a link and a click API."""
    numbers = range(1, 6)
    held: list[tuple[Kind, Entity]] = [("source", replace(history.source(rng, 1), id=1))]
    for n in numbers:
        others = [number for number in numbers if number < n]
        held.append(("destination", replace(history.destination(rng, n, others), id=n)))
    for n in (1, 2):
        made = replace(history.campaign(rng, n, [1]), id=n, secret=SECRET if n == 1 else "")
        held.append(("campaign", made))
        for index in range(4):
            stream = history.stream(rng, n, list(numbers), [1, 2] if n == 1 else [])
            held.append(("stream", replace(stream, id=n * 10 + index)))
    held.append(("link", replace(history.link(rng, 1, 1), id=1)))
    return Configuration(7, SettingsEntry(seal=b"k" * 32), held)


class Edge:
    """The public port's routes over a router that keeps what it recorded."""

    def __init__(self, table: RoutingTable) -> None:
        self.clicks: list[ClickEvent] = []
        self.router = Router(Mailbox("router", 1), self._append, clock_us=lambda: NOON, detection=Detection())
        self.router.table = table
        self.routes = Routes(self.router, Root(), (), lambda: True)

    def _append(self, unit: Sequence[bytes], refusable: bool = False) -> None:
        self.clicks += [event for event in map(decode, unit) if isinstance(event, ClickEvent)]

    def ask(
        self, method: bytes, target: bytes, headers: dict[bytes, bytes], body: bytes = b""
    ) -> list[ClickEvent]:
        request = Request()
        request.method, request.target, request.headers, request.body = method, target, headers, body
        before = len(self.clicks)
        self.routes.answer(request, "192.0.2.7")
        return self.clicks[before:]


TEXTS = st.text(max_size=12) | st.sampled_from(["a", "DE", "{X}", "0.5", "%", "é"])
NAMES = st.sampled_from(
    ["country", "x", "cost", "sub1", "zone", "clickid", "rid", "utm_source", "lpurl", "other"]
)
VISITS = st.fixed_dictionaries(
    {
        "seed": st.integers(0, 2**32),
        "params": st.dictionaries(NAMES, TEXTS, max_size=6),
        "agent": st.sampled_from(history.AGENTS),
        "app": st.sampled_from(["", "one", "two"]),
        "language": st.sampled_from(["", "de-DE,de;q=0.9", "xx"]),
        "prefetch": st.booleans(),
    }
)


@settings(max_examples=150, deadline=None)
@given(VISITS)
def test_every_door_decides_alike(given: dict[str, Any]) -> None:
    rng = random.Random(given["seed"])
    built = next(step for step in build(configuration(rng), lambda _: {}) if step is not None)
    edge = Edge(built.table)
    params = {n: v.encode("utf-8", "replace").decode() for n, v in given["params"].items()}
    query = "&".join(f"{quote(name)}={quote(value)}" for name, value in params.items())
    headers = {b"host": b"go.example", b"user-agent": given["agent"].encode()}
    if given["app"]:
        headers[b"x-app"] = given["app"].encode()
    if given["language"]:
        headers[b"accept-language"] = given["language"].encode()
    if given["prefetch"]:
        headers[b"sec-purpose"] = b"prefetch"

    clicks = edge.ask(b"GET", b"/c/c1?" + query.encode(), dict(headers))
    assert clicks
    first = clicks[0]

    # Explain: what was recorded comes out of the record.
    parents: list[Step] = []
    for click in clicks:
        step = Step(click, built.table)
        decision, visit = decide_again(step, parents)
        assert differences(step, decision, visit) == ()
        parents.append(step)

    # Simulate: the same request with the same draw.
    arrival = Arrival(
        door="c", key="c1", query=query, address="192.0.2.7", at_us=NOON,
        headers={name.decode(): value.decode() for name, value in headers.items()},
    )  # fmt: skip
    hops = Simulator(built.table, Detection(), arrival).click(first.inputs.draw)
    hop = hops[0]
    assert (hop.decision.kind, hop.decision.reason) == (first.decision, first.reason)
    assert (hop.decision.stream_id, hop.decision.destination_id) == (first.stream_id, first.destination_id)
    assert hop.decision.inputs == first.inputs
    if not hop.decision.landing:  # its token seals the click's id
        assert url_hash(hop.decision.url.replace(hop.visit.click_id, first.id)) == first.url_hash

    # The click API: the same visit, told of by a program; it has a draw of its own.
    body = {"token": SECRET, "ip": "192.0.2.7", "params": params, "prefetch": given["prefetch"]}
    body["headers"] = {
        n.decode(): v.decode() for n, v in headers.items() if n not in (b"host", b"sec-purpose")
    }
    other = Edge(built.table)
    [told_of, *_] = other.ask(
        b"POST", b"/api/click", {b"content-type": b"application/json"}, json.dumps(body).encode()
    )
    again = Simulator(built.table, Detection(), arrival).click(told_of.inputs.draw)[0].decision
    assert (again.kind, again.stream_id, again.destination_id) == (
        told_of.decision, told_of.stream_id, told_of.destination_id,
    )  # fmt: skip
    assert again.inputs == told_of.inputs
    assert 0 <= told_of.inputs.draw < 2**DRAW_BITS

    # The tracking script: the same parameters on a page, whose referrer the page tells.
    page = {"c": "c1", "page": f"https://page.example/?{query}", "referrer": "https://www.google.com/"}
    by_script = Edge(built.table)
    [seen, *_] = by_script.ask(b"POST", b"/api/track", dict(headers), json.dumps(page).encode())
    scripted = msgspec.structs.replace(arrival, script=True, referrer="https://www.google.com/")
    again = Simulator(built.table, Detection(), scripted).click(seen.inputs.draw)[0].decision
    assert (again.kind, again.stream_id, again.destination_id) == (
        seen.decision, seen.stream_id, seen.destination_id,
    )  # fmt: skip
    assert again.inputs == seen.inputs
    step = Step(seen, built.table)
    assert differences(step, *decide_again(step)) == ()

    # Out of a landing page, by every exit that there is and one more.
    if hop.decision.landing:
        for number in (1, 2, 3):
            way = edge.ask(b"GET", b"/lp/" + hop.decision.landing.encode() + b"/%d" % number, dict(headers))
            steps = [Step(clicks[0], built.table)]
            for click in way:
                steps.append(Step(click, built.table))
                assert differences(steps[-1], *decide_again(steps[-1], steps[:-1])) == ()
            followed = Simulator(built.table, Detection(), msgspec.structs.replace(arrival, exits=(number,)))
            out = followed.click(first.inputs.draw)[1].decision
            assert (out.kind, out.stream_id) == (way[0].decision, way[0].stream_id)
            assert [v[0] for v in out.inputs.destinations] == [v[0] for v in way[0].inputs.destinations]
