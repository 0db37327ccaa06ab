"""The public port's other answers, on real sockets: pages, campaigns, landings, the script, trafficback."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import parse_qsl, quote, urlsplit

import pytest

from appliance.model.catalog import Campaign, Link, Source
from appliance.model.events import ClickEvent, ClickIdentity, TrafficbackEvent
from appliance.model.rules import Answer, Rule, Target, Transparent
from appliance.routing.decision import url_hash
from tests.pure.tables import destination, parts, stream
from tests.web.front import Front, front

SECRET = "the secret of the campaign"
KINDS = (
    Answer(status=301), Answer(kind="meta"), Answer(kind="double_meta"), Answer(kind="js"),
    Answer(kind="iframe"), Answer(kind="form_post"), Answer(kind="text", body="hé"),
    Answer(kind="html", body="<h1>x</h1>"), Answer(kind="json", body='{"a":1}'),
    Answer(kind="status", status=404), Answer(kind="status", status=204),
)  # fmt: skip


def shop():
    """Campaign shoes: one stream for each answer, asked for by ?k=; others that hand on, a landing page."""
    streams = [
        stream(n, 1, answer=answer, rules=(Rule(param="k", operator="eq", value=str(n)),))
        for n, answer in enumerate(KINDS)
    ]
    landing = destination(
        9, "https://land.example/?t={lp_token}&c={click_id}",
        exits=((Target(destination_id=2),), (Target(destination_id=3),)),
    )  # fmt: skip
    return parts(
        Campaign(id=1, slug="shoes", public_id="P1", secret=SECRET, trafficback_url="https://back.example/"),
        Campaign(id=2, slug="first", public_id="P2", source_id=1),
        Campaign(id=3, slug="page", public_id="P3", secret=SECRET + "3", currency="EUR"),
        Campaign(id=4, slug="google", public_id="P4", source_id=2),
        Source(id=1, currency="USD"),
        Source(id=2, transparent=Transparent(hosts=("shop.example",))),
        destination(1, "https://offer.example/a?s={sub1}&c={click_id}", network_id=None),
        destination(
            2, "https://two.example/?c={click_id}&s={sub1}&u={utm_source}&b={sub5}&i={source_click_id}"
        ),
        destination(3),
        landing,
        *streams,
        stream(20, campaign=2, answer=Answer(kind="campaign", campaign_id=3)),
        stream(30, 9, campaign=3),
        stream(40, 1, campaign=4),
        Link(id=1, token="tok", campaign_id=3, params={"sub1": "preset"}),
    )


@pytest.fixture
async def edge(tmp_path: Path) -> AsyncIterator[Front]:
    async with front(tmp_path, parts=shop(), trusted_proxies=("127.0.0.0/8",)) as made:
        yield made


@pytest.mark.parametrize("n", range(len(KINDS)), ids=lambda n: f"{KINDS[n].kind}-{KINDS[n].status}")
async def test_every_kind_of_answer_is_sent_and_recorded(edge: Front, n: int) -> None:
    answer = await edge.ask(f"/c/shoes?k={n}&sub1=a%22b")
    (event,) = edge.events(ClickEvent)
    url = f"https://offer.example/a?s=a%22b&c={event.id}"
    shown, kind, text = url.replace("&", "&amp;"), KINDS[n].kind, answer.body.decode()
    own = kind in ("text", "html", "json", "status")
    assert event.url_hash == (0 if own else url_hash(url))
    assert (event.decision, event.destination_id) == (("answer", 0) if own else ("destination", 1))
    assert edge.events(TrafficbackEvent) == []
    if kind == "redirect":
        assert (answer.status, answer.location) == (301, url)
        assert answer.headers["cache-control"] == "no-store"
    elif own:
        assert answer.status == {"status": KINDS[n].status}.get(kind, 200)
        assert text == KINDS[n].body
    else:
        assert answer.status == 200 and answer.headers["content-type"] == "text/html; charset=utf-8"
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        if kind == "double_meta":
            place = re.search(r"url=&#x27;(/m/[\w-]+)&#x27;", text)
            assert place is not None and "offer.example" not in text
            assert answer.headers["referrer-policy"] == "no-referrer"
            second = await edge.ask(place[1])
            assert second.headers["referrer-policy"] == "no-referrer" and shown in second.body.decode()
            assert (await edge.ask(place[1][:-4])).status == 404
            assert len(edge.events(ClickEvent)) == 1
        elif kind == "form_post":
            assert 'action="https://offer.example/a"' in text and 'name="s" value="a&quot;b"' in text
        else:
            assert shown in text


async def test_a_campaign_hands_its_visitor_on_in_a_click_of_its_own(edge: Front) -> None:
    answer = await edge.ask("/c/first?sub1=x&cost=0.5&fbclid=F")
    first, second = edge.events(ClickEvent)
    assert (first.campaign_id, first.decision, first.cost, first.hops) == (2, "campaign", 500_000, 0)
    assert (second.campaign_id, second.decision, second.cost, second.hops) == (3, "destination", 0, 1)
    assert (second.parent_id, second.door, second.source_click_id) == (first.id, "campaign", "F")
    assert (second.subs, second.query) == ({1: "x"}, "sub1=x&cost=0.5&fbclid=F")
    assert f"c={second.id}" in answer.location
    assert [identity.click_id for identity in edge.events(ClickIdentity)] == [first.id, second.id]


# -- landing pages ---------------------------------------------------------------------------------------


def cookie_of(answer) -> str:
    return answer.headers["set-cookie"].partition(";")[0]


async def test_out_of_a_landing_page_with_its_cookie(edge: Front) -> None:
    landed = await edge.ask("/c/page?sub1=x&utm_source=fb&gclid=G&cost=1")
    (view,) = edge.events(ClickEvent)
    assert (view.destination_id, view.landing_id, view.exit_number) == (9, 9, 0)
    flags = landed.headers["set-cookie"]
    assert "HttpOnly; SameSite=Lax" in flags and "Secure" not in flags
    headers = {"Cookie": f"other=1; {cookie_of(landed)}"}
    for path in (f"/lp/{view.id}/1?sub5=button&sub1=no", "/lp", "/lp?n=1"):
        left = await edge.ask(path, headers=headers)
        click = edge.events(ClickEvent)[-1]
        assert (click.door, click.parent_id, click.landing_id, click.exit_number) == ("lp", view.id, 9, 1)
        assert (click.destination_id, click.stream_id, click.campaign_id) == (2, 30, 3)
        assert (click.subs[1], click.utm, click.source_click_id) == ("x", {"utm_source": "fb"}, "G")
        assert (click.cost, click.currency, click.counted) == (0, "EUR", True)
        button = "button" if "sub5" in path else ""
        assert left.location == f"https://two.example/?c={click.id}&s=x&u=fb&b={button}&i=G"
    assert (await edge.ask("/lp?n=2", headers=headers)).location.startswith("https://d3.example/")


async def test_out_of_a_landing_page_without_a_cookie(edge: Front) -> None:
    landed = await edge.ask("/r/tok")
    token = dict(parse_qsl(urlsplit(landed.location).query))["t"]
    left = await edge.ask(f"/lp/{token}/2")
    view, click = edge.events(ClickEvent)
    assert (click.parent_id, click.destination_id, click.link_id) == (view.id, 3, 1)
    assert left.location == f"https://d3.example/?c={click.id}" and click.subs == {1: "preset"}


async def test_two_pages_open_at_once_are_told_apart(edge: Front) -> None:
    one = await edge.ask("/c/page?sub1=one")
    other = await edge.ask("/c/page?sub1=other", headers={"Cookie": cookie_of(one)})
    first, second = edge.events(ClickEvent)
    headers = {"Cookie": cookie_of(other)}
    for view in (first, second):
        await edge.ask(f"/lp/{view.id}/1", headers=headers)
        assert edge.events(ClickEvent)[-1].parent_id == view.id
    await edge.ask("/lp", headers=headers)
    assert edge.events(ClickEvent)[-1].parent_id == second.id


@pytest.mark.parametrize(
    "path",
    ["/lp", "/lp?n=1", "/lp/{id}/1", "/lp/x/1", "/lp/{id}/", "/lp/{id}/x", "/lp/{id}", "/lp/{id}/1/2",
     "/lp/{id}/-1", "/lp//1"],
)  # fmt: skip
async def test_whoever_carries_nothing_leads_nowhere(edge: Front, path: str) -> None:
    await edge.ask("/c/page")
    (view,) = edge.events(ClickEvent)
    assert (await edge.ask(path.replace("{id}", view.id))).status == 404
    assert len(edge.events(ClickEvent)) == 1


async def test_a_carried_click_that_was_changed_leads_nowhere(edge: Front) -> None:
    landed = await edge.ask("/c/page")
    cookie = cookie_of(landed)
    for forged in (cookie[:-3], cookie.replace("=", "=A", 1), "weir_lp=" + "A" * 100):
        assert (await edge.ask("/lp?n=1", headers={"Cookie": forged})).status == 404
    assert len(edge.events(ClickEvent)) == 1


async def test_head_of_an_exit_counts_nowhere_and_a_post_is_refused(edge: Front) -> None:
    headers = {"Cookie": cookie_of(await edge.ask("/c/page"))}
    assert (await edge.ask("/lp?n=1", "HEAD", headers=headers)).status == 302
    assert not edge.events(ClickEvent)[-1].counted
    assert (await edge.ask("/lp?n=1", "POST", headers=headers)).status == 405


# -- transparent links and promise 6 ---------------------------------------------------------------------


async def test_a_transparent_link_is_followed_to_an_allowed_host_only(edge: Front) -> None:
    hop = "https://shop.example/x?a=1"
    assert (await edge.ask("/c/google?lpurl=" + quote(hop, safe=""))).location == hop
    (event,) = edge.events(ClickEvent)
    assert (event.decision, event.url_hash, event.source_id) == ("transparent", url_hash(hop), 2)
    assert "shop.example" in event.query
    refused = await edge.ask("/c/google?lpurl=https%3A%2F%2Fevil.example%2F")
    assert refused.location.startswith("https://offer.example/")
    assert edge.events(ClickEvent)[-1].reason == "transparent_refused"


@pytest.mark.parametrize("name", ["url", "redirect_url", "lpurl", "u", "location", "trafficback_url"])
async def test_nothing_inbound_chooses_where_a_visitor_goes(edge: Front, name: str) -> None:
    evil = quote("https://evil.example/", safe="")
    headers = {"X-Forwarded-Host": "evil.example", "Host": "evil.example", "Referer": "https://evil.example/"}
    for path in ("/c/shoes", "/c/shoes?k=0", "/c/google", "/c/page", "/tb/shoes", "/lp", "/m/x", "/go/P1"):
        if name == "lpurl" and path == "/c/google":
            continue
        sign = "&" if "?" in path else "?"
        answer = await edge.ask(f"{path}{sign}{name}={evil}", headers=headers)
        assert urlsplit(answer.location).hostname != "evil.example", path


# -- the tracking script ---------------------------------------------------------------------------------


async def test_the_script_is_the_same_for_everybody(edge: Front) -> None:
    one, other = await edge.ask("/t.js?c=page"), await edge.ask('/t.js?c="><script>')
    assert one.body == other.body and one.status == 200
    assert one.headers["content-type"] == "text/javascript; charset=utf-8"
    assert one.headers["cross-origin-resource-policy"] == "cross-origin"
    assert (await edge.ask("/t.js", "POST")).status == 405


async def test_a_page_s_click_is_recorded_with_what_the_page_knows(edge: Front) -> None:
    page = "https://land.example/?sub1=x&fbclid=F&utm_source=fb#top"
    body = {
        "c": "page", "page": page, "referrer": "https://www.facebook.com/", "consent": "granted",
        "fbp": "fb.1.1596403881668.1116446470", "fbc": "fb.1.1554763741205.AbC", "ip": "8.8.8.8",
        "ttp": "2Kabc", "scid": "not a cookie", "epik": "", "external_id": "member-7", "ua": "liar",
    }  # fmt: skip
    headers = {
        "Origin": "https://land.example", "Content-Type": "text/plain", "User-Agent": "Mozilla/5.0",
        "X-Forwarded-For": "203.0.113.7", "Referer": "https://land.example/",
    }  # fmt: skip
    answer = await edge.ask("/api/track", "POST", headers, json.dumps(body).encode())
    (event,) = edge.events(ClickEvent)
    assert answer.headers["access-control-allow-origin"] == "https://land.example"
    assert answer.headers["access-control-allow-credentials"] == "true"
    told = json.loads(answer.body)
    assert told["click_id"] == event.id
    assert (event.door, event.campaign_id, event.referrer) == ("js", 3, "https://www.facebook.com/")
    assert (event.subs, event.utm, event.source_click_id) == ({1: "x"}, {"utm_source": "fb"}, "F")
    assert event.signals == {name: body[name] for name in ("page", "consent")}
    assert event.click_ids == {"fbclid": "F", "consent": "granted", "page": "https://land.example/"}
    (who,) = edge.identities()
    assert who.seen == {"_fbp": body["fbp"], "_fbc": body["fbc"], "_ttp": "2Kabc"}
    assert (who.address, who.user_agent, who.external_id) == ("203.0.113.7", "Mozilla/5.0", "member-7")
    held = edge.journal_bytes()
    assert not [secret for secret in (body["fbp"], body["fbc"], "member-7") if secret.encode() in held]
    assert (event.user_agent, event.address) == ("Mozilla/5.0", "203.0.113.0")
    left = await edge.ask(f"/lp/{told['lp_token']}/1")
    assert left.location.startswith("https://two.example/") and "s=x&u=fb" in left.location


async def test_a_long_page_s_parameters_are_all_read(edge: Front) -> None:
    page = "https://land.example/?x=" + "y" * 3_000 + "&fbclid=F"
    await edge.ask("/api/track", "POST", {}, json.dumps({"c": "page", "page": page, "fbp": None}).encode())
    (event,) = edge.events(ClickEvent)
    assert event.source_click_id == "F" and len(event.signals["page"]) == 2_048


async def test_what_is_not_on_the_page_is_not_made_up(edge: Front) -> None:
    body = {"go": "P3", "page": "file:///x", "fbp": "<script>", "fbc": "", "consent": ""}
    await edge.ask("/api/track", "POST", {}, json.dumps(body).encode())
    (event,) = edge.events(ClickEvent)
    assert event.signals == {} and event.campaign_id == 3


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"[]", 400),
        (b"{", 400),
        (b'{"c":"none"}', 404),
        (b"{}", 404),
        (b"x" * 20_000, 400),
        (b'{"c":7}', 400),
        (b'{"c":"page","page":{}}', 400),
        (b'{"c":"page","page":"http://["}', 400),
    ],
)
async def test_what_the_script_never_sends_is_refused(edge: Front, body: bytes, status: int) -> None:
    assert (await edge.ask("/api/track", "POST", {"Origin": "https://x.example"}, body)).status == status
    assert edge.events(ClickEvent) == []


async def test_a_browser_may_ask_first(edge: Front) -> None:
    answer = await edge.ask("/api/track", "OPTIONS", {"Origin": "https://x.example"})
    assert answer.status == 204 and answer.headers["access-control-allow-origin"] == "https://x.example"
    assert answer.headers["access-control-allow-methods"] == "POST"
    odd = await edge.ask("/api/track", "OPTIONS", {"Origin": "https://x.example/<"})
    assert "access-control-allow-origin" not in odd.headers
    assert (await edge.ask("/api/track")).status == 405


# -- trafficback -----------------------------------------------------------------------------------------


async def test_a_trafficback_is_recorded_with_reason_and_depth(edge: Front) -> None:
    answer = await edge.ask("/c/shoes?k=none")
    (event,) = edge.events(TrafficbackEvent)
    assert (event.reason, event.depth, event.url) == ("no_matching_stream", 0, answer.location)
    again = await edge.ask("/c/shoes?" + urlsplit(answer.location).query)
    assert again.status == 404
    assert edge.events(TrafficbackEvent)[-1].reason == "trafficback_loop"


async def test_a_fault_of_ours_sends_the_visitor_back(edge: Front, caplog) -> None:
    def broken(value):
        raise RuntimeError("a fault of ours")

    router = edge.routes._routing
    first = router.table.by_slug["shoes"].streams[0]
    first.tests = ((None, broken),) if first.tests[0][0] is None else ((first.tests[0][0], broken),)
    answer = await edge.ask("/c/shoes?k=1")
    assert urlsplit(answer.location).hostname == "back.example"
    (event,) = edge.events(ClickEvent)
    assert (event.decision, event.reason) == ("trafficback", "timeout_or_error")
    assert router.failures == 1
    assert [record.message for record in caplog.records if record.levelname == "ERROR"] == [
        "a click could not be decided; it goes to the trafficback"
    ]
