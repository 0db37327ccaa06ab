"""What a request tells of a visit: user agents, hints, languages, referrers, addresses; and the bounds."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.routing import agents, places, referrers
from appliance.routing.agents import Agents, hints_of, read
from appliance.routing.detection import ALIASES, Detection, said_by
from appliance.routing.facts import DETECTED
from appliance.routing.places import PLACE_FACTS, Places, is_datacenter
from appliance.routing.recent import Recent
from appliance.routing.referrers import host_of, preferred, search_engine
from appliance.routing.visit import Visit
from tests.agents import AGENTS, HINTED

SEARCH_APP = "com.google.android.googlequicksearchbox"
TABLE = {"203.0.113.7": {"country": "DE"}, "2001:db8::1": {"country": "FR"}}


def visit(**parts: object) -> Visit:
    made = Visit("c", "x", "", {})
    for name, value in parts.items():
        setattr(made, name, value)
    return made


@pytest.mark.parametrize(("text", "facts"), AGENTS, ids=[text[:70] or "(none)" for text, _ in AGENTS])
def test_a_real_user_agent_is_known_by_what_it_tells(text: str, facts: dict[str, str]) -> None:
    assert read(text) == facts


@pytest.mark.parametrize(("text", "headers", "facts"), HINTED)
def test_hints_are_believed_where_a_user_agent_is_frozen(
    text: str, headers: Mapping[bytes, bytes], facts: dict[str, str]
) -> None:
    assert read(text, hints_of(headers)) == facts


@settings(max_examples=300, deadline=None)
@given(
    st.text(st.characters(exclude_categories=()), max_size=3000) | st.text(max_size=3000),
    st.lists(st.binary(max_size=700), min_size=6, max_size=6),
)
def test_any_text_is_read_into_short_known_facts(text: str, values: list[bytes]) -> None:
    names = (b"sec-ch-ua", b"sec-ch-ua-mobile", b"sec-ch-ua-platform", b"sec-ch-ua-platform-version",
             b"sec-ch-ua-model", b"sec-ch-ua-full-version-list")  # fmt: skip
    for facts in (read(text), read(text, hints_of(dict(zip(names, values, strict=True))))):
        assert facts.keys() <= set(DETECTED)
        assert facts["bot"] in ("0", "1")
        assert facts.get("device_type", "mobile") in agents.DEVICE_TYPES
        assert all(0 < len(value) <= agents.LONGEST_VALUE for value in facts.values())


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("de-DE,de;q=0.9,en-US;q=0.8,en;q=0.7", "de"), ("en", "en"), ("EN-gb", "en"),
        ("fil-PH,fil;q=0.9", "fil"),
        ("en;q=0.5, fr;q=0.9", "fr"), ("fr;q=0.9, en;q=0.9", "fr"), ("*", ""), ("*, it;q=0.1", "it"),
        ("de;q=0, en;q=0.1", "en"), ("zh-Hans-CN", "zh"), ("", ""), ("x", ""), ("english", ""),
        ("de;level=1", ""),
        ("de ; q=1.000 ,en", "de"), ("de;q=2", ""), (",,;q=1,", ""), ("ру,en;q=0.2", "en"),
    ],
)  # fmt: skip
def test_the_language_is_the_one_preferred(header: str, language: str) -> None:
    assert preferred(header) == language


@pytest.mark.parametrize(
    ("referrer", "host", "engine"),
    [
        ("https://www.google.com/", "www.google.com", "google"),
        ("https://www.google.co.uk/search?q=a", "www.google.co.uk", "google"),
        ("https://www.google.com.br/url?sa=t", "www.google.com.br", "google"),
        (f"android-app://{SEARCH_APP}/", SEARCH_APP, "google"),
        ("https://mail.google.com/mail/u/0/", "mail.google.com", ""),
        ("https://googleads.g.doubleclick.net/", "googleads.g.doubleclick.net", ""),
        ("https://notgoogle.com/", "notgoogle.com", ""),
        ("https://google.com.evil.example/", "google.com.evil.example", ""),
        ("https://www.bing.com/", "www.bing.com", "bing"),
        ("https://duckduckgo.com/", "duckduckgo.com", "duckduckgo"),
        ("https://de.search.yahoo.com/", "de.search.yahoo.com", "yahoo"),
        ("https://news.yahoo.com/", "news.yahoo.com", ""),
        ("https://yandex.ru/search/?text=x", "yandex.ru", "yandex"),
        ("https://yandex.com.tr/", "yandex.com.tr", "yandex"),
        ("https://mail.yandex.ru/", "mail.yandex.ru", ""),
        ("https://www.baidu.com/link?url=x", "www.baidu.com", "baidu"),
        ("https://search.brave.com/", "search.brave.com", "brave"),
        ("https://www.ecosia.org/", "www.ecosia.org", "ecosia"),
        ("http://L.Facebook.com:80/l.php?u=x", "l.facebook.com", ""),
        ("https://user:secret@Example.com./a", "example.com", ""),
        ("https://[2001:db8::1]:8080/x", "[2001:db8::1]", ""),
        ("", "", ""), ("about:blank", "", ""), ("not a url", "", ""), ("https://", "", ""),
        ("//x.example/", "", ""),
    ],
)  # fmt: skip
def test_a_referrer_has_a_host_and_maybe_a_search_engine(referrer: str, host: str, engine: str) -> None:
    assert (host_of(referrer), search_engine(host)) == (host, engine)
    assert referrers.Referrers().facts(referrer) == {"referrer_host": host, "search_engine": engine}


@pytest.mark.parametrize(
    ("asn", "owner", "is_one"),
    [
        ("16509", "AMAZON-02", True), ("24940", "Hetzner Online GmbH", True), ("14061", "", True),
        ("", "Contabo GmbH", True), ("64500", "Example Web Hosting Ltd", True),
        ("64500", "Acme Data Center", True), ("64500", "Best Cloud LLC", True),
        ("64500", "SomeVPS VPS", True),
        ("3320", "Deutsche Telekom AG", False), ("7922", "COMCAST-7922", False),
        ("13335", "CLOUDFLARENET", False), ("12345", "", False), ("", "", False),
        ("64500", "Cloudy Skies Broadband", False), ("64500", "Hostel Broadband", False),
    ],
)  # fmt: skip
def test_networks_of_servers_are_told_from_networks_of_people(asn: str, owner: str, is_one: bool) -> None:
    assert is_datacenter(asn, owner) is is_one


def test_of_several_databases_the_first_that_knows_a_fact_wins() -> None:
    first = {"a": {"city": "Berlin", "asn": "16509"}}
    second = {"a": {"city": "Paris", "country": "FR"}, "b": {"country": "US"}}
    found = Places([lambda a: first.get(a, {}), lambda a: second.get(a, {})], {"city", "asn", "country"})
    assert found.facts("a") == {
        "ip_version": "4", "city": "Berlin", "asn": "16509", "country": "FR", "datacenter": "1",
    }  # fmt: skip
    assert found.facts("b") == {"ip_version": "4", "country": "US"}
    assert found.facts("2001:db8::1") == {"ip_version": "6"}
    assert found.known == {"city", "asn", "country", "datacenter"}
    assert Places([], {"country"}).known == {"country"}


def test_a_visit_has_every_fact_that_its_request_tells_and_no_other() -> None:
    detection = Detection(Places([lambda a: TABLE.get(a, {})], {"country"}))
    text, facts = next((text, facts) for text, facts in AGENTS if "iPhone" in text)
    first = visit(
        user_agent=text, address="203.0.113.7", language="de-AT,de;q=0.9", referrer="https://www.google.de/",
    )  # fmt: skip
    detection.fill(first, from_query=False)
    assert first.facts == {
        **facts, "prefetch": "0", "ip_version": "4", "country": "DE", "language": "de",
        "referrer_host": "www.google.de", "search_engine": "google",
    }  # fmt: skip
    bare = visit(address="198.51.100.1", flags=("prefetch",))
    detection.fill(bare, from_query=False)
    assert bare.facts == {
        "prefetch": "1", "bot": "1", "ip_version": "4", "referrer_host": "", "search_engine": "",
    }  # fmt: skip
    assert first.facts.keys() | PLACE_FACTS <= set(DETECTED)


def test_what_was_found_for_one_visit_can_be_changed_without_changing_another() -> None:
    detection = Detection()
    first = detection.facts(visit(user_agent="curl/8.5.0"))
    first["unique_campaign"] = "1"
    assert "unique_campaign" not in detection.facts(visit(user_agent="curl/8.5.0"))


def test_new_databases_are_asked_for_addresses_that_were_known() -> None:
    detection = Detection(Places([lambda a: {"country": "DE"}], {"country"}))
    assert detection.facts(visit(address="203.0.113.7"))["country"] == "DE"
    detection.places = Places([lambda a: {"country": "FR"}], {"country"})
    assert detection.facts(visit(address="203.0.113.7"))["country"] == "FR"


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from([text for text, _ in AGENTS]),
            st.sampled_from(["203.0.113.7", "2001:db8::1", "198.51.100.1"]),
            st.sampled_from(["", "de", "en-US,en;q=0.5", "*"]),
            st.sampled_from(["", "https://www.bing.com/a", "https://x.example/" + "y" * 2000]),
            st.sampled_from([(), ("prefetch",), ("head", "bot")]),
            st.sampled_from([{}, {b"sec-ch-ua": b'"Google Chrome";v="130"', b"sec-ch-ua-mobile": b"?1"}]),
        ),
        max_size=20,
    )
)
def test_what_is_remembered_is_what_would_be_found(requests: list[tuple[object, ...]]) -> None:
    names = ("user_agent", "address", "language", "referrer", "flags", "headers")
    where = Places([lambda a: TABLE.get(a, {})], {"country"})
    one = Detection(where)
    for request in requests * 2:
        made = visit(**dict(zip(names, request, strict=True)))
        assert one.facts(made) == Detection(where).facts(made)


# -- a link that lets its query say facts --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("params", "facts", "faults"),
    [
        ({"geo_country": "de"}, {"country": "DE"}, ()),
        ({"country": "US", "geo_country": ""}, {"country": "US"}, ()),
        ({"geo": "FR", "country_code": "it", "country": "es"}, {"country": "ES"}, ()),
        ({"country": "Germany", "geo": "DE"}, {"country": "DE"}, ("country",)),
        ({"geo_region": "Bavaria", "state": "x"}, {"region": "Bavaria"}, ()),
        ({"state": "California"}, {"region": "California"}, ()),
        ({"geo_city": "Köln"}, {"city": "Köln"}, ()),
        ({"asn": "AS15169"}, {"asn": "15169"}, ()),
        ({"geo_asn": "0"}, {}, ("geo_asn",)),
        ({"carrier": "Vodafone"}, {"isp": "Vodafone"}, ()),
        ({"device": "Phone"}, {"device_type": "mobile"}, ()),
        ({"device_type": "toaster", "device": "tablet"}, {"device_type": "tablet"}, ("device_type",)),
        ({"platform": "ios"}, {"os": "iOS"}, ()),
        ({"os": "Sailfish"}, {"os": "Sailfish"}, ()),
        ({"ua_browser": "CHROME"}, {"browser": "Chrome"}, ()),
        ({"city": "x" * 129}, {}, ("city",)),
        ({"city": "a\x00b"}, {}, ("city",)),
        ({"language": "de", "bot": "0", "ip": "1.1.1.1"}, {}, ()),
    ],
)
def test_parameters_say_facts_under_the_seeds_names(
    params: dict[str, str], facts: dict[str, str], faults: tuple[str, ...]
) -> None:
    assert said_by(params) == (facts, faults)


def test_the_aliases_are_the_seeds_in_its_order() -> None:
    assert ["|".join(names) for names in ALIASES.values()] == [
        "geo_country|country|country_code|geo", "geo_region|region|state", "city|geo_city", "asn|geo_asn",
        "isp|carrier", "device_type|device", "os|platform", "browser|ua_browser",
    ]  # fmt: skip
    assert ALIASES.keys() <= set(DETECTED)


def test_only_where_it_is_allowed_does_a_parameter_replace_what_was_detected() -> None:
    detection = Detection(Places([lambda a: {"country": "DE"}], {"country"}))
    made = visit(address="203.0.113.7", user_agent="curl/8.5.0")
    made.params = {"country": "BR", "device": "toaster", "os": "android"}
    detection.fill(made, from_query=False)
    assert made.facts["country"] == "DE"
    assert "os" not in made.facts
    assert made.faults == ()
    detection.fill(made, from_query=True)
    assert (made.facts["country"], made.facts["os"], made.facts["bot"]) == ("BR", "Android", "1")
    assert made.faults == ("device",)


# -- bounds --------------------------------------------------------------------------------------------------


@settings(max_examples=200, deadline=None)
@given(st.integers(1, 6), st.lists(st.tuples(st.sampled_from("abcdefgh"), st.booleans()), max_size=60))
def test_the_least_recently_used_leaves_first(limit: int, steps: list[tuple[str, bool]]) -> None:
    held: Recent[str, str] = Recent(limit)
    order: list[str] = []
    for key, putting in steps:
        if putting:
            assert held.put(key, key.upper()) == key.upper()
            order = [*(k for k in order if k != key), key][-limit:]
        else:
            assert held.get(key) == (key.upper() if key in order else None)
            if key in order:
                order = [*(k for k in order if k != key), key]
        assert len(held) == len(order) <= limit


def test_neither_new_agents_nor_new_addresses_make_it_grow_for_ever() -> None:
    known = Agents(limit=50)
    for number in range(300):
        known.facts(f"Mozilla/5.0 (Linux; Android 10; K{number}) Mobile")
    assert len(known) == 50
    where = Places([lambda a: {}], (), limit=50)
    for number in range(300):
        where.facts(f"10.0.{number // 250}.{number % 250}")
    assert len(where) == 50
    assert agents.AGENTS <= 10_000
    assert places.ADDRESSES <= 20_000


def test_every_kind_of_fact_has_a_reader() -> None:
    from appliance.routing.facts import READERS

    assert set(DETECTED) <= set(READERS)
