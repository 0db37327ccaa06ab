"""MMDB files of every layout, read by the reader in C; and what is no use is named."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import maxminddb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.errors import Unavailable
from appliance.stores import geo
from tests import mmdb

V4, V6 = "203.0.113.0/24", "2001:db8::/32"
IN_V4, IN_V6, OUTSIDE = "203.0.113.77", "2001:db8:1::9", "198.51.100.1"

MAXMIND_CITY = {
    "city": {"geoname_id": 2950159, "names": {"de": "Berlin", "en": "Berlin"}},
    "continent": {"code": "EU", "names": {"en": "Europe"}},
    "country": {"geoname_id": 2921044, "iso_code": "DE", "names": {"en": "Germany"}},
    "location": {"accuracy_radius": 20, "latitude": 52.5, "longitude": 13.4, "time_zone": "Europe/Berlin"},
    "registered_country": {"iso_code": "FR", "names": {"en": "France"}},
    "subdivisions": [{"iso_code": "BE", "names": {"en": "State of Berlin", "de": "Land Berlin"}}],
}
DBIP_LITE = {
    "city": {"names": {"en": "Mountain View"}},
    "continent": {"code": "NA", "geoname_id": 6255149, "names": {"en": "North America"}},
    "country": {"geoname_id": 6252001, "is_in_european_union": False, "iso_code": "US"},
    "location": {"latitude": 37.4, "longitude": -122.1},
    "subdivisions": [{"names": {"en": "California"}}],
}  # fmt: skip
DBIP_ISP = {
    "country": {"iso_code": "DE"},
    "traits": {
        "autonomous_system_number": 24940, "autonomous_system_organization": "Hetzner Online GmbH",
        "connection_type": "Corporate", "user_type": "hosting", "isp": "Hetzner", "organization": "Somebody",
    },
}  # fmt: skip
ENTERPRISE = MAXMIND_CITY | {
    "traits": {
        "autonomous_system_number": 3320, "autonomous_system_organization": "Deutsche Telekom AG",
        "connection_type": "Cable/DSL", "isp": "Telekom Deutschland", "organization": "Telekom",
        "user_type": "residential",
    }
}  # fmt: skip

BERLIN = {"country": "DE", "region": "State of Berlin", "city": "Berlin"}
LAYOUTS: list[tuple[str, dict[str, Any], str, dict[str, str]]] = [
    ("GeoLite2-City", MAXMIND_CITY, "geoip2", BERLIN),
    ("GeoLite2-Country", {"registered_country": {"iso_code": "jp"}}, "geoip2", {"country": "JP"}),
    ("GeoLite2-ASN", {"autonomous_system_number": 15169, "autonomous_system_organization": "GOOGLE"},
     "geoip2", {"asn": "15169", "isp": "GOOGLE"}),
    ("GeoIP2-ISP", {"autonomous_system_number": 3320, "autonomous_system_organization": "Deutsche Telekom AG",
                    "isp": "Telekom", "organization": "Telekom Kunden"},
     "geoip2", {"asn": "3320", "isp": "Telekom"}),
    ("GeoIP2-Connection-Type", {"connection_type": "Cellular"}, "geoip2", {"connection_type": "cellular"}),
    ("GeoIP2-Anonymous-IP", {"is_anonymous": True, "is_hosting_provider": True},
     "geoip2", {"datacenter": "1"}),
    ("GeoIP2-Enterprise", ENTERPRISE, "geoip2-traits",
     BERLIN | {"asn": "3320", "isp": "Telekom Deutschland", "connection_type": "cable", "datacenter": "0"}),
    ("DBIP-City-Lite", DBIP_LITE, "geoip2",
     {"country": "US", "region": "California", "city": "Mountain View"}),
    ("DBIP-ISP (compat=Enterprise)", DBIP_ISP, "geoip2-traits",
     {"country": "DE", "asn": "24940", "isp": "Hetzner", "connection_type": "corporate", "datacenter": "1"}),
    ("country ipvAll", {"country_code": "US"}, "flat", {"country": "US"}),
    ("city ipvAll", {"country_code": "FR", "state1": "Île-de-France", "state2": "", "city": "Paris",
                     "latitude": 48.8, "longitude": 2.3, "postcode": "75000", "timezone": "Europe/Paris"},
     "flat", {"country": "FR", "region": "Île-de-France", "city": "Paris"}),
]  # fmt: skip


@pytest.mark.parametrize(("type_", "record", "layout", "facts"), LAYOUTS, ids=[row[0] for row in LAYOUTS])
def test_every_layout_tells_its_facts(
    tmp_path: Path, type_: str, record: dict[str, Any], layout: str, facts: dict[str, str]
) -> None:
    path = mmdb.write(tmp_path / "it.mmdb", {V4: record, V6: record}, type=type_)
    database = geo.open_file(path, tmp_path)
    assert (database.layout, database.type, database.built_us) == (layout, type_, mmdb.BUILT * 1_000_000)
    assert database.facts == set(facts)
    for address in (IN_V4, IN_V6):
        assert database.lookup(address) == facts, address
    for address in (OUTSIDE, "", "no address", "fe80::1%eth0", "127.0.0.1"):
        assert database.lookup(address) == {}, address


@pytest.mark.parametrize("size", [24, 28, 32])
@pytest.mark.parametrize("version", [4, 6])
def test_a_small_file_is_recognised_whatever_its_tree_is_made_of(
    tmp_path: Path, size: int, version: int
) -> None:
    """None of its networks is one of those that are tried in every file."""
    networks = {f"203.0.{n}.128/25": {"country_code": "US"} for n in range(250)} | {V4: {"city": "Nowhere"}}
    path = mmdb.write(tmp_path / "a.mmdb", networks, type="x", ip_version=version, record_size=size)
    database = geo.open_file(path, tmp_path)
    assert database.facts == {"country", "city"}
    assert database.lookup("203.0.7.200") == {"country": "US"}


def test_a_file_of_ipv4_alone_says_nothing_of_ipv6(tmp_path: Path) -> None:
    path = mmdb.write(tmp_path / "it.mmdb", {V4: {"country_code": "US"}}, type="country", ip_version=4)
    database = geo.open_file(path, tmp_path)
    assert database.lookup(IN_V4) == {"country": "US"}
    assert database.lookup(IN_V6) == {}


@pytest.mark.parametrize(
    "record",
    [{"country_code": "ZZ"}, {"country_code": "xx"}, {"country_code": ""}, {"country_code": 7},
     {"country": "US"}, {"country": {"iso_code": "USA"}}, {"subdivisions": ["x"]}, {"city": {"names": ["x"]}},
     ["list"], "text"],
)  # fmt: skip
def test_records_that_say_it_wrongly_say_nothing(tmp_path: Path, record: Any) -> None:
    right = {"country_code": "US"} if "country_code" in record else MAXMIND_CITY
    path = mmdb.write(tmp_path / "it.mmdb", {V4: record, V6: right}, type="odd")
    database = geo.open_file(path, tmp_path)
    assert database.lookup(IN_V4) == {}
    assert database.lookup(IN_V6)["country"]


def test_the_reader_is_the_one_in_c(tmp_path: Path) -> None:
    path = mmdb.write(tmp_path / "it.mmdb", {V4: {"country_code": "US"}}, type="country")
    assert geo.reads_in_c(maxminddb.open_database(path, maxminddb.MODE_MMAP_EXT))
    with maxminddb.open_database(path, maxminddb.MODE_FILE) as slow:
        assert not geo.reads_in_c(slow)


@pytest.mark.parametrize(
    ("body", "why"),
    [(b"", "MMDB"), (b"<html>404</html>" * 9, "MMDB"), (mmdb.MARK + b"\x00" * 40, "MMDB")],
)
def test_what_is_no_database_is_named(tmp_path: Path, body: bytes, why: str) -> None:
    path = tmp_path / "it.mmdb"
    path.write_bytes(body)
    with pytest.raises(Unavailable, match=why):
        geo.open_file(path, tmp_path)


def test_a_database_of_something_else_is_named_with_its_fields(tmp_path: Path) -> None:
    path = mmdb.write(tmp_path / "it.mmdb", {V4: {"weather": "rain", "wind": 3}}, type="Weather")
    with pytest.raises(Unavailable, match="weather, wind"):
        geo.open_file(path, tmp_path)


def test_a_file_that_is_written_over_in_place_does_not_kill_its_reader(tmp_path: Path) -> None:
    """A mapped file that shrinks ends its reader with SIGBUS; ours has a copy of its own."""
    path = mmdb.write(tmp_path / "it.mmdb", {V4: {"country_code": "US"}}, type="country")
    database = geo.open_file(path, tmp_path)
    with path.open("r+b") as file:
        file.truncate(0)
    assert database.lookup(IN_V4) == {"country": "US"}
    assert [left.name for left in tmp_path.iterdir()] == ["it.mmdb"]


@settings(max_examples=60, deadline=None)
@given(
    networks=st.dictionaries(
        st.integers(0, 255).map(lambda n: f"10.{n}.0.0/16"),
        st.sampled_from(["US", "DE", "FR", "JP"]),
        min_size=1,
    )
)
def test_every_address_of_a_written_file_is_found_again(
    networks: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("geo")
    records = {network: {"country_code": code} for network, code in networks.items()}
    database = geo.open_file(mmdb.write(folder / "it.mmdb", records, type="country"), folder)
    for n in range(256):
        code = networks.get(f"10.{n}.0.0/16")
        assert database.lookup(f"10.{n}.3.4") == ({"country": code} if code else {})


# On some damage the C code of the driver makes a call that Python says is deprecated: a warning, no failure.
@pytest.mark.filterwarnings("ignore:PyUnicode_FromStringAndSize:DeprecationWarning")
@settings(max_examples=150, deadline=None)
@given(damage=st.lists(st.tuples(st.floats(0, 0.999), st.integers(0, 255)), min_size=1, max_size=12))
def test_a_damaged_file_is_refused_or_says_less_but_stops_nobody(
    damage: list[tuple[float, int]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("geo")
    path = mmdb.write(folder / "it.mmdb", {V4: MAXMIND_CITY, V6: ENTERPRISE}, type="GeoLite2-City")
    body = bytearray(path.read_bytes())
    for where, byte in damage:
        body[int(where * len(body))] = byte
    path.write_bytes(body)
    try:
        database = geo.open_file(path, folder)
    except Unavailable:
        return
    for address in (IN_V4, IN_V6, OUTSIDE):
        facts = database.lookup(address)
        assert all(isinstance(value, str) and 0 < len(value) <= geo.LONGEST for value in facts.values())


def test_the_builds_own_table_is_last_and_only_where_it_is(tmp_path: Path) -> None:
    own = (geo.embedded_file(),) if geo.embedded_file().is_file() else ()
    assert geo.files(["a.mmdb", "b.mmdb"], True) == (Path("a.mmdb"), Path("b.mmdb"), *own)
    assert geo.files([], False) == ()


@pytest.mark.skipif(not geo.embedded_file().is_file(), reason="make geo fetches the table; npm is needed")
def test_the_builds_own_table_knows_the_countries_of_the_world(tmp_path: Path) -> None:
    database = geo.open_file(geo.embedded_file(), tmp_path)
    assert (database.layout, database.facts) == ("flat", {"country"})
    # Addresses that belong to national registries and name servers: they do not move.
    for address, country in (
        ("193.0.6.139", "NL"), ("8.8.8.8", "US"), ("194.25.2.129", "DE"), ("200.160.2.3", "BR"),
        ("202.12.29.175", "AU"), ("2001:4860:4860::8888", "US"), ("194.85.61.76", "RU"),
    ):  # fmt: skip
        assert database.lookup(address) == {"country": country}, address
