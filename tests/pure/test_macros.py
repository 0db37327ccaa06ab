"""Macros: every value is encoded, put in once, and cannot reach the host."""

from __future__ import annotations

import re
from collections import Counter
from urllib.parse import parse_qsl, unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.routing.aliases import ALIASES, BINOM, KEITARO
from appliance.routing.facts import DETECTED
from appliance.routing.macros import FACTS, READERS, Ids, UrlTemplate, check_url, reader
from appliance.routing.visit import Visit

IDS = Ids(campaign_id=7, campaign_slug="shoes", stream_id=8, destination_id=9, source_id=3)


def visit(**params: str) -> Visit:
    made = Visit("c", "shoes", "", dict(params))
    made.click_id = "01a0c450-6c00-73e8-a65a-bd25bfe33ee8"
    made.at_us = 1_790_000_000_000_000
    made.read_tracking()
    return made


def test_the_macros_of_a_click():
    url = UrlTemplate(
        "https://offer.example/l/{campaign_slug}?c={click_id}&s={sub1}&cost={cost}&t={timestamp}"
        "&id={campaign_id}.{stream_id}.{destination_id}.{source_id}&q={query.ref}&u={utm_source}&x={source_click_id}"
    )
    text = url.render(visit(sub1="a b&c", cost="0.0120", ref="é", utm_source="push", gclid="G1"), IDS)
    assert text == (
        "https://offer.example/l/shoes?c=01a0c450-6c00-73e8-a65a-bd25bfe33ee8&s=a%20b%26c&cost=0.012"
        "&t=1790000000&id=7.8.9.3&q=%C3%A9&u=push&x=G1"
    )


def test_an_unknown_macro_is_empty_and_named():
    url = UrlTemplate("https://x.example/?a={nobody}&b={sub1}&c={nobody}")
    assert url.render(visit(sub1="1"), IDS) == "https://x.example/?a=&b=1&c="
    assert url.unknown == ("nobody", "nobody")


def test_a_value_that_looks_like_a_macro_is_not_expanded():
    url = UrlTemplate("https://x.example/?a={sub1}&b={sub2}")
    assert url.render(visit(sub1="a {sub2}", sub2="b {click_id}"), IDS) == (
        "https://x.example/?a=a%20%7Bsub2%7D&b=b%20%7Bclick_id%7D"
    )


def test_what_is_known_of_the_visitor_and_the_names_of_things() -> None:
    made = visit()
    made.facts = {"country": "DE", "city": "São Paulo", "language": "pt", "os": "Android", "bot": "0"}
    made.address, made.host, made.link_id = "198.51.100.77", "go.example", 5
    ids = Ids(
        7, "shoes", 8, 9, 3, 4, campaign_name="Shoes & more", destination_name="Offer", source_name="Push"
    )
    url = UrlTemplate(
        "https://x.example/?a={country}&b={city}&c={language_code}&d={os}&e={bot}&f={isp}&g={ip}&h={host}"
        "&i={campaign_name}&j={destination_name}&k={source_name}&l={stream_name}&m={network_id}&n={link_id}&o={date}"
    )
    assert url.render(made, ids) == (
        "https://x.example/?a=DE&b=S%C3%A3o%20Paulo&c=pt&d=Android&e=0&f=&g=198.51.100.0&h=go.example"
        "&i=Shoes%20%26%20more&j=Offer&k=Push&l=&m=4&n=5&o=2026-09-21"
    )


def test_keitaros_and_binoms_names_are_other_names_of_ours() -> None:
    made = visit(sub1="one", sub2="two", gclid="G", keyword="k w", cost="0.5", source="s")
    ours = UrlTemplate(
        "https://x.example/?a={click_id}&b={source_click_id}&c={sub1}&d={sub2}&e={cost}&f={query.keyword}"
    )
    for theirs in (
        "https://x.example/?a={subid}&b={external_id}&c={sub_id_1}&d={sub_id_2}&e={cost}&f={keyword}",
        "https://x.example/?a={clickid}&b={externalid}&c={t1}&d={t2}&e={clickcost}&f={query.keyword}",
    ):
        assert UrlTemplate(theirs).render(made, IDS) == ours.render(made, IDS)
    assert not KEITARO.keys() & READERS.keys() and not BINOM.keys() & READERS.keys()
    assert all(BINOM[name] == target for name, target in KEITARO.items() if name in BINOM)
    assert all(reader(name) is not None for name in ALIASES)
    assert set(FACTS) <= set(DETECTED)


