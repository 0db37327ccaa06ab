"""MMDB files → facts about addresses: adapters for the layouts of MaxMind, DB-IP and @ip-location-db.

Only the reader in C is used (0.8 µs a lookup instead of 10). It maps the file into memory, and a mapped file
that somebody writes over in place kills its readers (SIGBUS): an operator's file is copied first, into a file
that has no name any more.
"""

from __future__ import annotations

import ipaddress
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import maxminddb
from maxminddb import InvalidDatabaseError, Reader
from maxminddb.reader import Metadata

from appliance.errors import Unavailable
from appliance.partners.identity import NOWHERE

SAMPLE = 500
"""Networks at the beginning of a file that are looked at for its layout and the facts that it can tell."""
MOST_NODES = 20_000
LONGEST = 128

Record = Mapping[str, Any]
Getter = Callable[[Record], str]
Layout = Mapping[str, Getter]


class Stamp(NamedTuple):
    """What tells one state of a file from another without reading it."""

    inode: int
    size: int
    modified_ns: int


class AddressFile:
    """One open MMDB file (ports.AddressDatabase). Whoever drops it has closed it."""

    def __init__(self, reader: Reader, name: str) -> None:
        self._get = reader.get
        metadata = reader.metadata()
        self.layout, told = _recognise(_sample(reader, name))
        self.facts = frozenset(told)
        self._told = tuple(told.items())
        self.type = metadata.database_type
        self.built_us = metadata.build_epoch * 1_000_000

    def lookup(self, address: str) -> Mapping[str, str]:
        """What it says of an address, by the names of routing/facts.py; {} for one that it does not have."""
        try:
            record = self._get(address)
        except (ValueError, InvalidDatabaseError):
            return {}  # no address, one of a version that the file does not have, or a broken place in it
        facts: dict[str, str] = {}
        if isinstance(record, dict):
            for name, get in self._told:
                if value := get(record):
                    facts[name] = value
        return facts


def _sample(reader: Reader, name: str) -> list[Record]:
    """Records from the beginning of a file, all of a small one, and from all over the addresses of IPv4.

    Never by iterating over the reader: in C that writes past its memory when a file is damaged, and the
    process dies. Asking for an address does not.
    """
    metadata = reader.metadata()
    with Path(name).open("rb") as file:
        addresses = list(islice(_addresses(file, metadata), SAMPLE))
    addresses += [f"{a}.{b}.0.1" for a in range(1, 224) for b in range(0, 256, 64)]
    return [record for record in map(reader.get, addresses) if isinstance(record, dict)]


