"""Transparent links: the one way in which a request names where it goes, and the ways in which it cannot."""

from __future__ import annotations

import hmac
from urllib.parse import quote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.model.catalog import Campaign, Source
from appliance.model.rules import Answer, Transparent
from appliance.routing.hops import Hop, check_hop, compile_hop
from tests.pure.tables import build, decided, destination, stream

SECRET = "a secret of the source"
HOSTS = ("shop.example", "*.brand.example")
HOP = Hop(Transparent(hosts=HOSTS), SECRET)


def signed(url: str, secret: str = SECRET) -> dict[str, str]:
    return {"lpurl": url, "hmac": hmac.new(secret.encode(), url.encode(), "sha256").hexdigest()}


@pytest.mark.parametrize(
    ("url", "followed"),
    [
        ("https://shop.example/x?a=1&b=2#c", "https://shop.example/x?a=1&b=2#c"),
        ("http://shop.example", "http://shop.example"),
        ("HTTPS://Shop.Example/X", "HTTPS://Shop.Example/X"),
        ("https://shop.example:443/", "https://shop.example:443/"),
        ("https://www.brand.example/", "https://www.brand.example/"),
        ("https://a.b.brand.example?x", "https://a.b.brand.example?x"),
        ("https://shop.example/ä b", "https://shop.example/%C3%A4%20b"),
        ("https://shop.example/%41", "https://shop.example/%41"),
        ("https://brand.example/", ""),
        ("https://shop.example:8443/", ""),
        ("https://evilshop.example/", ""),
        ("https://shop.example.evil/", ""),
        ("https://evil.example/shop.example", ""),
        ("https://shop.example@evil.example/", ""),
        ("https://user:pass@shop.example/", ""),
        ("https://evil.example\\@shop.example/", ""),
        ("https://evil.example\\.brand.example/", ""),
        ("https://evil.example#.brand.example/", ""),
        ("https://evil.example?.brand.example", ""),
        ("https://evil.example/.brand.example", ""),
        ("https://shop.example\n.evil.example/", ""),
        ("https:/shop.example/", ""),
        ("https:shop.example", ""),
        ("//shop.example/", ""),
        ("/x", ""),
        ("javascript:alert(1)//shop.example", ""),
        ("data:text/html,x", ""),
        ("https://shop%2Eexample/", ""),
        ("https://shop.example%00.evil.example/", ""),
        ("https://ｓhop.example/", ""),
        ("https://[::1]/", ""),
        ("https://127.0.0.1/", ""),
        (" https://shop.example/", ""),
        ("https://shop.example/" + "x" * 3_000, ""),
    ],
)
def test_what_is_followed(url, followed):
    assert HOP.follow({"lpurl": url}) == followed


def test_a_hop_that_is_not_named_is_none():
    assert HOP.follow({}) is None and HOP.follow({"lpurl": ""}) is None
    assert HOP.follow({"url": "https://shop.example/", "redirect_url": "https://shop.example/"}) is None


def test_with_the_source_s_signature_any_host_is_reached_and_nothing_but_that_url():
    url = "https://far.example:8443/a?b=ü"
    assert HOP.follow(signed(url)) == "https://far.example:8443/a?b=%C3%BC"
    assert HOP.follow(signed(url, "another secret")) == ""
    assert HOP.follow(signed(url) | {"lpurl": url + "x"}) == ""
    assert HOP.follow(signed("javascript:alert(1)")) == ""
    assert HOP.follow(signed("https://a.example\\@b.example/")) == ""
    unsigned = Hop(Transparent(hosts=HOSTS), "")
    assert unsigned.follow(signed(url, "")) == ""


