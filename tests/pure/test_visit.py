"""Reading a visit: aliases, bounds and bad parameters that cost nothing but themselves."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.model.ids import click_id, click_time_ms
from appliance.model.money import amount, micro
from appliance.routing.visit import Visit, cut_address, is_declared_bot, read_query


def read(query: str) -> Visit:
    visit = Visit("c", "x", query, read_query(query))
    visit.read_tracking()
    return visit


def test_the_seeds_aliases_in_their_order():
    assert read("gclid=G&clickid=&cid=C").source_click_id == "C"
    assert read("fbclid=F&gclid=G").source_click_id == "F"
    assert read("bid=3&cpc=0.5").cost == 500_000
    assert read("sub1=a&sub30=z&sub31=no").subs == {1: "a", 30: "z"}
    assert read("utm_source=s&utm_term=t&utm_other=o").utm == {"utm_source": "s", "utm_term": "t"}


@pytest.mark.parametrize(
    ("query", "faults"),
    [
        ("cost=abc", ("cost",)),
        ("cost=-1", ("cost",)),
        ("cost=1e9", ("cost",)),
        ("cost=NaN&price=2", ("cost",)),
        ("cost={cost", ("cost",)),
        ("currency=dollars", ("currency",)),
        ("clickid=" + "x" * 513, ("clickid",)),
        ("cost=9999999999", ("cost",)),
    ],
)
def test_a_bad_parameter_is_left_out_and_named(query, faults):
    visit = read(query)
    assert visit.faults == faults
    assert visit.cost in (0, 2_000_000)


def test_a_source_click_id_of_512_characters_is_kept_whole():
    assert read("fbclid=" + "x" * 512).source_click_id == "x" * 512


def test_an_unusable_alias_gives_way_to_the_next():
    visit = read("clickid=" + "x" * 600 + "&gclid=G")
    assert visit.source_click_id == "G"


@given(st.text(max_size=400))
def test_any_query_can_be_read(query):
    visit = read(query)
    assert all(len(value) <= 512 for value in (*visit.subs.values(), *visit.utm.values()))
    assert visit.cost >= 0


def test_the_first_value_of_a_name_wins_and_bytes_that_are_no_utf8_are_replaced():
    assert read_query("a=1&a=2&b=%ff&=x&c") == {"a": "1", "b": "�", "c": ""}


def test_at_most_256_names_are_read():
    assert len(read_query("&".join(f"p{i}=1" for i in range(1_000)))) == 256


@given(st.ip_addresses())
def test_addresses_are_cut_to_24_and_48_bits(ip):
    prefix = 24 if ip.version == 4 else 48
    network = ipaddress.ip_network(f"{ip}/{prefix}", strict=False)
    assert ipaddress.ip_address(cut_address(str(ip))) == network.network_address


@pytest.mark.parametrize(
    ("agent", "bot"),
    [
        ("Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", True),
        ("facebookexternalhit/1.1", True),
        ("Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/120 Safari/537.36", False),
        ("curl/8.5.0", False),
        ("CUBOT_X18 Build", False),
    ],
)
def test_only_those_who_say_so_are_bots(agent, bot):
    assert is_declared_bot(agent) is bot


@given(st.integers(0, 2**47), st.integers(0, 2**74 - 1))
def test_a_click_id_is_uuid7_and_says_its_time(ms, randomness):
    made = click_id(ms, randomness)
    assert len(made) == 36
    assert click_time_ms(made) == ms


@given(st.integers(0, 2**40), st.integers(0, 2**40), st.integers(0, 2**74 - 1))
def test_click_ids_sort_by_time(one, other, randomness):
    if one != other:
        assert (click_id(one, randomness) < click_id(other, 5)) is (one < other)


def test_what_is_no_click_id_has_no_time():
    for text in ("", "x", "01a0c450-6c00-43e8-a65a-bd25bfe33ee8", "01A0C450-6C00-73E8-A65A-BD25BFE33EE8"):
        assert click_time_ms(text) is None


@given(st.integers(-(10**15) + 1, 10**15 - 1))
def test_money_is_exact(value):
    assert micro(f"{amount(value):f}") == value


def test_a_preset_comes_before_every_alias_of_the_visitors() -> None:
    presets = {"cpc": "0.5", "external_click_id": "ours"}
    visit = Visit("r", "t", "", {"cost": "9", "click_id": "theirs", **presets})
    visit.read_tracking(presets)
    assert (visit.cost, visit.source_click_id) == (500_000, "ours")
