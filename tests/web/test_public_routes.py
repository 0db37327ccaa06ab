"""What the public port makes of a visitor's address, of a visit's headers, and of a postback."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from appliance.model.events import ClickEvent, PostbackLogEvent, TrafficbackEvent
from tests.web.front import FORM, JSON, SECRET, Front, front
from tests.wire import request

PROXIES = ("127.0.0.0/8", "10.0.0.0/8", "2001:db8:f::/48")


@pytest.fixture
async def edge(tmp_path: Path) -> AsyncIterator[Front]:
    async with front(tmp_path) as made:
        yield made


# -- the client's address --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("headers", "address"),
    [
        ({}, "127.0.0.1"),
        ({"X-Forwarded-For": "203.0.113.7"}, "203.0.113.7"),
        ({"X-Forwarded-For": "198.51.100.1, 203.0.113.7"}, "203.0.113.7"),
        ({"X-Forwarded-For": "198.51.100.1, 203.0.113.7, 10.1.2.3"}, "203.0.113.7"),
        ({"X-Forwarded-For": "203.0.113.7:4711"}, "203.0.113.7"),
        ({"X-Forwarded-For": "2001:DB8:1::7"}, "2001:db8:1::7"),
        ({"X-Forwarded-For": "[2001:db8:1::7]:4711, 2001:db8:f::1"}, "2001:db8:1::7"),
        ({"X-Forwarded-For": "::ffff:203.0.113.7"}, "203.0.113.7"),
        ({"X-Forwarded-For": "10.0.0.1, 10.0.0.2"}, "10.0.0.1"),
        ({"X-Forwarded-For": "203.0.113.7, garbage, 10.0.0.2"}, "10.0.0.2"),
        ({"X-Forwarded-For": "unknown"}, "127.0.0.1"),
        ({"X-Forwarded-For": ""}, "127.0.0.1"),
        ({"X-Forwarded-For": "," * 500 + "203.0.113.7"}, "203.0.113.7"),
        ({"Forwarded": "for=203.0.113.7;proto=https;by=10.0.0.1"}, "203.0.113.7"),
        ({"Forwarded": 'for="[2001:db8:1::7]:4711", for=10.0.0.1'}, "2001:db8:1::7"),
        ({"Forwarded": "for=198.51.100.1, FOR=203.0.113.7"}, "203.0.113.7"),
        ({"Forwarded": "for=_hidden, for=10.0.0.1"}, "10.0.0.1"),
        ({"Forwarded": "for=198.51.100.1", "X-Forwarded-For": "203.0.113.7"}, "203.0.113.7"),
    ],
)
async def test_behind_trusted_proxies(tmp_path: Path, headers: dict[str, str], address: str) -> None:
    async with front(tmp_path, trusted_proxies=PROXIES) as edge:
        await edge.ask("/c/shoes", headers=headers)
        (identity,) = edge.identities()
        assert identity.address == address


async def test_several_header_lines_are_one_list(tmp_path: Path) -> None:
    async with front(tmp_path, trusted_proxies=PROXIES) as edge:
        hops = b"X-Forwarded-For: 198.51.100.1\r\nX-Forwarded-For: 203.0.113.7\r\n"
        await edge.raw(b"GET /c/shoes HTTP/1.1\r\nHost: x\r\n" + hops + b"\r\n")
        (identity,) = edge.identities()
        assert identity.address == "203.0.113.7"


async def test_whoever_is_no_trusted_proxy_speaks_for_himself(edge: Front) -> None:
    lies = {"X-Forwarded-For": "203.0.113.7", "Forwarded": "for=203.0.113.7", "X-Real-IP": "203.0.113.7"}
    await edge.ask("/c/shoes", headers=lies)
    (identity,) = edge.identities()
    assert identity.address == "127.0.0.1"


async def test_events_keep_the_address_cut(tmp_path: Path) -> None:
    async with front(tmp_path, trusted_proxies=PROXIES) as edge:
        for address in ("203.0.113.77", "2001:db8:1:2:3:4:5:6"):
            await edge.ask("/c/shoes", headers={"X-Forwarded-For": address})
            await edge.ask("/pb/open?click_id=x", headers={"X-Forwarded-For": address})
        assert [event.address for event in edge.events(ClickEvent)] == ["203.0.113.0", "2001:db8:1::"]
        assert [event.address for event in edge.events(PostbackLogEvent)] == ["203.0.113.0", "2001:db8:1::"]
        assert [i.address for i in edge.identities()] == ["203.0.113.77", "2001:db8:1:2:3:4:5:6"]


# -- a visit ---------------------------------------------------------------------------------------------


async def test_what_a_click_event_keeps(edge: Front) -> None:
    query = (
        "sub1=a%20b&sub30=z&sub31=no&utm_source=fb&fbclid=F1&cost=0.0123456789&currency=eur&x=%00&sub2=%D0%BA"
    )
    headers = {
        "User-Agent": "Mozilla/5.0 (é)",
        "Referer": "https://blog.example/?q=1",
        "Accept-Language": "de-DE,de;q=0.9",
        "Host": "track.example:8080",
        "X-Request-Id": "req-1",
    }
    await edge.ask(f"/c/shoes?{query}", headers=headers)
    (event,) = edge.events(ClickEvent)
    assert event.subs == {1: "a b", 30: "z", 2: "к"} and event.utm == {"utm_source": "fb"}
    assert (event.source_click_id, event.cost, event.currency) == ("F1", 12_345, "EUR")
    assert (event.user_agent, event.language) == ("Mozilla/5.0 (é)", "de-DE,de;q=0.9")
    assert (event.referrer, event.host) == ("https://blog.example/?q=1", "track.example:8080")
    assert (event.request_id, event.query) == ("req-1", query)
    assert (event.revision, event.campaign_id, event.stream_id, event.destination_id) == (7, 1, 1, 1)
    assert event.counted and event.flags == () and event.network_id == 1


@pytest.mark.parametrize(
    ("method", "headers", "flags", "counted"),
    [
        ("HEAD", {}, ("head",), False),
        ("GET", {"Sec-Purpose": "prefetch;prerender"}, ("prefetch",), False),
        ("GET", {"Purpose": "prefetch"}, ("prefetch",), False),
        ("GET", {"X-Moz": "prefetch"}, ("prefetch",), False),
        ("GET", {"X-Purpose": "preview"}, ("prefetch",), False),
        ("HEAD", {"Purpose": "prefetch", "User-Agent": "Googlebot/2.1"}, ("head", "prefetch", "bot"), False),
        ("GET", {"User-Agent": "Mozilla/5.0 (compatible; Googlebot/2.1)"}, ("bot",), True),
        ("GET", {"User-Agent": "Mozilla/5.0 (Linux; Cubot X18)"}, (), True),
    ],
)
async def test_what_counts(edge: Front, method: str, headers: dict[str, str], flags: tuple[str, ...],
                           counted: bool) -> None:  # fmt: skip
    assert (await edge.ask("/c/shoes", method, headers)).status == 302
    (event,) = edge.events(ClickEvent)
    assert (event.flags, event.counted) == (flags, counted)


async def test_a_bad_parameter_is_lost_and_the_click_is_not(edge: Front) -> None:
    long = "x" * 513
    await edge.ask(f"/c/shoes?clickid={long}&cost=-1&currency=dollars&sub1=%FF%FE&&=&==&sub2={long}")
    (event,) = edge.events(ClickEvent)
    assert (event.source_click_id, event.cost, event.currency) == ("", 0, "USD")
    assert event.subs == {1: "��", 2: "x" * 512}


async def test_raw_bytes_in_the_target_reach_no_header(edge: Front) -> None:
    answer = await edge.raw(b"GET /c/shoes?sub1=\xd0\xba\xff HTTP/1.1\r\nHost: x\r\n\r\n")
    assert answer.location.endswith("&s=%D0%BA%EF%BF%BD")
    answer = await edge.ask("/c/shoes?sub1=%0d%0aSet-Cookie:%20x=y")
    assert answer.location.endswith("&s=%0D%0ASet-Cookie%3A%20x%3Dy") and "set-cookie" not in answer.headers


async def test_a_links_presets_win_over_the_visitor(edge: Front) -> None:
    assert (await edge.ask("/r/tok?sub1=mine")).location.endswith("&s=preset")


async def test_nothing_inbound_chooses_where_a_visitor_goes(edge: Front) -> None:
    for name in ("url", "redirect_url", "destination", "to"):
        answer = await edge.ask(f"/c/shoes?{name}=https://evil.example/", headers={"Host": "evil.example"})
        assert answer.location.startswith("https://offer.example/l?")


async def test_trafficback_counts_its_depth(edge: Front) -> None:
    answer = await edge.ask("/c/shoes?country=XX&trafficback_depth=2")
    assert answer.location.startswith("https://back.example/t?c=")
    assert "&trafficback_depth=3&trafficback_visited=" in answer.location
    ended = await edge.ask("/c/shoes?country=XX&trafficback_depth=3")
    assert ended.status == 404
    reasons = [(event.reason, event.depth) for event in edge.events(TrafficbackEvent)]
    assert reasons == [("no_matching_stream", 2), ("trafficback_too_deep", 3)]


# -- postbacks -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "target", "headers", "body", "status"),
    [
        ("GET", "/pb/open?click_id=1&payout=2", {}, b"", 200),
        ("GET", "/pb/open?cid=1", {}, b"", 200),
        ("POST", "/pb/open", FORM, b"click_id=1", 200),
        ("POST", "/pb/open?click_id=1", {}, b"", 200),
        ("POST", "/pb/open", JSON, b'{"click_id": "1", "payout": 2.5, "x": null, "y": [1]}', 200),
        ("POST", "/pb/open", {}, b' {"click_id": "1"}', 200),
        ("POST", "/api/postbacks", JSON, b'{"network": "open", "click_id": "1"}', 200),
        ("POST", "/api/postbacks?network=open", FORM, b"click_id=1", 200),
        ("GET", f"/pb/locked?click_id=1&secret={SECRET}", {}, b"", 200),
        ("GET", f"/pb/locked?click_id=1&token={SECRET}", {}, b"", 200),
        ("GET", "/pb/locked?click_id=1", {"Authorization": f"Bearer {SECRET}"}, b"", 200),
        ("POST", "/pb/locked", JSON, json.dumps({"click_id": "1", "key": SECRET}).encode(), 200),
        ("GET", "/pb/locked?click_id=1", {}, b"", 403),
        ("GET", "/pb/locked?click_id=1&secret=wrong", {}, b"", 403),
        ("GET", "/pb/nobody?click_id=1", {}, b"", 404),
        ("GET", "/pb/away?click_id=1", {}, b"", 404),
        ("GET", "/pb/open", {}, b"", 400),
        ("GET", "/pb/open?click_id=", {}, b"", 400),
        ("POST", "/pb/open", JSON, b'{"click_id": ', 400),
        ("POST", "/pb/open", JSON, b'["click_id"]', 400),
        ("POST", "/pb/open", JSON, b"[" * 100_000, 400),
        ("POST", "/pb/open", {"Content-Type": "text/xml"}, b"<click/>", 400),
        ("POST", "/api/postbacks", JSON, b'{"click_id": "1"}', 400),
        ("POST", "/api/postbacks", JSON, b'{"network": "nobody", "click_id": "1"}', 404),
    ],
)
async def test_a_postbacks_answer(
    edge: Front, method: str, target: str, headers: dict[str, str], body: bytes, status: int
) -> None:
    answer = await edge.ask(target, method, headers, body)
    assert answer.status == status
    assert answer.body.startswith(b"OK") == (status == 200)
    events = edge.events(PostbackLogEvent)
    stages = [event.stage for event in events]
    if status == 200:
        assert stages == ["received"] and answer.body == f"OK {events[0].id}\n".encode()
        assert not {"secret", "token", "key", "network"} & events[0].params.keys()
    elif b"network" in answer.body:
        assert stages == [], "nobody's postback is nobody's record"
    else:
        assert stages == ["refused"] and answer.body == f"{events[0].reason}\n".encode()


async def test_a_head_of_a_postback_records_nothing(edge: Front) -> None:
    assert (await edge.ask("/pb/open?click_id=1", "HEAD")).status == 200
    assert (await edge.ask("/pb/nobody?click_id=1", "HEAD")).status == 404
    assert edge.events(PostbackLogEvent) == []


async def test_a_secret_reaches_no_journal(edge: Front, caplog: pytest.LogCaptureFixture) -> None:
    wrong = "Wr0ng-but-telling"
    for secret in (SECRET, wrong):
        await edge.ask(f"/pb/locked?click_id=1&secret={secret}")
        await edge.ask(f"/pb/locked?click_id=1&secret={secret}&token={secret}&key={secret}")
        await edge.ask("/pb/locked?click_id=1", headers={"Authorization": f"Bearer {secret}"})
        await edge.ask("/pb/locked", "POST", FORM, f"click_id=1&token={secret}".encode())
        await edge.ask("/pb/locked", "POST", JSON, json.dumps({"click_id": "1", "key": secret}).encode())
        await edge.ask("/pb/locked", "POST", JSON, f'{{"secret": "{secret}", broken'.encode())
    assert len(edge.events(PostbackLogEvent)) == 12
    held = edge.journal_bytes()
    for secret in (SECRET, wrong):
        assert secret.encode() not in held and secret not in caplog.text


async def test_the_secret_in_a_field_of_another_name_is_not_kept(edge: Front) -> None:
    answer = await edge.ask(f"/pb/locked?click_id=1&Secret={SECRET}&sig={SECRET}&x=y")
    assert answer.status == 403
    (event,) = edge.events(PostbackLogEvent)
    assert event.params == {"click_id": "1", "x": "y"}
    assert SECRET.encode() not in edge.journal_bytes()


# -- a journal that cannot be written --------------------------------------------------------------------


async def test_without_a_journal_visitors_go_on_and_networks_are_asked_to_repeat(tmp_path: Path) -> None:
    def full() -> None:
        raise OSError(28, "No space left on device")

    async with front(tmp_path, open_segment=full) as edge:  # type: ignore[arg-type]
        client = await edge.client()
        assert (await client.ask("/c/shoes")).status == 302
        refused = await client.ask("/pb/open?click_id=1")
        assert refused.status == 503 and refused.headers["retry-after"]
        await client.send(request("/c/shoes") + request("/pb/open?click_id=1") + request("/c/shoes"))
        assert [(await client.answer()).status for _ in range(3)] == [302, 503, 302]
        report = edge.journal.report()
        assert (report.mode, report.ring, report.unrecorded) == ("ring", 3, 0)
        assert edge.journal.turned_away == 2
        for _ in range(200):
            assert (await client.ask("/c/shoes")).status == 302
        assert edge.journal.report().ring == 100 and edge.journal.report().unrecorded == 103
