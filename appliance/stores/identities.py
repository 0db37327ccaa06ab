"""Who made a click, for those who report it: out of the warehouse, opened with the day's key."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from appliance.partners.report import Identity
from appliance.ports import Runner
from appliance.stores.identity_keys import IdentityKeys

Lookup = Callable[[Sequence[str]], Mapping[str, bytes]]
"""Click ids → the sealed identity of each that is in the warehouse. Blocking; raises Unavailable."""


class WarehouseIdentities:
    """ports.Identities over the warehouse's lookups; `run` gives them threads of their own."""

    def __init__(self, keys: IdentityKeys, lookup: Lookup, run: Runner) -> None:
        self._keys = keys
        self._lookup = lookup
        self._run = run

    async def find(self, click_ids: Sequence[str]) -> Mapping[str, Identity]:
        """Of each click that is in the warehouse: Identity() where its key is destroyed. A click that is
        missing in the answer is not there yet, or never was. Raises Unavailable."""
        wanted = list(dict.fromkeys(click_ids))
        return await self._run(self._find, wanted) if wanted else {}

    def seal(self, identity: Identity, at_us: int) -> bytes:
        return self._keys.seal(identity, at_us)

    def open(self, sealed: bytes) -> Identity:
        return self._keys.open(sealed)

    def _find(self, click_ids: Sequence[str]) -> Mapping[str, Identity]:
        return {each: self._keys.open(sealed) for each, sealed in self._lookup(click_ids).items()}