def test_what_only_a_conversion_knows_is_no_macro_of_a_click() -> None:
    url = "https://x.example/?a={payout}&b={status}&c={tid}&d={from_file:/etc/passwd}&e={sample:}&f={_payout}"
    assert UrlTemplate(url).unknown == (
        "payout", "status", "tid", "from_file:/etc/passwd", "sample:", "_payout",
    )  # fmt: skip
    assert check_url(url, "url") == []


@pytest.mark.parametrize(
    ("form", "shown"),
    [
        ("Y-m-d", "2026-09-21"), ("d.m.y", "21.09.26"), ("Ymd", "20260921"), ("H:i:s", "14%3A13%3A20"),
        ("Y-m-d%20H:i", "2026-09-21%2014%3A13"), ("j/n", "21%2F9"), ("D%2C%20M", "Mon%2C%20Sep"),
        ("l", "Monday"), ("F", "September"), ("N", "1"), ("w", "1"), ("z", "263"), ("o-W", "2026-39"),
        ("G", "14"), ("h", "02"), ("g", "2"), ("a", "pm"), ("A", "PM"), ("U", "1790000000"),
        ("P", "%2B00%3A00"), ("H,Europe/Berlin", "16"),
        ("O,Asia/Kolkata", "%2B0530"), ("O,America/St_Johns", "-0230"),
        ("Y-m-d,Pacific/Kiritimati", "2026-09-22"), ("H,UTC", "14"), ("H,i", "14%2C13"),
    ],
)  # fmt: skip
def test_a_date_in_any_form_and_zone(form: str, shown: str) -> None:
    url = UrlTemplate("https://x.example/?d={date:" + form + "}")
    assert url.unknown == () and check_url(url.source, "url") == []
    assert url.render(visit(), IDS) == f"https://x.example/?d={shown}"


@pytest.mark.parametrize(
    "macro", ["date:", "date:Q", "date:Y,Mars/Base", "date:T", "sample", "sample:", "x:a"]
)
def test_an_argument_that_cannot_be_read_is_an_unknown_macro(macro: str) -> None:
    assert UrlTemplate("https://x.example/?d={" + macro + "}").unknown == (macro,)


def test_a_sample_is_drawn_by_the_clicks_own_draw_and_twice_in_a_url_apart() -> None:
    url = UrlTemplate("https://x.example/?a={sample:one,two,three%20%26}&b={sample:one,two,three%20%26}")
    seen: Counter[str] = Counter()
    for draw in range(3_000):
        made = visit()
        made.draw = draw << 40
        text = url.render(made, IDS)
        assert text == url.render(made, IDS)
        seen[text.partition("?")[2]] += 1
    values = ("one", "two", "three%20%26")
    assert seen.keys() == {f"a={a}&b={b}" for a in values for b in values}
    assert all(250 < count < 420 for count in seen.values())  # 333 and five times their spread


def test_pages_and_campaigns_before_are_named() -> None:
    made = visit()
    made.handed_on_by = (6, "Front & door")
    ids = Ids(7, "shoes", 8, 9, 3, landing_id=5, landing_name="Page")
    url = UrlTemplate(
        "https://x.example/?a={landing_id}&b={landing_name}&c={parent_campaign_id}&d={parent_campaign_name}"
    )
    assert url.render(made, ids) == "https://x.example/?a=5&b=Page&c=6&d=Front%20%26%20door"
    assert url.render(visit(), IDS) == "https://x.example/?a=0&b=&c=0&d="


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://x.example/?u={_sub1}", "https://x.example/?u=https://a.example/b%3Fc%3D1%26d%3D(2)%23%25"),
        (
            "https://x.example/{_sub1}",
            "https://x.example/https%3A%2F%2Fa.example%2Fb%3Fc%3D1%26d%3D%282%29%23%25",
        ),
        ("https://x.example/?u={_query.ref}", "https://x.example/?u=a/%2B%3B%20b"),
        ("https://x.example/#{_query.ref}", "https://x.example/#a/%2B%3B%20b"),
        ("/p/page?u={_external_id}", "/p/page?u=G/1"),
    ],
)
def test_a_raw_macro_keeps_what_can_do_no_harm(url: str, shown: str) -> None:
    made = visit(sub1="https://a.example/b?c=1&d=(2)#%", ref="a/+; b", gclid="G/1")
    assert UrlTemplate(url).render(made, IDS) == shown


