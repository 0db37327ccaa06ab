"""Address → where it is and whose it is, out of any number of databases; and whether servers live there."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence

from appliance.routing.recent import Recent

PLACE_FACTS = ("country", "region", "city", "isp", "asn", "connection_type", "datacenter")
"""What databases of addresses tell. Without one that does, the fact cannot be known."""
ADDRESSES = 16_384

Lookup = Callable[[str], Mapping[str, str]]
"""Address → facts by name; {} for one that a database does not have. Never raises."""

_HOSTING: dict[str, tuple[int, ...]] = {
    "Amazon": (16509, 14618, 8987), "Google": (15169, 396982, 19527), "Microsoft": (8075, 8068),
    "DigitalOcean": (14061,), "OVH": (16276,), "Hetzner": (24940, 213230), "Linode": (63949,),
    "Vultr": (20473,), "Alibaba": (45102, 37963), "Tencent": (132203, 45090), "Oracle": (31898,),
    "Scaleway": (12876,), "Leaseweb": (60781, 28753), "Contabo": (51167, 40021), "M247": (9009,),
    "DataCamp": (60068, 212238), "ColoCrossing": (36352,), "FranTech": (53667,), "Psychz": (40676,),
    "QuadraNet": (8100,), "Unified Layer": (46606,), "DreamHost": (26347,), "Hivelocity": (29802,),
    "Selectel": (49505,), "Timeweb": (9123,), "Hostinger": (47583,), "IONOS": (8560,), "Hostwinds": (54290,),
    "Zenlayer": (21859,), "UpCloud": (202053,), "G-Core": (199524,), "Huawei Cloud": (136907, 55990),
    "Namecheap": (22612,), "GoDaddy": (26496,),
}  # fmt: skip
"""Autonomous systems of large hosting companies. Cloudflare, Akamai and Fastly are left out on purpose:
visitors leave the private relays of telephones and browsers through their networks."""
_NUMBERS = frozenset(str(number) for numbers in _HOSTING.values() for number in numbers)
_NAMES = re.compile(
    r"\bhosting\b|\bhost(?:inger|gator|papa|winds?)?\b|\bdata ?cent(?:er|re)s?\b|\bcloud\b|\bvps\b"
    r"|\bservers?\b|\bcolo(?:cation|crossing)?\b|digital ?ocean|\bovh\b|hetzner|linode|vultr|choopa|contabo"
    r"|leaseweb|\bamazon\b|\bm247\b|scaleway|alibaba|datacamp|rackspace|zenlayer|psychz|quadranet",
    re.IGNORECASE,
)


def is_datacenter(asn: str, organisation: str) -> bool:
    """Whether a network is one where servers live: by its number, or by what its owner calls itself."""
    return asn in _NUMBERS or (organisation != "" and _NAMES.search(organisation) is not None)


class Places:
    """What the databases say of an address; the first that knows a fact wins. Never changed, only replaced.

    `known`: the facts that some of them can tell.
    """

    def __init__(
        self, lookups: Sequence[Lookup] = (), known: Collection[str] = (), limit: int = ADDRESSES
    ) -> None:
        self._lookups = tuple(reversed(lookups))
        self._recent: Recent[str, dict[str, str]] = Recent(limit)
        told = frozenset(known)
        self.known: frozenset[str] = told | ({"datacenter"} if told & {"asn", "isp"} else frozenset())

    def __len__(self) -> int:
        return len(self._recent)

    def facts(self, address: str) -> dict[str, str]:
        """ip_version and those of PLACE_FACTS that are known of it; not to be changed."""
        return self._recent.get(address) or self._recent.put(address, self._find(address))

    def _find(self, address: str) -> dict[str, str]:
        facts = {"ip_version": "6" if ":" in address else "4"} if address else {}
        for lookup in self._lookups:
            facts.update(lookup(address))
        if "datacenter" not in facts and ("asn" in facts or "isp" in facts):
            facts["datacenter"] = "1" if is_datacenter(facts.get("asn", ""), facts.get("isp", "")) else "0"
        return facts