@pytest.mark.parametrize(
    ("source", "faults"),
    [
        (Source(transparent=Transparent(hosts=HOSTS)), []),
        (Source(transparent=Transparent(), secret=SECRET), []),
        (Source(transparent=Transparent()), ["transparent.hosts"]),
        (Source(transparent=Transparent(param="url", hosts=HOSTS)), ["transparent.param"]),
        (Source(transparent=Transparent(param="Redirect_URL", hosts=HOSTS)), ["transparent.param"]),
        (Source(transparent=Transparent(param="hmac", hosts=HOSTS)), ["transparent.param"]),
        (Source(transparent=Transparent(param="a b", hosts=HOSTS)), ["transparent.param"]),
        (Source(transparent=Transparent(hosts=("*",))), ["transparent.hosts[0]"]),
        (Source(transparent=Transparent(hosts=("*.com",))), ["transparent.hosts[0]"]),
        (Source(transparent=Transparent(hosts=("Shop.example",))), ["transparent.hosts[0]"]),
        (Source(transparent=Transparent(hosts=("a/b",))), ["transparent.hosts[0]"]),
        (Source(transparent=Transparent(hosts=HOSTS), secret="short"), ["secret"]),
        (Source(), []),
    ],
)  # fmt: skip
def test_what_a_source_may_allow(source, faults):
    assert [fault.path for fault in check_hop(source)] == faults


@pytest.mark.parametrize("param", ["url", "redirect_url", "URL", "Redirect_Url"])
def test_url_and_redirect_url_are_never_followed_whatever_is_stored(param):
    assert compile_hop(Source(transparent=Transparent(param=param, hosts=HOSTS), secret=SECRET)) is None
    assert compile_hop(Source(secret=SECRET)) is None and compile_hop(None) is None


def shop(transparent: Transparent | None, **more):
    campaign = Campaign(id=1, slug="shoes", public_id="PUB", source_id=1, **more)
    return build(
        campaign,
        Source(id=1, transparent=transparent),
        destination(1),
        stream(1, 1, answer=Answer(kind="js")),
    )


def test_a_transparent_click_goes_where_it_says_and_is_recorded_as_such():
    made = shop(Transparent(hosts=HOSTS))
    decision = decided(made, "lpurl=" + quote("https://shop.example/x?a=1", safe=""))
    assert (decision.kind, decision.url) == ("transparent", "https://shop.example/x?a=1")
    assert (decision.stream_id, decision.destination_id, decision.answer) == (1, 0, None)
    refused = decided(made, "lpurl=https%3A%2F%2Fevil.example%2F")
    assert (refused.kind, refused.reason, refused.destination_id) == ("destination", "transparent_refused", 1)
    assert decided(made, "").reason == ""


def test_a_source_that_allows_none_and_a_paused_campaign_follow_none():
    query = "lpurl=https%3A%2F%2Fshop.example%2F"
    assert decided(shop(None), query).url == "https://d1.example/?c=01999999-9999-7999-8999-999999999999"
    assert decided(shop(Transparent(hosts=HOSTS), status="paused"), query).reason == "campaign_paused"


@given(st.text(max_size=120) | st.builds(
    "{}{}{}".format,
    st.sampled_from(["https://", "http://", "//", "https:\\\\", "https:/\\", "HTTPS://shop.example"]),
    st.text(alphabet="shop.exampl@:/\\?#%00evil\t\r\n [brand", max_size=40),
    st.sampled_from(["", "shop.example", ".brand.example", "/", "@shop.example"]),
))  # fmt: skip
def test_no_text_leads_to_a_host_that_is_not_allowed(text):
    followed = HOP.follow({"lpurl": text})
    if followed:
        split = urlsplit(followed)
        host = split.hostname or ""
        assert host == "shop.example" or host.endswith(".brand.example")
        assert split.scheme in ("http", "https") and "@" not in split.netloc and "\\" not in followed
        assert followed.isascii() and followed.isprintable() and " " not in followed


@given(
    query=st.text(max_size=200), param=st.sampled_from(["url", "redirect_url", "lpurl", "u", "to", "next"])
)
def test_a_click_of_any_other_source_goes_to_the_catalog_s_destination(query, param):
    """Promise 6, from the outside in."""
    decision = decided(shop(None), f"{param}={quote(query)}&{query}")
    assert decision.url == "https://d1.example/?c=01999999-9999-7999-8999-999999999999"