@given(
    st.sampled_from(
        [*sorted(READERS), *sorted(ALIASES), "query.x", "date:Y-m-d%20H:i&Y=1;", "sample:a%26b=c#,../;"]
    ),
    st.sampled_from(["", "_"]),
    st.text(max_size=60),
    st.sampled_from(
        [
            "https://offer.example/{}", "https://offer.example/a/{}/b", "https://offer.example/?x={}",
            "https://offer.example/?x={}&fixed=1", "https://offer.example?{}", "https://offer.example/#{}",
            "https://offer.example:8443/p{}q", "/p/page?x={}",
        ]
    ),
)  # fmt: skip
def test_no_input_reaches_the_host_or_adds_a_parameter(name, raw, value, shape):
    url = shape.replace("{}", "{" + raw + name + "}")
    assert check_url(url, "url") == [] and UrlTemplate(url).unknown == ()
    made = visit()
    made.params = dict.fromkeys(("x", *(target.removeprefix("query.") for target in ALIASES.values())), value)
    made.facts = dict.fromkeys(DETECTED, value)
    made.host = made.landing = value
    made.handed_on_by = (0, value)
    made.subs = dict.fromkeys(range(1, 31), value)
    made.utm = {key: value for key in READERS if key.startswith("utm_")}
    made.source_click_id = made.referrer = made.language = made.user_agent = made.currency = value
    ids = Ids(
        7,
        "shoes",
        8,
        9,
        3,
        campaign_name=value,
        stream_name=value,
        destination_name=value,
        source_name=value,
        landing_name=value,
    )
    text = UrlTemplate(url).render(made, ids)
    clean = urlsplit(UrlTemplate(url).render(visit(), IDS))
    dirty = urlsplit(text)
    assert (dirty.scheme, dirty.netloc) == (clean.scheme, clean.netloc)
    assert text.isascii()
    assert not set(text) & set(' \r\n\t"<>\\')
    # One more only where the macro is all of the query, and is empty in the clean one.
    before, after = parse_qsl(clean.query, True), parse_qsl(dirty.query, True)
    assert len(after) == len(before) or (not before and len(after) == 1 and not after[0][1])
    assert [name for name, _ in after[-len(before) :]] == [name for name, _ in before] or not before
    assert "{" not in text and len(re.split("[;&]", dirty.query)) == len(re.split("[;&]", clean.query))
    assert "/../" not in unquote(dirty.path.replace("%2F", "")) + "/"


@pytest.mark.parametrize(
    "url",
    [
        "", "offer.example/x", "ftp://offer.example/", "//evil.example/x", "javascript:alert(1)",
        "https://", "https:///x", "https://{sub1}/x", "https://{sub1}.example/", "https://offer.example{sub1}/",
        "https://offer.example:{sub1}/", "https://user:pw@offer.example/", "https://offer.example@{sub1}/",
        "{sub1}", "{scheme}://offer.example/", "/{sub1}/x", "https://offer.example/a b",
        "https://offer.example/\r\nX: y", "https://offer.example/é", "https://offer.example:99999/",
        "https://[::1/", "https://offer.example\\@evil.example/", "https://x.example/" + "a" * 4_096,
    ],
)  # fmt: skip
def test_a_url_where_a_visitor_could_choose_the_host_is_refused(url):
    problems = check_url(url, "url")
    assert [problem.path for problem in problems] == ["url"]


@pytest.mark.parametrize(
    "url",
    ["https://offer.example", "http://10.0.0.1:8080/{sub1}", "https://[::1]:8/?{sub1}", "/p/x?c={click_id}"],
)
def test_an_honest_url_passes(url):
    assert check_url(url, "url") == []
