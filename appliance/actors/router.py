"""The router: owns the routing table cell, availability and click counters, and decides every click.

`click` and `postback` are plain calls from the connections (same task tree, no message per click: a message
costs 8 µs). New tables arrive by mailbox, are built in small steps and replace the old one at once.
"""

from __future__ import annotations

import logging
import os
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Protocol

import trio

from appliance.actors.gates import Gates
from appliance.actors.kernel import Mailbox, Question
from appliance.actors.router_tables import UNUSABLE, OpenLists, Tables, let_go
from appliance.model.catalog import Link
from appliance.model.events import (
    ClickEvent,
    ClickIdentity,
    InterpretedReceived,
    PostbackLogEvent,
    TrafficbackEvent,
    encode,
)
from appliance.model.ids import DIGITS, click_id_text
from appliance.model.messages import Weights
from appliance.model.table import NetworkEntry, Part, TableUpdate
from appliance.partners.report import Identity
from appliance.routing import verdicts
from appliance.routing.arrival import currency_of, enter, go_on, landing_of, pass_on
from appliance.routing.back import back
from appliance.routing.clicked import remember
from appliance.routing.decide import decide
from appliance.routing.decision import Decision, url_hash
from appliance.routing.detection import Detection
from appliance.routing.draws import DRAW_BITS
from appliance.routing.landings import COOKIE, LIFE_MS, Carried, Landings, kept
from appliance.routing.platform_clicks import observed, told
from appliance.routing.state import Nothing, Remembers, State
from appliance.routing.table import CompiledCampaign, RoutingTable, empty_table
from appliance.routing.unique import lessons_of, recognize
from appliance.routing.visit import Visit, cut_address

log = logging.getLogger("weir.router")
# A click takes 19 hexadecimal digits for its id and 14 (56 bits) for its draw.
_RANDOM_DIGITS = DIGITS + 14
_DRAW_SHIFT = 56 - DRAW_BITS
_RANDOM_POOL = _RANDOM_DIGITS * 256
# Names of unknown macros and bad parameters that are counted one by one; visitors choose the latter.
_NAMES_COUNTED = 200
_NAMES_OF_ONE = 50
_SOURCES_COUNTED = 200

_BACK = (verdicts.TO_TRAFFICBACK, verdicts.TO_REPLY)

Append = Callable[..., None]
"""Journal.append(unit, refusable=False)."""
NOBODY = Identity()


class Sealing(Protocol):
    """stores/identity_keys.IdentityKeys."""

    def seal(self, identity: Identity, at_us: int) -> bytes: ...

    def seal_visit(
        self,
        address: str,
        user_agent: str,
        seen: Mapping[str, str],
        at_us: int,
        parent: str = "",
        external_id: str = "",
    ) -> bytes: ...

    def seal_placed(
        self, address: str, user_agent: str, city: str, region: str, country: str, at_us: int
    ) -> bytes: ...


class Unsealed:
    """Where identities are not kept."""

    def seal(self, identity: Identity, at_us: int) -> bytes:
        return b""

    def seal_visit(self, *_: object) -> bytes:
        return b""

    def seal_placed(self, *_: object) -> bytes:
        return b""


