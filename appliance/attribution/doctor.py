"""The doctor: what passes by → named faults, each with how often and when. Pure; the actor brings the clock.

Bounded in every way: so many findings of a kind for one network or campaign, so many in all, and what is
remembered of networks. What is full lets go of what was seen longest ago.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import msgspec
from msgspec import Struct

from appliance.attribution.rhythm import HOUR_US, LONGEST, WINDOW, Rhythm, silence
from appliance.attribution.symptoms import Symptom, of_conversion, of_postback, of_refusal
from appliance.model.catalog import Network, Source, Template
from appliance.model.conversions import Conversion
from appliance.model.doctor import Finding, Observed
from appliance.model.events import PostbackLogEvent
from appliance.model.ids import name_of

DAY_US = 24 * HOUR_US
MOST_ALIKE = 5
"""Findings of one code for one network or campaign: other words, fields, pairs of currencies."""
MOST = 1_000
"""Findings in all."""
MOST_REMEMBERED = 1_000
"""Networks, and pairs of campaign and source, of which something is remembered."""
KEPT_US, KEPT_MUTED_US = 7 * DAY_US, 90 * DAY_US
"""How long after it was seen last a finding stays."""
REFUSED_IN_A_ROW = 10
ROW_US = 3 * DAY_US
"""Between two refusals of a row: what strangers try on a network that is not in use is no row."""
UNKNOWN_IN_A_ROW = 20
UNKNOWN_FOR_US = 6 * HOUR_US
WITHOUT_COST = 5
WITHOUT_COST_UNSURE = 20
"""The second where the source's own parameters do not say that it tells the cost, but it did before."""
FEWEST_VIEWS = 1_000
LANDING_DAYS = 2
LONGEST_REASON = 200
COUNTED = ("conversion", "duplicate", "attributed")


class Memory(Struct, array_like=True):
    """Of one network: its rhythm, and how many in a row were refused or never found their click."""

    rhythm: Rhythm
    refused: int = 0
    unknown: int = 0
    unknown_since_us: int = 0
    refused_us: int = 0


class Costs(Struct, array_like=True):
    """Of one campaign and source: conversions in a row without a cost, and whether any had one."""

    without: int = 0
    any: bool = False
    last_us: int = 0


class Remembered(Struct, array_like=True):
    """All that the doctor knows beside findings, for a restart. `quiet`: finding → when it may come again."""

    networks: dict[int, Memory] = {}
    costs: dict[str, Costs] = {}
    watched: dict[int, int] = {}
    quiet: dict[str, int] = {}


class Register(NamedTuple):
    """Whom the doctor asks about entities as they are now."""

    network: Callable[[int], Network | None]
    template: Callable[[int], Template | None]
    source: Callable[[int], Source | None]


class LandingViews(NamedTuple):
    """Views of a landing page in a campaign and clicks out of it, of the last days."""

    campaign_id: int
    landing_id: int
    views: int
    exits: int