def _addresses(file: BinaryIO, metadata: Metadata) -> Iterator[str]:
    """An address in each of the first networks of the tree: as many as its first MOST_NODES nodes lead to."""
    size, count, width = metadata.record_size, metadata.node_count, 32 if metadata.ip_version == 4 else 128
    make = ipaddress.IPv4Address if width == 32 else ipaddress.IPv6Address
    waiting = [(0, 0, 0)]
    for _ in range(MOST_NODES):
        if not waiting:
            return
        node, bits, depth = waiting.pop()
        file.seek(node * size // 4)
        both = file.read(size // 4)
        for side, child in enumerate(reversed(_children(both, size))):
            inner = bits | (1 - side) << (width - 1 - depth)
            if child > count:
                yield str(make(inner))
            elif child < count and depth < width - 1:
                waiting.append((child, inner, depth + 1))


def _children(both: bytes, size: int) -> tuple[int, int]:
    """The two records of a node, of 24, 28 or 32 bits each."""
    if size == 28 and len(both) == 7:
        left = (both[3] & 0xF0) << 20 | int.from_bytes(both[:3], "big")
        return left, (both[3] & 0x0F) << 24 | int.from_bytes(both[4:], "big")
    half = size // 8
    return int.from_bytes(both[:half], "big"), int.from_bytes(both[half:], "big")


def stamp(path: Path) -> Stamp:
    """Raises OSError when there is no such file."""
    found = path.stat()
    return Stamp(found.st_ino, found.st_size, found.st_mtime_ns)


def files(databases: Sequence[str], embedded: bool) -> tuple[Path, ...]:
    """The configuration's files in order, and last the country table of this build, where it has one."""
    own = embedded_file()
    return (*map(Path, databases), *((own,) if embedded and own.is_file() else ()))


def open_file(path: Path, scratch: Path) -> AddressFile:
    """Open one; an operator's from a private copy in the directory `scratch`.

    Raises OSError, or Unavailable saying why it is no use.
    """
    if path == embedded_file():  # nobody writes over that one
        return _read(str(path), path)
    before = stamp(path)
    with path.open("rb") as source, tempfile.TemporaryFile(dir=scratch, prefix="geo-") as copy:
        shutil.copyfileobj(source, copy, 1 << 20)
        copy.flush()
        if stamp(path) != before:
            raise Unavailable("it is being written at this moment")
        return _read(f"/proc/self/fd/{copy.fileno()}", path)


def _read(name: str, path: Path) -> AddressFile:
    try:
        reader = maxminddb.open_database(name, maxminddb.MODE_MMAP_EXT)
    except ValueError as fault:  # what the library raises where it has no C part
        raise Unavailable(f"this build cannot read MMDB files: {fault}") from fault
    except InvalidDatabaseError as fault:
        raise Unavailable(f"not an MMDB file: {str(fault).replace(name, path.name)}") from fault
    if not reads_in_c(reader):
        raise Unavailable(
            f"this build would read MMDB files with {type(reader).__module__}, ten times slower"
        )
    try:
        return AddressFile(reader, name)
    except (InvalidDatabaseError, ValueError) as fault:  # UnicodeDecodeError is one
        raise Unavailable(f"a broken MMDB file: {fault}") from fault


def reads_in_c(reader: Reader) -> bool:
    """Whether it is the reader in C: its Python twin has the same methods and takes ten times as long."""
    return type(reader).__module__ in ("maxminddb.extension", "extension")


def embedded_file() -> Path:
    """The country table of this build: in the executable beside the package, else below the repository."""
    package = Path(__file__).resolve().parents[1]
    inside = package / "_geo"
    return (inside if inside.is_dir() else package.parent / ".cache" / "geo") / "country.mmdb"


# -- the layouts ------------------------------------------------------------------------------------------


def _text(value: object) -> str:
    return " ".join(value.split())[:LONGEST] if isinstance(value, str) else ""


def _named(value: object) -> str:
    """A place's English name: {"names": {"en": …}}, or else in whatever language there is."""
    names = value.get("names") if isinstance(value, dict) else None
    if not isinstance(names, dict):
        return ""
    return _text(names.get("en")) or next(filter(None, map(_text, names.values())), "")


def _country(value: object) -> str:
    return _code(value) if isinstance(value, str) else ""


@lru_cache(maxsize=1024)
def _code(text: str) -> str:
    code = text.strip().upper()
    return code if len(code) == 2 and code.isascii() and code.isalpha() and code not in NOWHERE else ""


def _number(value: object) -> str:
    """15169, "15169" and "AS15169" → "15169"."""
    text = str(value) if isinstance(value, int) else _text(value).upper().removeprefix("AS")
    return text if text.isascii() and text.isdigit() and text.strip("0") else ""


_CONNECTIONS = {
    "cable/dsl": "cable", "cable": "cable", "dsl": "cable", "dialup": "dialup",
    "cellular": "cellular", "wireless": "cellular", "corporate": "corporate", "satellite": "satellite",
}  # fmt: skip
CONNECTION_TYPES = tuple(sorted(set(_CONNECTIONS.values())))
"""What the fact connection_type can be."""


def _part(record: object, name: str) -> Any:
    return record.get(name) if isinstance(record, dict) else None


def _owner(record: Record) -> str:
    return next(
        filter(
            None,
            (_text(record.get(name)) for name in ("isp", "autonomous_system_organization", "organization")),
        ),
        "",
    )


def _own(record: Record) -> Record:
    return record


def _traits(record: Record) -> Record:
    found = record.get("traits")
    return found if isinstance(found, dict) else {}


def _network(where: Callable[[Record], Record]) -> Layout:
    """What stands of a network in MaxMind's ASN, ISP, Connection-Type and Anonymous-IP files."""
    return {
        "isp": lambda record: _owner(where(record)),
        "asn": lambda record: _number(where(record).get("autonomous_system_number", "")),
        "connection_type": lambda record: _CONNECTIONS.get(
            _text(where(record).get("connection_type")).lower(), ""
        ),
    }


def _hosting(record: Record) -> str:
    """MaxMind's signs: the user type of Enterprise, the marks of Anonymous-IP."""
    for part in (record, _traits(record)):
        if part.get("user_type") == "hosting" or part.get("is_hosting_provider") is True:
            return "1"
        if "user_type" in part:
            return "0"
    return ""


def _region(record: Record) -> str:
    regions = record.get("subdivisions")
    return _named(regions[0]) if isinstance(regions, list) and regions else ""


_PLACE: Layout = {
    "country": lambda record: _country(
        _part(record.get("country") or record.get("registered_country"), "iso_code")
    ),
    "region": _region,
    "city": lambda record: _named(record.get("city")),
}
LAYOUTS: dict[str, Layout] = {
    # MaxMind's GeoIP2 and GeoLite2 and DB-IP's City and Country; ASN, ISP, Connection-Type, Anonymous-IP.
    "geoip2": {**_PLACE, **_network(_own), "datacenter": _hosting},
    # DB-IP's with an ISP in them, MaxMind's Enterprise: what is known of the network is below `traits`.
    "geoip2-traits": {**_PLACE, **_network(_traits), "datacenter": _hosting},
    # @ip-location-db: country_code, state1, city beside each other; its ASN files are like MaxMind's.
    "flat": {
        "country": lambda record: _country(record.get("country_code")),
        "region": lambda record: _text(record.get("state1")),
        "city": lambda record: _text(record.get("city")),
    },
}
"""By name: fact → how it is read. Of several that tell the same number of facts, the first."""


def _recognise(records: Sequence[Record]) -> tuple[str, Layout]:
    """The layout that tells the most of these records, narrowed to the facts that it tells."""
    best, told = "", dict[str, Getter]()
    for name, layout in LAYOUTS.items():
        found = {fact: get for fact, get in layout.items() if any(map(get, records))}
        if len(found) > len(told):
            best, told = name, found
    if not told:
        fields = ", ".join(sorted({str(field) for record in records[:100] for field in record})[:8])
        raise Unavailable(f"its records tell nothing that Weir knows; their fields: {fields or 'none'}")
    return best, told
