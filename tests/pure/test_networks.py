"""Addresses, networks and ranges: one number line, bisected; equal to asking the standard library."""

from __future__ import annotations

from ipaddress import ip_address, ip_network
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from appliance.routing.networks import Networks, intervals, merged, number

CASES = [
    # networks, address, within
    (("10.0.0.0/8",), "10.255.255.255", True),
    (("10.0.0.0/8",), "11.0.0.0", False),
    (("10.1.2.3/8",), "10.0.0.0", True),  # bits beyond the length are ignored
    (("1.2.3.4",), "1.2.3.4", True),
    (("1.2.3.4",), "1.2.3.5", False),
    (("1.2.3.4",), "::ffff:1.2.3.4", True),
    (("10.0.0.1-10.0.0.9",), "10.0.0.9", True),
    (("10.0.0.1 - 10.0.0.9",), "10.0.0.10", False),
    (("2001:db8::/32",), "2001:db8:ffff::1", True),
    (("2001:db8::/32",), "2001:db9::", False),
    (("2001:db8::1-2001:db8::ff",), "2001:db8::80", True),
    (("0.0.0.0/0",), "255.255.255.255", True),
    (("0.0.0.0/0",), "::1", False),
    (("::/0",), "1.2.3.4", False),
    (("::/0",), "::1", True),
    (("::/0",), "ffff::", True),
    (("::/64",), "::ffff:1.2.3.4", False),  # which is 1.2.3.4
    (("::ffff:0:0/96",), "1.2.3.4", True),
    (("::ffff:1.2.3.0/120",), "1.2.3.4", True),
    (("::1-ffff::",), "1.2.3.4", False),
    (("::1-ffff::",), "2001:db8::", True),
    (("10.0.0.0/8",), "no address", False),
    (("10.0.0.0/8",), "", False),
    (("10.0.0.0/8",), None, False),
    (("10.0.0.0/8",), "fe80::1%eth0", False),
    (("192.168.0.0/24", "10.0.0.0/24", "10.0.0.128/25"), "10.0.0.200", True),
]


@pytest.mark.parametrize(("texts", "address", "within"), CASES)
def test_an_address_is_in_a_network_as_the_table_says(texts, address, within):
    assert Networks(texts).hold(address) is within


@pytest.mark.parametrize(
    "text",
    ["", "10", "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/-1", "10.0.0.0/255.0.0.0", "1.2.3.9-1.2.3.4",
     "1.2.3.4-::1", "1.2.3.4-", "x" * 500, "fe80::1%eth0", "10.0.0.0/8/8", "010.1.1.1"],
)  # fmt: skip
def test_what_is_no_network_is_none(text):
    assert intervals(text) == ()
    with pytest.raises(ValueError, match="no address"):
        Networks([text])


addresses = st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6))


# An address of IPv4 inside one of IPv6 is one of IPv4, and those are not in ::/0.
@example([(ip_address("::ffff:0:0"), 0)], ip_address("0.0.0.0"))
@given(st.lists(st.tuples(addresses, st.integers(0, 32)), min_size=1, max_size=20), addresses)
def test_bisection_equals_the_standard_library(networks, address):
    texts = [f"{a}/{n}" for a, n in networks]
    for each in (address, networks[0][0]):
        expected = any(_within(each, ip_network(text, strict=False)) for text in texts)
        assert Networks(texts).hold(str(each)) is expected


def _within(address, network):
    if address.version == 6 and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    mapped = ip_network("::ffff:0:0/96")
    if network.version == 6 and network.subnet_of(mapped):
        network = ip_network(f"{network.network_address.ipv4_mapped}/{network.prefixlen - 96}")
    return address in network


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 8)).map(lambda t: (t[0], t[0] + t[1]))))
def test_merged_intervals_hold_the_same_numbers_and_never_touch(intervals):
    found = merged(sorted(intervals))
    assert {n for a, b in found for n in range(a, b + 1)} == {
        n for a, b in intervals for n in range(a, b + 1)
    }
    assert all(a[1] + 1 < b[0] for a, b in pairwise(found))


@given(addresses)
def test_a_number_is_the_address(address):
    assert number(str(address)) == int(address if address.version == 6 else ip_address(f"::ffff:{address}"))
