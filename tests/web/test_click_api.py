"""POST /api/click, on real sockets: who may ask, what is believed, what is answered, in whose words."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.actors.kernel import Mailbox
from appliance.actors.router import Router
from appliance.http.public import click_api
from appliance.http.public.callers import GUESSES_AT_ONCE, Callers
from appliance.http.public.pace import Pace
from appliance.http.public.request import Request
from appliance.model.catalog import Campaign
from appliance.model.events import ClickEvent, decode
from appliance.model.rules import Answer, Rule, Target
from appliance.routing.decision import url_hash
from tests.pure.tables import build, destination, parts, stream
from tests.web.front import FORM, JSON, Front, front

SECRET = "the secret of the campaign"


def entities():
    asked = Rule(param="page", operator="exists")
    ios = Rule(fact="header.x-app", operator="eq", value="ios")
    return (
        Campaign(id=1, slug="shoes", public_id="P1", secret=SECRET, trafficback_url="https://back.example/"),
        Campaign(id=2, slug="boots", public_id="P2", secret=SECRET + "2"),
        Campaign(id=3, slug="closed", public_id="P3"),
        destination(1, "https://offer.example/a?c={click_id}&s={sub1}&u={user_agent}"),
        destination(2, "https://ios.example/"),
        destination(9, "https://land.example/?t={lp_token}", exits=((Target(destination_id=1),),)),
        stream(1, 1, rules=(asked,), answer=Answer(kind="js")),
        stream(2, 2, rules=(ios,)),
        stream(3, 1, rules=(Rule(param="nobody", operator="not_exists"),)),
        stream(4, 9, campaign=2),
        stream(5, 1, campaign=3),
    )


@pytest.fixture
async def edge(tmp_path: Path) -> AsyncIterator[Front]:
    async with front(tmp_path, parts=parts(*entities()), trusted_proxies=("127.0.0.0/8",)) as made:
        yield made


async def ask(edge: Front, body: object, headers: Mapping[str, str] = JSON):
    return await edge.ask("/api/click", "POST", headers, json.dumps(body).encode())


async def test_a_program_asks_where_its_visitor_goes(edge: Front) -> None:
    asked = {
        "token": SECRET, "campaign": "shoes", "ip": "2001:DB8::7", "ua": "Mozilla/5.0 (x)", "language": "de",
        "referrer": "https://blog.example/", "host": "shop.example", "params": {"sub1": "a b", "fbclid": "F"},
        "cost": 0.5,
    }  # fmt: skip
    answer = await ask(edge, asked, JSON | {"X-Request-Id": "r-1", "User-Agent": "php", "Cookie": "x=1"})
    (event,) = edge.events(ClickEvent)
    told = json.loads(answer.body)
    url = f"https://offer.example/a?c={event.id}&s=a%20b&u=Mozilla%2F5.0%20%28x%29"
    assert told == {
        "click_id": event.id, "campaign_id": 1, "stream_id": 3, "destination_id": 1, "url": url,
        "decision": "destination", "reason": "", "counted": True, "status": 302, "headers": {"Location": url},
        "content_type": "", "body": "", "cookies": {}, "lp_token": "",
    }  # fmt: skip
    assert (event.door, event.user_agent, event.language) == ("api", "Mozilla/5.0 (x)", "de")
    assert (event.host, event.referrer, event.request_id) == ("shop.example", "https://blog.example/", "r-1")
    assert (event.subs, event.source_click_id, event.cost) == ({1: "a b"}, "F", 500_000)
    assert (event.address, event.url_hash) == ("2001:db8:0::", url_hash(url))
    assert [identity.address for identity in edge.identities()] == ["2001:db8::7"]
    assert SECRET.encode() not in edge.journal_bytes()


async def test_without_an_address_the_caller_is_the_visitor(edge: Front) -> None:
    await ask(edge, {"token": SECRET}, JSON | {"X-Forwarded-For": "203.0.113.7"})
    assert [identity.address for identity in edge.identities()] == ["203.0.113.7"]


@pytest.mark.parametrize(
    ("asked", "headers"),
    [
        ({"token": SECRET}, {}),
        ({"secret": SECRET, "campaign": "P1"}, {}),
        ({"campaign": "shoes"}, {"Authorization": f"Bearer {SECRET}"}),
        ({}, {"Authorization": f"bearer {SECRET}"}),
    ],
)
async def test_the_secret_may_stand_in_either_place(edge: Front, asked, headers) -> None:
    assert json.loads((await ask(edge, asked, JSON | headers)).body)["campaign_id"] == 1


@pytest.mark.parametrize(
    ("named", "found"), [({}, None), ({"campaign": "boots"}, 2), ({"campaign": "P1"}, 1)]
)
def test_a_secret_of_several_campaigns_is_good_with_a_name_only(named, found) -> None:
    same = {"secret": SECRET}
    table = build(
        Campaign(id=1, slug="shoes", public_id="P1", **same),
        Campaign(id=2, slug="boots", public_id="P2", **same),
        Campaign(id=3, slug="hats", public_id="P3", **same),
    )
    request = Request()
    request.body = json.dumps({"token": SECRET, **named}).encode()
    campaign = click_api.campaign_of(click_api.read(request), table)
    assert (campaign.id if campaign is not None else None) == found


@pytest.mark.parametrize(
    "asked",
    [
        {}, {"token": ""}, {"token": "wrong"}, {"token": SECRET + "x"}, {"token": SECRET[:-1]}, {"token": 1},
        {"token": [SECRET]}, {"campaign": "shoes"}, {"campaign": "boots", "token": SECRET},
        {"campaign": "closed", "token": ""}, {"campaign": "closed", "token": SECRET}, {"campaign": "closed"},
        {"campaign": "none", "token": SECRET},
    ],
)  # fmt: skip
async def test_who_has_not_the_campaign_s_secret_is_told_nothing(edge: Front, asked) -> None:
    answer = await ask(edge, asked)
    assert (answer.status, json.loads(answer.body)) == (
        403, {"error": "There is no such campaign, or this is not its secret."}
    )  # fmt: skip
    assert edge.events(ClickEvent) == []


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        (b"[]", 400), (b"{", 400), (b'"x"', 400), (b"\xff", 400),
        (json.dumps({"token": SECRET, "ip": "x"}).encode(), 400),
        (json.dumps({"token": SECRET, "ip": 7}).encode(), 400),
        (json.dumps({"token": SECRET, "params": 7}).encode(), 400),
        (json.dumps({"token": SECRET, "headers": 7}).encode(), 400),
        (json.dumps({"token": SECRET, "headers": "{"}).encode(), 400),
        (json.dumps({"token": SECRET, "uri": "http://[x"}).encode(), 400),
        (json.dumps({"token": SECRET, "sub1": "x" * 9_000}).encode(), 400),
        (json.dumps({"token": SECRET, "sub1": "x" * 70_000}).encode(), 413),
    ],
)  # fmt: skip
async def test_what_cannot_be_read_is_refused_with_its_reason(edge: Front, asked: bytes, status: int) -> None:
    answer = await edge.ask("/api/click", "POST", JSON, asked)
    assert answer.status == status and json.loads(answer.body)["error"]
    assert edge.events(ClickEvent) == []


async def test_only_post_is_answered(edge: Front) -> None:
    for method in ("GET", "HEAD", "PUT"):
        assert (await edge.ask("/api/click", method)).status == 405


async def test_pages_rules_on_headers_and_trafficback_through_the_api(edge: Front) -> None:
    page = json.loads((await ask(edge, {"token": SECRET, "page": "1"})).body)
    assert (page["status"], page["headers"]) == (200, {})
    assert page["url"].replace("&", "&amp;") in page["body"]
    assert page["content_type"] == "text/html; charset=utf-8"
    ios = json.loads((await ask(edge, {"token": SECRET, "headers": {"X-App": "ios"}})).body)
    assert ios["url"] == "https://ios.example/"
    back = json.loads((await ask(edge, {"token": SECRET, "nobody": ""})).body)
    assert (back["decision"], back["reason"]) == ("trafficback", "no_matching_stream")
    bot = json.loads((await ask(edge, {"token": SECRET, "ua": "Googlebot/2.1"})).body)
    assert bot["destination_id"] == 1 and edge.events(ClickEvent)[-1].flags == ("bot",)
    head = json.loads((await ask(edge, {"token": SECRET, "method": "HEAD", "prefetch": True})).body)
    assert not head["counted"] and edge.events(ClickEvent)[-1].flags == ("head", "prefetch")


async def test_a_landing_page_s_token_and_cookie_are_the_program_s_to_pass_on(edge: Front) -> None:
    told = json.loads((await ask(edge, {"token": SECRET + "2", "sub1": "x"})).body)
    assert told["cookies"] == {"weir_lp": told["lp_token"]} and told["lp_token"] in told["url"]
    left = await edge.ask(f"/lp/{told['lp_token']}/1")
    assert "s=x" in left.location
    again = json.loads((await ask(edge, {"token": SECRET + "2", "cookies": told["cookies"]})).body)
    assert again["cookies"]["weir_lp"] == f"{again['lp_token']}~{told['lp_token']}"


async def test_keitaro_s_words_in_and_out(edge: Front) -> None:
    asked = {
        "token": SECRET, "info": "1", "kversion": "3.4", "ip": "203.0.113.7", "ua": "Mozilla/5.0", "log": "1",
        "language": "de", "x_requested_with": "app", "original_host": "shop.example",
        "original_method": "GET",
        "original_headers": json.dumps({"X-App": "ios", "Accept": ["a", "b"]}), "sub_id_3": "three",
        "external_id": "E", "uri": "/x?utm_source=fb", "prefetch": "0", "force_redirect_offer": "0",
    }  # fmt: skip
    answer = await edge.ask("/api/click", "POST", FORM, urlencode(asked).encode())
    (event,) = edge.events(ClickEvent)
    assert (event.subs, event.utm, event.source_click_id) == ({3: "three"}, {"utm_source": "fb"}, "E")
    assert (event.host, event.flags, event.address) == ("shop.example", (), "203.0.113.0")
    told = json.loads(answer.body)
    assert told["headers"] == ["Location: https://ios.example/"] and told["status"] == 302
    assert told["body"] == "" and told["log"] == [] and told["uniqueness_cookie"] == ""
    assert told["info"] == {
        "campaign_id": 1, "stream_id": 2, "landing_id": 0, "offer_id": 2, "sub_id": event.id, "token": "",
        "type": "http", "url": "https://ios.example/", "is_bot": False,
        "uniqueness": {"campaign": False, "stream": False, "global": False},
    }  # fmt: skip
    landed = json.loads((await ask(edge, {"token": SECRET + "2", "format": "keitaro"})).body)
    assert (landed["info"]["landing_id"], landed["info"]["offer_id"]) == (9, 0)


async def test_who_guesses_is_not_even_compared(tmp_path: Path) -> None:
    async with front(tmp_path, parts=parts(*entities()), trusted_proxies=("127.0.0.0/8",)) as edge:
        guesser = JSON | {"X-Forwarded-For": "2001:db8:1:1::5"}
        for _ in range(GUESSES_AT_ONCE):
            assert (await ask(edge, {"token": "guess"}, guesser)).status == 403
        neighbour = JSON | {"X-Forwarded-For": "2001:db8:1:1::6"}
        for asking in (guesser, neighbour):
            answer = await ask(edge, {"token": SECRET}, asking)
            assert answer.status == 429 and 0 < int(answer.headers["retry-after"]) <= 3
        assert edge.events(ClickEvent) == []
        other = JSON | {"X-Forwarded-For": "2001:db8:1:2::5"}
        assert (await ask(edge, {"token": SECRET}, other)).status == 200


def test_a_client_s_pace_is_bounded_fills_evenly_and_forgets_the_oldest():
    pace = Pace(2.0, 3, clients=2)
    assert [pace.take("10.0.0.1", 0) for _ in range(4)] == [0, 0, 0, 500_001]
    assert pace.wait_us("10.0.0.1", 250_000) == 250_001 and pace.wait_us("10.0.0.1", 500_001) == 0
    assert [pace.take("10.0.0.1", 10_000_000) for _ in range(4)] == [0, 0, 0, 500_001]
    assert pace.take("10.0.0.2", 10_000_000) == 0
    assert pace.wait_us("10.0.0.1", 10_000_000) > 0
    assert pace.take("10.0.0.3", 10_000_000) == 0  # the first is forgotten
    assert pace.wait_us("10.0.0.1", 10_000_000) == 0


def test_what_is_charged_is_owed_however_much_is_owed_already():
    pace = Pace(2.0, 3)
    for _ in range(3):
        pace.charge("10.0.0.1", 0, 5)
    assert pace.wait_us("10.0.0.1", 0) == 6_500_001, "12 are owed, and one is wanted"
    assert pace.take("10.0.0.1", 6_500_000) == 0


def _asking(fields: Mapping[str, object]) -> tuple[dict[str, object], ClickEvent | None]:
    """The API without a socket: what is told, and what was recorded."""
    recorded: list[bytes] = []
    router = Router(Mailbox("router", 1), lambda unit, refusable=False: recorded.extend(unit))
    router.table = build(*entities())
    request = Request()
    request.method, request.headers = b"POST", {b"content-type": b"application/json"}
    request.body = json.dumps(fields).encode()
    reply = Callers(router).click(request, "203.0.113.7", "")
    events = [decode(body) for body in recorded]
    clicks = [event for event in events if isinstance(event, ClickEvent)]
    return json.loads(reply.body), clicks[0] if clicks else None


ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
NAMES = st.sampled_from(
    ["ip", "ua", "language", "referrer", "host", "method", "headers", "cookies", "params", "uri", "prefetch",
     "info", "log", "sub1", "sub_id_2", "url", "redirect_url", "request_id", "x_requested_with", "cost"]
)  # fmt: skip


@given(st.dictionaries(NAMES | st.text(max_size=8), ANY, max_size=8))
def test_whatever_is_asked_the_answer_is_json_and_leads_to_the_catalog(fields):
    told, event = _asking({**fields, "token": SECRET, "campaign": "shoes"})
    if "error" in told:
        assert event is None
        return
    url = told["url"] if "url" in told else told["info"]["url"]
    assert urlsplit(url).hostname in ("offer.example", "ios.example", "back.example")
    assert event is not None and event.url_hash == url_hash(url)


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"ua": {"a": 1}}, "ua is a text"),
        ({"user_agent": 5}, "user_agent is a text"),
        ({"original_host": ["h"]}, "original_host is a text"),
        ({"uri": 7}, "uri is a text"),
        ({"uri": "//["}, "uri cannot be read"),
        ({"ip": ["203.0.113.7"]}, "ip is an IPv4 or IPv6 address, as text"),
        ({"cookies": 7}, "cookies is an object of texts"),
        ({"cookies": "a=b"}, "cookies is an object of texts"),
        ({"original_headers": [1]}, "original_headers is an object of texts, at most 100"),
        ({"headers": {f"x{n}": "" for n in range(101)}}, "headers is an object of texts, at most 100"),
        ({"params": [1]}, "params is an object, or a query string"),
    ],
)
async def test_a_field_of_another_kind_is_named(edge: Front, asked, words: str) -> None:
    answer = await ask(edge, {"token": SECRET, **asked})
    assert (answer.status, json.loads(answer.body)) == (400, {"error": words})
    assert edge.events(ClickEvent) == []


async def test_null_is_nothing_and_a_campaign_that_is_no_text_is_none(edge: Front) -> None:
    nothing = dict.fromkeys(("campaign", "ua", "host", "headers", "cookies", "uri", "params", "ip"))
    assert (await ask(edge, {"token": SECRET, **nothing})).status == 200
    assert (await ask(edge, {"token": SECRET, "campaign": 1})).status == 403