class Router:
    """Decides clicks on the newest table; `append` queues what must be durable before the reply.

    Without a `detection` a visit has the facts that it comes with.
    """

    def __init__(
        self,
        mailbox: Mailbox[TableUpdate],
        append: Append,
        held: tuple[int, int, Sequence[Part]] = (0, 0, ()),
        save: Callable[[int, int, Sequence[Part]], Awaitable[None]] | None = None,
        open_lists: OpenLists | None = None,
        clock_us: Callable[[], int] = lambda: time.time_ns() // 1_000,
        detection: Detection | None = None,
        gates: Gates | None = None,
        memory: Remembers | None = None,
        landings: Landings | None = None,
        sealing: Sealing | None = None,
    ) -> None:
        self.table: RoutingTable = empty_table()
        self.gates = gates if gates is not None else Gates()
        self.memory = memory if memory is not None else Nothing()
        self.state = State(self.gates.availability, self.memory, self.memory.turns)
        self.sent = self.gates.sent
        """Destination id → counted clicks sent there by this process."""
        self.unknown_macros: Counter[str] = Counter()
        self.bad_params: Counter[str] = Counter()
        self.unexpanded: dict[int, Counter[str]] = {}
        """Source → its parameter → clicks in which it held a macro that nobody had filled in. Beyond 200
        sources they count as 0, beyond 50 parameters of one as "(others)"."""
        self.clicks = self.trafficbacks = self.postbacks = 0
        """Events handed to the journal."""
        self.failures = 0
        """Clicks that could not be decided, by a fault of ours."""
        self._mailbox = mailbox
        self._append = append
        self._tables = Tables(held, open_lists)
        self._save = save
        self._clock_us = clock_us
        self._detection = detection
        self._landings = landings
        self._sealing = sealing if sealing is not None else Unsealed()
        self._seal = self._sealing.seal_visit
        self._random = ""
        self._random_at = 0

    # -- the hot path ---------------------------------------------------------------------------------

    def click(
        self, visit: Visit, campaign: CompiledCampaign | None = None, link: Link | None = None
    ) -> Decision | None:
        """Decide one visit and queue its events; None when the link means nothing: nobody to count it for.

        `campaign` and `link` are whose it is where the visit's door and key do not say so.
        """
        table = self.table
        if campaign is None:
            campaign, link = table.campaign(visit.door, visit.key)
            if campaign is None:
                return None
        enter(visit, campaign, link)
        if self._detection is not None:
            self._detection.fill(visit, link is not None and link.facts_from_query)
        decision, unit = self._decided(table, campaign, visit)
        while decision.onward is not None:
            pass_on(visit, decision.campaign, decision.onward)
            decision, more = self._decided(table, decision.onward, visit)
            unit += more
        if decision.campaign.cookie_seconds:
            remember(visit, decision)
        self._append(unit)
        return decision

    def exit(self, visit: Visit, carried: Carried, number: int) -> Decision | None:
        """Decide a visitor's way out of a landing page, by its exit `number`; None without its campaign."""
        table = self.table
        campaign = table.by_id.get(carried.campaign_id)
        if campaign is None:
            return None
        go_on(visit, campaign, carried, number)
        if self._detection is not None:
            self._detection.fill(visit, False)
        decision, unit = self._decided(table, campaign, visit)
        if campaign.cookie_seconds:
            remember(visit, decision)
        self._append(unit)
        return decision

    def landing_of(self, click_id: str) -> str:
        """What the visitor of a landing page carried, by his click's id; "" when it is not known any more."""
        return self._landings.find(click_id) if self._landings is not None else ""

    def _decided(
        self, table: RoutingTable, campaign: CompiledCampaign, visit: Visit
    ) -> tuple[Decision, tuple[bytes, ...]]:
        """What one campaign decides, and the events of it."""
        at_us = visit.at_us = self._clock_us()
        digits = self._take_random()
        identifier = visit.click_id = click_id_text(at_us // 1_000, digits)
        draw = visit.draw = int(digits[DIGITS:], 16) >> _DRAW_SHIFT
        facts, leaving = visit.facts, visit.leaving
        try:
            if campaign.asks_who and leaving is None:
                recognize(campaign, visit, self.memory, at_us, os.urandom)
            decision = decide(table, campaign, visit, self.state, draw, at_us)
        except Exception as fault:  # a fault of ours in one rule or limit must not cost the visitor his way
            self._failed(campaign, fault)
            decision = back(table, campaign, visit, verdicts.ERROR, draw, (), (), 0)
        gates = self.gates
        if gates.exhausted:
            gates.turned_away(decision.inputs.destinations)
        taught: tuple[tuple[bytes, int], ...] = ()
        if campaign.asks_who and leaving is None:
            lessons = lessons_of(campaign, visit, decision)
            taught = self.memory.learn(lessons, at_us) if lessons else ()
            visit.facts = facts
        if decision.turned:
            self.memory.turned(decision.turned)
        if decision.sent_to:
            self.sent[decision.sent_to] += 1
            if decision.sent_to in gates.limited:
                gates.spent(decision.sent_to)
        if decision.landing:
            cookie = kept(decision.landing, visit.cookies.get(COOKIE, ""))
            visit.sets = (*visit.sets, (COOKIE, cookie, LIFE_MS // 1_000))
            if self._landings is not None:
                self._landings.keep(identifier, decision.landing)
        if decision.unknown_macros:
            _count(self.unknown_macros, decision.unknown_macros)
        if visit.faults:
            _count(self.bad_params, visit.faults)
        if visit.unexpanded:
            source = campaign.source_id
            if source not in self.unexpanded and len(self.unexpanded) >= _SOURCES_COUNTED:
                source = 0
            _count(self.unexpanded.setdefault(source, Counter()), visit.unexpanded, _NAMES_OF_ONE)
        click = encode(
            ClickEvent(
                1,
                identifier,
                at_us,
                table.revision,
                visit.door,
                decision.kind,
                decision.reason,
                campaign.id,
                decision.stream_id,
                decision.destination_id,
                campaign.source_id,
                decision.network_id,
                visit.link_id,
                decision.counted,
                visit.flags,
                visit.subs,
                visit.utm,
                visit.source_click_id,
                visit.cost,
                currency_of(visit, campaign, table),
                visit.user_agent,
                visit.referrer,
                visit.language,
                visit.host,
                cut_address(visit.address),
                visit.query,
                visit.request_id or identifier,
                decision.inputs,
                url_hash(decision.url),
                visit.parent_id,
                landing_of(visit, decision),
                0 if leaving is None else leaving.number,
                visit.hops,
                visit.signals,
                taught,
                visit.click_ids and told(visit, facts),
            )
        )
        seen = {**observed(visit.cookies), **visit.seen} if visit.cookies else visit.seen
        parent = "" if leaving is None else visit.parent_id
        sealed = self._seal(visit.address, visit.user_agent, seen, at_us, parent, visit.external_id)
        identity = encode(ClickIdentity(1, identifier, at_us, "", sealed))
        self.clicks += 1
        if decision.kind in _BACK:
            return decision, (click, identity, encode(self._trafficback(visit, decision, table.revision)))
        return decision, (click, identity)

    def take_weights(self, weights: Weights) -> None:
        """What best_roi and adaptive go by from now on; kept while the core is away."""
        self.state.weights = weights.streams

    def _failed(self, campaign: CompiledCampaign, fault: Exception) -> None:
        """Logged for the first and every thousandth: every visitor of a campaign may meet it."""
        self.failures += 1
        if self.failures % 1_000 == 1:
            extra = {"campaign_id": campaign.id, "failures": self.failures}
            log.error("a click could not be decided; it goes to the trafficback", extra=extra, exc_info=fault)

    def _trafficback(self, visit: Visit, decision: Decision, revision: int) -> TrafficbackEvent:
        self.trafficbacks += 1
        return TrafficbackEvent(
            1,
            visit.click_id,
            visit.at_us,
            revision,
            decision.campaign.id,
            decision.stream_id,
            decision.campaign.source_id,
            decision.reason,
            decision.depth,
            decision.url,
        )

    def postback(
        self, network: NetworkEntry, method: str, params: dict[str, str], address: str, request_id: str,
        refusal: str = "", who: Identity = NOBODY,
    ) -> str:  # fmt: skip
        """Queue one inbound postback, without its secret and `who` bought; returns its id. `refusal`: why it
        was refused."""
        at_us = self._clock_us()
        identifier = click_id_text(at_us // 1_000, self._take_random())
        event = PostbackLogEvent(
            v=1,
            id=identifier,
            at_us=at_us,
            stage="refused" if refusal else "received",
            outcome="refused" if refusal else "",
            reason=refusal,
            network_id=network.id,
            method=method,
            params=params,
            address=cut_address(address),
            request_id=request_id or identifier,
            known_us=at_us,
            sealed=self._sealing.seal(who, at_us) if who is not NOBODY and not refusal else b"",
        )
        self.postbacks += 1
        self._append((encode(event),), refusable=True)
        return identifier

    def interpreted(
        self,
        ad_account_id: int,
        events: Sequence[tuple[str, str, str, tuple[str, str, str]]],
        request_id: str,
    ) -> None:
        """Queue interpreted events of one request, as one unit: (JSON line, address, user agent, (city,
        region, country)) each, the line without address and user agent."""
        at_us = self._clock_us()
        seal = self._sealing.seal_placed
        self._append(
            tuple(
                encode(
                    InterpretedReceived(
                        2,
                        click_id_text(at_us // 1_000, self._take_random()),
                        at_us,
                        ad_account_id,
                        line,
                        seal(address, agent, *place, at_us) if address or agent else b"",
                        request_id,
                    )
                )
                for line, address, agent, place in events
            ),
            refusable=True,
        )

    def _take_random(self) -> str:
        """33 unpredictable digits, fetched from the kernel for 512 clicks at once."""
        at = self._random_at
        end = at + _RANDOM_DIGITS
        if end > len(self._random):
            self._random, at, end = os.urandom(_RANDOM_POOL).hex(), 0, _RANDOM_DIGITS
        self._random_at = end
        return self._random[at:end]

    # -- the actor ------------------------------------------------------------------------------------

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Build the table held on disk, then take updates until the mailbox closes."""
        if self.table.compiled_us == 0:
            table = await self._tables.held()
            if table is not None:
                self.table = table
                self.gates.limit(table.limited)
        task_status.started()
        while True:
            try:
                message = await self._mailbox.receive()
            except trio.EndOfChannel:
                return
            if isinstance(message, Question):
                try:
                    message.reply(await self.take(message.message))
                except UNUSABLE as fault:
                    message.fail(fault)
            else:
                await self.take(message)

    async def take(self, update: TableUpdate) -> int:
        """Put an update to use; its revision. Raises, and keeps the old table, when it does not fit."""
        table, former = await self._tables.update(update)
        former += self.table.by_slug.values()
        self.table = table
        self.gates.limit(table.limited)
        await let_go(former)
        if self._save is not None:
            await self._save(update.revision, update.compiled_us, self._tables.parts())
        return update.revision

    def unread_lists(self) -> tuple[str, ...]:
        """Digests of the named lists that its newest table asks for and that cannot be read."""
        return self._tables.unread_lists()

    def digests(self) -> dict[str, str]:
        """Part name → digest of what this edge holds, for its Hello."""
        return self._tables.digests()


def _count(counter: Counter[str], names: Sequence[str], most: int = _NAMES_COUNTED) -> None:
    for name in names:
        counter[name if name in counter or len(counter) < most else "(others)"] += 1
