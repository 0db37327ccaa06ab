"""How fast one client may ask: a bucket of tokens each, filled evenly, the longest unseen forgotten."""

from __future__ import annotations

from collections import OrderedDict

from appliance.access.allowance import client_of

_SECOND_US = 1_000_000


class Pace:
    """`per_second` on and on, `burst` at once, for each client (an address, or the /64 of an IPv6 one)."""

    def __init__(self, per_second: float, burst: int, clients: int = 10_000) -> None:
        self._per_us = per_second / _SECOND_US
        self._burst = burst
        self._clients = clients
        self._held: OrderedDict[str, tuple[float, int]] = OrderedDict()

    def wait_us(self, address: str, now_us: int) -> int:
        """Microseconds until this client has a token; 0 when it has one. Takes none."""
        tokens = self._tokens(client_of(address), now_us)
        return 0 if tokens >= 1 else int((1 - tokens) / self._per_us) + 1

    def take(self, address: str, now_us: int) -> int:
        """Take a token; microseconds to wait instead when there is none."""
        wait = self.wait_us(address, now_us)
        if not wait:
            self.charge(address, now_us, 1)
        return wait

    def charge(self, address: str, now_us: int, amount: int) -> None:
        """Take as many as it was, also of what is not there: what is owed is waited for."""
        client = client_of(address)
        tokens = self._tokens(client, now_us)
        self._held[client] = (tokens - amount, now_us)
        self._held.move_to_end(client)
        if len(self._held) > self._clients:
            self._held.popitem(last=False)

    def _tokens(self, client: str, now_us: int) -> float:
        tokens, then_us = self._held.get(client, (float(self._burst), now_us))
        return min(float(self._burst), tokens + max(0, now_us - then_us) * self._per_us)
