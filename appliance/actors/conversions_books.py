"""What settles postbacks, in the conversions actor's thread: the ledger, the clicks, and everybody to ask."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from appliance.attribution.claim import Statement, Unusable, understand
from appliance.attribution.settle import Arrival, Batch, Circles, settle
from appliance.model.catalog import Network, Template
from appliance.model.conversions import ClickFacts, Position, WaitingPostback
from appliance.model.events import PostbackLogEvent
from appliance.ports import Ledger

Profile = tuple[Network | None, Template | None]


@dataclass(frozen=True, kw_only=True)
class Books:
    """At one moment, for one batch. `find` gives a click or None; nothing here waits for the warehouse."""

    ledger: Ledger
    find: Callable[[str], ClickFacts | None]
    now_us: int
    circles: Circles
    network: Callable[[int], Network | None]
    template: Callable[[int], Template | None]
    currency: str
    _profiles: dict[int, Profile] = field(default_factory=dict)

    def profile(self, number: int) -> Profile:
        """A network with its template, as the catalog had them when it was first asked for."""
        if number not in self._profiles:
            network = self.network(number) if number else None
            template = self.template(network.template_id) if network and network.template_id else None
            self._profiles[number] = (network, template)
        return self._profiles[number]

    def profiles(self) -> Mapping[int, Profile]:
        """Those that were asked for."""
        return self._profiles

    def instead(
        self, network: Callable[[int], Network | None], template: Callable[[int], Template | None]
    ) -> Books:
        """The same with other networks and templates."""
        return replace(self, network=network, template=template, _profiles={})

    def understand(self, position: Position, event: PostbackLogEvent) -> Statement | Unusable:
        """A received postback, read by its network's template."""
        return understand(event, position, *self.profile(event.network_id), self.currency)

    def arrival(
        self, position: Position, event: PostbackLogEvent, row: WaitingPostback | None = None
    ) -> Arrival:
        """One to settle; `row` when it has been waiting."""
        return Arrival(position, event, self.understand(position, event), row)

    def settle(self, arrivals: Sequence[Arrival], tried: Collection[Position] = ()) -> Batch:
        """What they change of what the ledger knows; for the clicks of `tried` a lookup was made."""
        said = [arrival.meaning for arrival in arrivals if isinstance(arrival.meaning, Statement)]
        shared = {it.claim for it in said if it.policy == "repeat"}
        firsts = self.ledger.firsts(list(shared)) if shared else {}
        known = self.ledger.conversions(list({it.conversion_id for it in said} | set(firsts.values())))
        terms, post, unit, rate = self.circles
        return settle(
            arrivals, known, self.find, self.now_us, terms, post,
            unit=unit, rate=rate, firsts=firsts, tried=tried,
        )  # fmt: skip
