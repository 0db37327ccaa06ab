"""Stored postbacks understood anew → what that changes of the conversions that were made of them. Pure.

Conversions that share postbacks, before or after, are processed together or not at all: a postback is part of
one conversion, and one whose postbacks are not all there would lose what they said.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import NamedTuple

import msgspec

from appliance.attribution import history, status
from appliance.attribution.charge import charges
from appliance.attribution.claim import Statement, Unusable
from appliance.attribution.revisions import records
from appliance.attribution.settle import NO_CLICK, Arrival, Batch, Circles, circumstances_of
from appliance.model.conversions import ClickFacts, Conversion, Position
from appliance.model.inbox import Fate, Raw

TOO_OLD = "it has more postbacks than are kept one by one, or is from before they were"
NOT_STORED = "a postback of it is not in the warehouse, yet or any more"
NOT_AGREED = "its postbacks were processed a moment ago, or by a ledger that was lost"
_encode = msgspec.msgpack.Encoder(order="deterministic").encode


class Known(NamedTuple):
    """What is known beside the postbacks: every `conversion` that any of them is or would be part of, that
    `firsts` names, or that shares a claim with one of these; `find` knows clicks; a postback waits `wait_us`
    for its click where its network says nothing."""

    conversions: Mapping[str, Conversion]
    find: Callable[[str], ClickFacts | None]
    firsts: Mapping[str, str] = {}
    wait_us: int = 0


class Difference(NamedTuple):
    """What a conversion was (None for one that would be made) and would be."""

    before: Conversion | None
    after: Conversion


class Left(NamedTuple):
    """A conversion that is left as it is, and why."""

    conversion_id: str
    reason: str


@dataclass
class Reprocessed:
    """`batch` is what is to be stored. `differences` show in reports; `unseen` conversions only remember
    something else. `moved` are postbacks whose fate changes, with the new one; `pending` ones have not been
    processed at all yet."""

    batch: Batch
    differences: list[Difference] = field(default_factory=list)
    unseen: int = 0
    unchanged: int = 0
    moved: list[tuple[Raw, Fate]] = field(default_factory=list)
    left: list[Left] = field(default_factory=list)
    pending: int = 0

    def fingerprint(self) -> str:
        """Names what would be stored, whenever that is."""
        digest = blake2b(digest_size=16)
        for id_ in sorted(self.batch.changed):
            before, after = self.batch.known.get(id_), self.batch.changed[id_]
            subs = sorted(after.click.subs.items())  # keys that are numbers have no order of the encoder's
            plain = msgspec.structs.replace(
                after,
                known_us=0,
                revision=before.revision if before else 0,
                click=msgspec.structs.replace(after.click, subs={}),
            )
            digest.update(_encode((plain, subs)))
        for raw, fate in sorted(self.moved, key=lambda it: it[0].position):
            digest.update(_encode((raw.position, fate.outcome, fate.conversion_id)))
        return digest.hexdigest()


def reprocess(
    raws: Iterable[Raw],
    meanings: Mapping[Position, Statement | Unusable],
    known: Known,
    now_us: int,
    circles: Circles,
    *,
    report: bool = False,
) -> Reprocessed:
    """`raws` are all postbacks in question, `meanings` what each says by the rules of now. With `report`
    those who are told of revisions are told of these."""
    return _Reprocessing({raw.position: raw for raw in raws}, meanings, known, now_us, circles, report).run()


class _Reprocessing:
    """One run."""

    def __init__(
        self,
        raws: Mapping[Position, Raw],
        meanings: Mapping[Position, Statement | Unusable],
        known: Known,
        now_us: int,
        circles: Circles,
        report: bool,
    ) -> None:
        self._raws = raws
        self._meanings = meanings
        self._known = known
        self._circles = circles
        self._report = report
        self._where = {
            said.stamp[1:]: each.id for each in known.conversions.values() for said in each.history
        }
        self._groups = _Groups()
        self._blocked: dict[str, str] = {}
        self._after: dict[str, Conversion] = {}
        self._fates: dict[Position, Fate] = {}
        self._found = Reprocessed(Batch(dict(known.conversions), now_us))

    def run(self) -> Reprocessed:
        self._group()
        self._block()
        by_id: dict[str, list[Statement]] = {}
        touched: set[str] = set()
        for position, raw in self._raws.items():
            held, meaning = self._where.get(position), self._meanings[position]
            target = meaning.conversion_id if isinstance(meaning, Statement) else None
            if any(id_ is not None and self._why(id_) for id_ in (held, target)):
                continue
            if held is None and not raw.fate.outcome:
                self._found.pending += 1
                continue
            touched |= {id_ for id_ in (held, target) if id_ is not None}
            if isinstance(meaning, Statement):
                by_id.setdefault(meaning.conversion_id, []).append(meaning)
            else:
                self._end(raw, Fate("refused", meaning.reason))
        for id_ in sorted(touched):
            self._fold(id_, by_id.get(id_, []))
        self._mark_repeated()
        for id_ in sorted(self._after):
            self._store(id_)
        self._log()
        self._found.left = [
            Left(id_, why) for id_ in sorted(self._groups.members()) if (why := self._why(id_))
        ]
        return self._found

    # Which are processed together, and which are left alone

    def _group(self) -> None:
        for position, raw in self._raws.items():
            meaning, held = self._meanings[position], self._where.get(position)
            ids = [held] if held is not None else []
            if isinstance(meaning, Statement) and (held is not None or raw.fate.outcome):
                ids.append(meaning.conversion_id)
            if held is None and raw.fate.conversion_id:
                ids.append(raw.fate.conversion_id)
                base = self._known.conversions.get(raw.fate.conversion_id)
                self._blocked[raw.fate.conversion_id] = (
                    TOO_OLD if base and _put_together(base) else NOT_AGREED
                )
            if ids:
                self._groups.join(ids)

    def _block(self) -> None:
        for id_ in self._groups.members():
            conversion = self._known.conversions.get(id_)
            if conversion is None or conversion.void:
                continue
            if _put_together(conversion):
                self._blocked[id_] = TOO_OLD
            elif any(said.stamp[1:] not in self._raws for said in conversion.history):
                self._blocked.setdefault(id_, NOT_STORED)
        self._groups.mark(self._blocked)

    def _why(self, id_: str) -> str:
        return self._groups.why(id_)

    # One conversion

    def _fold(self, id_: str, statements: Sequence[Statement]) -> None:
        before = self._known.conversions.get(id_)
        standing = before if before is not None and not before.void else None
        ordered = sorted(statements, key=lambda it: it.stamp)
        begins = next((said for said in ordered if self._begins(standing, said)), None)
        as_before = begins is not None and self._begins_as_before(standing, begins, ordered)
        joined = [] if begins is None else self._joined(begins, ordered, as_before)
        inside = {said.stamp for said in joined}
        self._lose(said for said in ordered if said.stamp not in inside)
        if begins is None:
            if standing is not None:
                self._after[id_] = status.retold(standing, ())
            return
        click = self._click(standing if as_before else None, joined)
        had = standing.click if standing is not None and standing.attributed else None
        if standing is not None and click == had and (had is not None or as_before):
            base = standing
        else:
            about = circumstances_of(self._circles, click)
            base = status.fresh(begins, click, self._found.batch.now_us, about, before)
        after = status.retold(base, joined, self._circles.rate)
        sealed = next((said.sealed for said in reversed(joined) if said.sealed), b"")
        if sealed != after.sealed:
            after = msgspec.structs.replace(after, sealed=sealed)
        self._after[id_] = after
        for said in joined:
            self._joins(said, after)

    def _begins(self, standing: Conversion | None, said: Statement) -> bool:
        """Whether it would make the conversion if there were none."""
        if said.accept:
            return True
        if standing is not None and standing.attributed and standing.click.id == said.click_id:
            return True
        return bool(said.click_id) and self._known.find(said.click_id) is not None

    def _begins_as_before(
        self, standing: Conversion | None, begins: Statement, ordered: Sequence[Statement]
    ) -> bool:
        """Whether the conversion began with this one, and nothing about it and those before has changed."""
        if standing is None:
            return False
        same = {said.stamp for said in ordered if self._stays(said)}
        earlier = {said.stamp for said in standing.history if said.stamp < begins.stamp}
        return begins.stamp in same and earlier <= same

    def _stays(self, said: Statement) -> bool:
        """Whether it is part of this conversion already, by the click that it names now."""
        raw = self._raws[said.stamp[1:]]
        return self._where.get(raw.position) == said.conversion_id and raw.fate.click_id == said.click_id

    def _joined(self, begins: Statement, ordered: Sequence[Statement], as_before: bool) -> list[Statement]:
        """Those that are part of the conversion, as if they had come one after another; where it began as it
        begins now, those too that are part of it because they were read late."""
        return [
            said
            for said in ordered
            if said.stamp >= begins.stamp or self._waited(said, begins) or (as_before and self._stays(said))
        ]

    def _waited(self, early: Statement, begins: Statement) -> bool:
        """Whether it still waited for its click when another began its conversion."""
        wait = self._known.wait_us if early.wait_us is None else early.wait_us
        return bool(early.click_id) and begins.stamp[0] <= early.stamp[0] + wait

    def _click(self, standing: Conversion | None, joined: Sequence[Statement]) -> ClickFacts | None:
        """That of the first postback that names a known one. Where this one was there before, the click that
        the conversion has, though another postback named it, as long as one does."""
        had = standing.click if standing is not None and standing.attributed else None
        named = {said.click_id for said in joined}
        for said in joined:
            if had is not None and said.click_id == had.id:
                return had
            if said.click_id and (click := self._known.find(said.click_id)) is not None:
                return had if had is not None and had.id in named and self._stays(said) else click
        return None

    # What becomes of postbacks

    def _joins(self, said: Statement, after: Conversion) -> None:
        raw = self._raws[said.stamp[1:]]
        self._fates[raw.position] = Fate(
            "conversion", "; ".join(["processed anew", *said.notes]), said.conversion_id
        )
        held = self._known.conversions.get(self._where.get(raw.position, ""))
        if after.attributed and (raw.fate.outcome == "waiting" or (held is not None and not held.attributed)):
            self._found.batch.settled.append(raw.position)

    def _lose(self, statements: Iterable[Statement]) -> None:
        """Those without a conversion. One that waits for its click goes on waiting."""
        for said in statements:
            raw = self._raws[said.stamp[1:]]
            if not said.click_id:
                self._end(raw, Fate("refused", NO_CLICK))
            elif raw.fate.outcome not in ("waiting", "click_unknown") or raw.position in self._where:
                self._end(raw, Fate("click_unknown", "no such click"))

    def _end(self, raw: Raw, fate: Fate) -> None:
        if raw.position in self._where or raw.fate.outcome != fate.outcome:
            self._fates[raw.position] = fate
            self._found.batch.settled.append(raw.position)

    def _log(self) -> None:
        """Say what became of those of which something else became, or whose conversion has changed."""
        batch = self._found.batch
        changed = {each.after.id for each in self._found.differences}
        for position in sorted(self._fates):
            raw, fate = self._raws[position], self._fates[position]
            held = self._where.get(position)
            if (held or "") == fate.conversion_id and held is not None and held not in changed:
                continue
            self._found.moved.append((raw, fate))
            arrival = Arrival(position, raw.event, self._meanings[position])
            batch.say(arrival, fate.outcome, fate.reason)

    # What becomes of conversions

    def _mark_repeated(self) -> None:
        """Of all conversions of a claim, all but the earliest are marked."""
        known, batch = self._known, self._found.batch
        by_claim: dict[str, dict[str, Conversion]] = {}
        for each in (*known.conversions.values(), *self._after.values()):
            by_claim.setdefault(each.claim, {})[each.id] = each
        touched = {
            each.claim
            for id_ in self._after
            for each in (known.conversions.get(id_), self._after[id_])
            if each is not None and each.claim
        }
        for claim in sorted(touched):
            members = by_claim[claim].values()
            among = [each for each in members if not each.void and history.policy_of(each) == "repeat"]
            first = min(among, key=lambda it: it.history[0].stamp).id if among else ""
            if known.firsts.get(claim, "") != first:
                batch.changed_firsts[claim] = first
            for each in members:
                repeated = each in among and each.id != first
                if each.repeated != repeated and not each.void:
                    self._after[each.id] = msgspec.structs.replace(each, repeated=repeated)

    def _store(self, id_: str) -> None:
        batch, found = self._found.batch, self._found
        before, after = self._known.conversions.get(id_), self._after[id_]
        if before is not None and after.rates.items() <= before.rates.items():
            after = msgspec.structs.replace(after, rates=before.rates)
        if before == after:
            found.unchanged += 1
            return
        verdict = status.moved(before, after, batch.now_us)
        batch.known[id_] = batch.changed[id_] = after = verdict.conversion
        if isinstance(verdict, status.Duplicate):
            found.unseen += 1
            return
        found.differences.append(Difference(before, after))
        batch.records += records(after, verdict.changes)
        batch.records += charges(before, after)
        if self._report:
            batch.deliveries += self._circles.post(before, after, batch.now_us)


def _put_together(conversion: Conversion) -> bool:
    return conversion.base is not None or (not conversion.history and not conversion.void)


class _Groups:
    """Conversions that share postbacks, each group with the reason for which it is left alone, if any."""

    def __init__(self) -> None:
        self._parent: dict[str, str] = {}
        self._why: dict[str, str] = {}

    def members(self) -> list[str]:
        return list(self._parent)

    def join(self, ids: Sequence[str]) -> None:
        for id_ in ids:
            self._parent.setdefault(id_, id_)
            self._parent[self._root(id_)] = self._root(ids[0])

    def mark(self, reasons: Mapping[str, str]) -> None:
        self._why = {self._root(id_): why for id_, why in reasons.items()}

    def why(self, id_: str) -> str:
        return self._why.get(self._root(id_), "") if id_ in self._parent else ""

    def _root(self, id_: str) -> str:
        while self._parent[id_] != id_:
            self._parent[id_] = id_ = self._parent[self._parent[id_]]
        return id_
