"""Who made a click, for those who report it: out of the warehouse, opened with the day's key."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from msgspec.structs import replace

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
        opened = {each: self._keys.open_visit(sealed) for each, sealed in self._lookup(click_ids).items()}
        parents = {parent for _, parent in opened.values() if parent}
        known = self._lookup(sorted(parents)) if parents else {}
        before = {each: self._keys.open(sealed) for each, sealed in known.items()}
        return {each: _joined(who, before.get(parent)) for each, (who, parent) in opened.items()}


def _joined(who: Identity, before: Identity | None) -> Identity:
    """A visitor who came out of a landing page, with what its script had seen of him there."""
    if before is None:
        return who
    seen = {**before.seen, **who.seen}
    return replace(who, seen=seen, external_id=who.external_id or before.external_id)