class Doctor:
    """Belongs to one task at a time."""

    def __init__(
        self, register: Register, findings: Iterable[Finding] = (), known: Remembered | None = None
    ) -> None:
        self._register = register
        self._findings = {each.id: each for each in findings}
        self.known = known or Remembered()
        self._checked = -1
        self._changed: set[str] = set()

    def findings(self) -> tuple[Finding, ...]:
        """The newest first, muted ones too."""
        return tuple(sorted(self._findings.values(), key=lambda it: (-it.last_us, it.id)))

    def changes(self) -> tuple[list[Finding], list[str]]:
        """What is to be stored since the last time: (put these, remove those)."""
        changed, self._changed = self._changed, set()
        return [self._findings[it] for it in changed & self._findings.keys()], sorted(
            changed - self._findings.keys()
        )

    def not_stored(self, put: Sequence[Finding], gone: Sequence[str]) -> None:
        """These could not be: they are among the next changes."""
        self._changed.update([it.id for it in put], gone)

    # What passes by

    def observe(self, seen: Observed, now_us: int) -> None:
        """Look at what a pass of the conversions came to."""
        for at_us, networks in seen.clicks:
            for number, clicks in networks.items():
                if number in self.known.networks:
                    self.known.networks[number].rhythm.lead(at_us, now_us, clicks)
        for event in seen.received:
            if event.network_id:
                self._hear(event, now_us)
        raw = {event.id: event for event in (*seen.waited, *seen.received)}
        for refused in seen.refused:
            if refused.network_id:
                self._note(of_refusal(refused, self._template(refused.network_id)), now_us)
                self._refuse(refused, now_us)
        for processed in seen.processed:
            if processed.network_id and not self._is_event(processed):
                if processed.reason:
                    template = self._template(processed.network_id)
                    self._note(of_postback(processed, raw.get(processed.id), template), now_us)
                self._outcome(processed, now_us)
        for conversion in seen.conversions:
            self._note(of_conversion(conversion), now_us)
            self._look_at_cost(conversion, now_us)
            if conversion.rate and conversion.original_currency:
                pair = f"{conversion.original_currency} to {conversion.currency}"
                self._heal("rate_missing", conversion.network_id, about=pair)

    def _is_event(self, processed: PostbackLogEvent) -> bool:
        """An interpreted event, which is no conversion for want of a click of ours, and need not be one."""
        network = self._register.network(processed.network_id)
        return processed.outcome == "refused" and network is not None and bool(network.layout)

    def _hear(self, event: PostbackLogEvent, now_us: int) -> None:
        memory = self._memory(event.network_id, min(event.at_us, now_us))
        memory.rhythm.hear(event.at_us, now_us)
        self._heal("network_silent", event.network_id)

    def _memory(self, network_id: int, at_us: int) -> Memory:
        known = self.known.networks
        if network_id not in known:
            if len(known) >= MOST_REMEMBERED:
                del known[min(known, key=lambda number: known[number].rhythm.last_us)]
            known[network_id] = Memory(Rhythm(at_us // HOUR_US, at_us))
        return known[network_id]

    def _refuse(self, event: PostbackLogEvent, now_us: int) -> None:
        """One more that became nothing, at the door or behind it."""
        memory = self._memory(event.network_id, min(event.at_us, now_us))
        memory.refused = memory.refused + 1 if now_us - memory.refused_us <= ROW_US else 1
        memory.refused_us = now_us
        if memory.refused >= REFUSED_IN_A_ROW:
            reason = event.reason[:LONGEST_REASON]
            self._add(
                Symptom("postbacks_refused", event.at_us, event.network_id, example=reason), now_us,
                count=memory.refused,
            )  # fmt: skip

    def _outcome(self, processed: PostbackLogEvent, now_us: int) -> None:
        network = processed.network_id
        if processed.outcome == "refused":
            self._refuse(processed, now_us)
            return
        memory = self._memory(network, min(processed.at_us, now_us))
        if processed.outcome in ("conversion", "duplicate", "attributed", "waiting", "click_unknown"):
            memory.refused = 0
            self._heal("postbacks_refused", network)
        if processed.outcome in COUNTED:
            memory.unknown = memory.unknown_since_us = 0
            self._heal("clicks_unknown", network)
        elif processed.outcome == "click_unknown":
            memory.unknown += 1
            memory.unknown_since_us = memory.unknown_since_us or now_us
            if memory.unknown >= UNKNOWN_IN_A_ROW and now_us - memory.unknown_since_us >= UNKNOWN_FOR_US:
                self._add(Symptom("clicks_unknown", processed.at_us, network), now_us, count=memory.unknown)

    def _look_at_cost(self, conversion: Conversion, now_us: int) -> None:
        """A conversion that has just got its click; later revisions have the same one."""
        it, click = conversion, conversion.click
        if not it.attributed or len(it.history) != 1 or not click.source_id:
            return
        key = f"{click.campaign_id} {click.source_id}"
        costs = self.known.costs.get(key)
        if costs is None:
            if len(self.known.costs) >= MOST_REMEMBERED:
                known = self.known.costs
                del known[min(known, key=lambda each: known[each].last_us)]
            costs = self.known.costs[key] = Costs()
        costs.last_us = now_us
        if click.cost or it.terms is not None:
            costs.without, costs.any = 0, costs.any or bool(click.cost)
            self._heal("cost_missing", 0, click.campaign_id, source_id=click.source_id)
            return
        source = self._register.source(click.source_id)
        if source is None or source.cost_model.kind != "parameter":
            costs.without = 0
            return
        costs.without += 1
        told = "cost" in source.params
        if costs.without >= (WITHOUT_COST if told else WITHOUT_COST_UNSURE) and (told or costs.any):
            found = Symptom(
                "cost_missing", it.at_us, campaign_id=click.campaign_id, source_id=click.source_id
            )
            self._add(found, now_us, count=costs.without)

    # What goes by without passing by

    def tick(self, now_us: int, attentive: bool, minutes: int = 1) -> None:
        """So many minutes have passed; `attentive`: what arrived in them was seen, or nothing did."""
        hour, watched = now_us // HOUR_US, self.known.watched
        if attentive:
            watched[hour] = min(60, watched.get(hour, 0) + minutes)
            if hour != self._checked:
                self._checked = hour
                self._listen(now_us)
        self._grow_old(now_us)

    def _listen(self, now_us: int) -> None:
        """Who has fallen silent; once an hour."""
        oldest = now_us // HOUR_US - WINDOW - LONGEST
        for hour in [hour for hour in self.known.watched if hour < oldest]:
            del self.known.watched[hour]
        for number, memory in list(self.known.networks.items()):
            network, rhythm = self._register.network(number), memory.rhythm
            if now_us // HOUR_US - rhythm.last_us // HOUR_US > WINDOW + LONGEST:
                del self.known.networks[number]
            if network is None or network.archived or network.status != "active":
                self._heal("network_silent", number)
                continue
            found = silence(rhythm, self.known.watched, now_us)
            known = self._id("network_silent", number) in self._findings
            if found is None or (rhythm.told_us == rhythm.last_us and not known):
                continue  # or an operator has put it away: until it is heard again
            rhythm.told_us = rhythm.last_us
            example = f"nothing for {found.hours} hours, in which {round(found.expected)} were to be expected"
            self._add(Symptom("network_silent", now_us, number, example=example), now_us, count=found.hours)

    def look_at_landings(self, pages: Sequence[LandingViews], now_us: int) -> None:
        """Of the last days: those that are not among `pages` had no view."""
        for it in pages:
            quiet = self.known.quiet.get(self._id("landing_unclicked", 0, it.campaign_id, it.landing_id), 0)
            if it.exits:
                self._heal("landing_unclicked", 0, it.campaign_id, destination_id=it.landing_id)
            elif it.views >= FEWEST_VIEWS and now_us >= quiet:
                found = Symptom(
                    "landing_unclicked", now_us, campaign_id=it.campaign_id, destination_id=it.landing_id,
                    example=f"{it.views} views in {LANDING_DAYS} days, and no click",
                )  # fmt: skip
                self._add(found, now_us, count=it.views)

    def _grow_old(self, now_us: int) -> None:
        for it in list(self._findings.values()):
            network = self._register.network(it.network_id) if it.network_id else None
            gone = it.network_id and (network is None or network.archived)
            word = it.code == "status_unknown" and network is not None and _means(network, it.about)
            if gone or word or now_us - it.last_us > (KEPT_MUTED_US if it.muted else KEPT_US):
                self._remove(it.id)
        for each in [each for each, until in self.known.quiet.items() if until <= now_us]:
            del self.known.quiet[each]

    # An operator's word

    def dismiss(self, id: str, mute: bool, now_us: int) -> bool:
        """Put a finding away until it is seen again, or for good; False when there is none."""
        found = self._findings.get(id)
        if found is None:
            return False
        if mute:
            self._put(msgspec.structs.replace(found, muted=True))
            return True
        self._remove(id)
        memory = self.known.networks.get(found.network_id)
        if found.code == "postbacks_refused" and memory is not None:
            memory.refused = 0
        elif found.code == "clicks_unknown" and memory is not None:
            memory.unknown = memory.unknown_since_us = 0
        elif found.code == "cost_missing":
            self.known.costs.pop(f"{found.campaign_id} {found.source_id}", None)
        elif found.code == "landing_unclicked":
            if len(self.known.quiet) >= MOST:
                del self.known.quiet[min(self.known.quiet, key=lambda each: self.known.quiet[each])]
            self.known.quiet[id] = now_us + LANDING_DAYS * DAY_US
        return True

    # Findings

    def _note(self, symptoms: Iterator[Symptom], now_us: int) -> None:
        for symptom in symptoms:
            self._add(symptom, now_us)

    def _add(self, seen: Symptom, now_us: int, count: int = 0) -> None:
        """Seen once more; `count` where that is not the number of times."""
        at_us = min(seen.at_us, now_us)
        secrets = self._secrets(seen.network_id)
        about, example = _without(secrets, seen.about), _without(secrets, seen.example)
        id_ = self._id(
            seen.code, seen.network_id, seen.campaign_id, seen.source_id or seen.destination_id, about
        )
        before = self._findings.get(id_)
        if before is None:
            self._make_room(seen)
        self._put(
            Finding(
                id=id_,
                code=seen.code,
                first_us=min(at_us, before.first_us) if before else at_us,
                last_us=max(at_us, before.last_us) if before else at_us,
                count=count or (before.count + 1 if before else 1),
                network_id=seen.network_id,
                campaign_id=seen.campaign_id,
                source_id=seen.source_id,
                destination_id=seen.destination_id,
                about=about,
                example=example or (before.example if before else ""),
                muted=before is not None and before.muted,
            )
        )

    def _make_room(self, seen: Symptom) -> None:
        alike = [
            it
            for it in self._findings.values()
            if (it.code, it.network_id, it.campaign_id) == (seen.code, seen.network_id, seen.campaign_id)
        ]
        if len(alike) >= MOST_ALIKE:
            self._remove(min(alike, key=lambda it: it.last_us).id)
        elif len(self._findings) >= MOST:
            self._remove(min(self._findings.values(), key=lambda it: it.last_us).id)

    def _heal(
        self, code: str, network_id: int, campaign_id: int = 0, *, source_id: int = 0,
        destination_id: int = 0, about: str = "",
    ) -> None:  # fmt: skip
        """The fault has gone."""
        if self._findings:
            found = self._findings.get(
                self._id(code, network_id, campaign_id, source_id or destination_id, about)
            )
            if found is not None and not found.muted:
                self._remove(found.id)

    @staticmethod
    def _id(code: str, network_id: int, campaign_id: int = 0, other: int = 0, about: str = "") -> str:
        return name_of(code, str(network_id), str(campaign_id), str(other), about)

    def _put(self, finding: Finding) -> None:
        self._findings[finding.id] = finding
        self._changed.add(finding.id)

    def _remove(self, id_: str) -> None:
        del self._findings[id_]
        self._changed.add(id_)

    def _template(self, network_id: int) -> Template | None:
        network = self._register.network(network_id)
        return self._register.template(network.template_id) if network and network.template_id else None

    def _secrets(self, network_id: int) -> tuple[str, ...]:
        network = self._register.network(network_id) if network_id else None
        return (network.secret, *network.secrets) if network is not None else ()


def _means(network: Network, word: str) -> bool:
    return word.casefold() in {each.casefold() for each in network.status_words}


def _without(secrets: Iterable[str], text: str) -> str:
    """The text, or nothing of it where it tells a secret."""
    return "…" if any(secret and secret in text for secret in secrets) else text


def views_of(rows: Iterable[Mapping[str, int]]) -> list[LandingViews]:
    """The warehouse's answer (reporting/landings.py)."""
    return [LandingViews(it["campaign_id"], it["landing_id"], it["views"], it["exits"]) for it in rows]
