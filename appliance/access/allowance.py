"""So many of something per client within a window; a client who is refused is told how long to wait. Pure."""

from __future__ import annotations

import ipaddress
from collections import OrderedDict, deque


class Allowance:
    """`most` per client in any `window_us`. Of more than `clients` the one longest unseen is forgotten."""

    def __init__(self, most: int, window_us: int, clients: int = 10_000) -> None:
        self._most = most
        self._window_us = window_us
        self._clients = clients
        self._taken: OrderedDict[str, deque[int]] = OrderedDict()

    def take(self, address: str, now_us: int) -> int:
        """Take one; microseconds to wait instead when there is none left, else 0."""
        client = client_of(address)
        taken = self._taken.setdefault(client, deque(maxlen=self._most))
        self._taken.move_to_end(client)
        if len(self._taken) > self._clients:
            self._taken.popitem(last=False)
        if len(taken) == self._most and (wait := taken[0] + self._window_us - now_us) > 0:
            return wait
        taken.append(now_us)
        return 0


def client_of(address: str) -> str:
    """Whom an address stands for: itself, or the /64 of an IPv6 address, which one household has whole."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(found, ipaddress.IPv4Address):
        return str(found)
    if found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    return str(ipaddress.ip_network((int(found) >> 64 << 64, 64)))
