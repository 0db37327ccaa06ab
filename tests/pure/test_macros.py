"""Macros: every value is encoded, put in once, and cannot reach the host."""

from __future__ import annotations

from urllib.parse import parse_qsl, unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.routing.macros import READERS, Ids, UrlTemplate, check_url
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
    assert url.render(visit(sub1="{sub2}", sub2="{click_id}"), IDS) == (
        "https://x.example/?a=%7Bsub2%7D&b=%7Bclick_id%7D"
    )


@given(
    st.sampled_from([*sorted(READERS), "query.x"]),
    st.text(max_size=60),
    st.sampled_from(
        [
            "https://offer.example/{}", "https://offer.example/a/{}/b", "https://offer.example/?x={}",
            "https://offer.example/?x={}&fixed=1", "https://offer.example?{}", "https://offer.example/#{}",
            "https://offer.example:8443/p{}q", "/p/page?x={}",
        ]
    ),
)  # fmt: skip
def test_no_input_reaches_the_host_or_adds_a_parameter(name, value, shape):
    url = shape.replace("{}", "{" + name + "}")
    assert check_url(url, "url") == []
    made = visit(x=value)
    made.subs = dict.fromkeys(range(1, 31), value)
    made.utm = {key: value for key in READERS if key.startswith("utm_")}
    made.source_click_id = made.referrer = made.language = made.user_agent = made.currency = value
    text = UrlTemplate(url).render(made, IDS)
    clean = urlsplit(UrlTemplate(url).render(visit(), IDS))
    dirty = urlsplit(text)
    assert (dirty.scheme, dirty.netloc) == (clean.scheme, clean.netloc)
    assert text.isascii()
    assert not set(text) & set(' \r\n\t"<>\\')
    assert len(parse_qsl(dirty.query, True)) <= len(parse_qsl(clean.query, True)) + 1
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
