"""From stored deliveries to the events of a request: opened, given their visitor, checked, encoded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import msgspec

from appliance.model.deliveries import Stored
from appliance.partners.following import unsure
from appliance.partners.masking import Shown, shown
from appliance.partners.platform import FETCHED, NO_PIXEL, NOT_MADE
from appliance.partners.report import Identity, Report
from appliance.partners.ways import Way

_decode = msgspec.msgpack.Decoder(Report).decode
NOBODY = Identity()
_MINUTE = 60_000_000
YOUNG = 10 * _MINUTE
"""For so long after it was made, an event waits for a click that is not in the warehouse yet."""
PATIENT = 360 * _MINUTE
"""For so long it waits for a warehouse that is away."""


class Opened(NamedTuple):
    """A delivery and what it says; None for a body that says nothing."""

    stored: Stored
    report: Report | None


class Made(NamedTuple):
    """An event that may be sent."""

    stored: Stored
    event: bytes
    shown: Shown


class Unmade(NamedTuple):
    """One that may not, and the label of why; `fault` names an error that nobody foresaw."""

    stored: Stored
    label: str
    fault: str = ""


def opened(batch: Sequence[Stored]) -> list[Opened]:
    """Each delivery's report."""
    found = []
    for stored in batch:
        try:
            found.append(Opened(stored, _decode(stored.delivery.body)))
        except (msgspec.MsgspecError, RecursionError):
            found.append(Opened(stored, None))
    return found


def clicks(batch: Sequence[Opened]) -> list[str]:
    """Whose visitors are to be found."""
    wanted = (it.report.click_id for it in batch if it.report is not None)
    return list(dict.fromkeys(filter(None, wanted)))


def early(batch: Sequence[Opened], found: Mapping[str, Identity] | None, now_us: int) -> list[Stored]:
    """Those that wait a moment for their click. `found` is None while nobody can be asked."""
    patience = PATIENT if found is None else YOUNG
    return [
        it.stored
        for it in batch
        if it.report is not None
        and it.report.click_id
        and (found is None or it.report.click_id not in found)
        and now_us - it.stored.delivery.created_us < patience
    ]


def together(own: Identity, click: Identity) -> Identity:
    """A visitor by what came with the event, which wins, and by what was seen at the click."""
    if own is NOBODY or own == NOBODY:
        return click
    if click is NOBODY or click == NOBODY:
        return own
    fields = {
        name: getattr(own, name) or getattr(click, name)
        for name in Identity.__struct_fields__
        if name != "seen"
    }
    return Identity(**fields, seen={**click.seen, **own.seen})


def introduced(it: Opened, own: Identity, click: Identity) -> Opened:
    """With its visitor. What an event says of its visitor itself stays."""
    if it.report is None:
        return it
    who = together(it.report.identity, together(own, click))
    report = known_as(it.report, who)
    return it if report is it.report else Opened(it.stored, report)


def known_as(report: Report, who: Identity) -> Report:
    """The report of this visitor, who is where his click came from unless he is known to be elsewhere."""
    if report.country and not who.country:
        who = msgspec.structs.replace(who, country=report.country)
    return report if who is NOBODY else msgspec.structs.replace(report, identity=who)


def made(way: Way, batch: Sequence[Opened], now_us: int) -> list[Made | Unmade]:
    """What may be sent this way now, and what may not. Raises nothing: one event that nobody foresaw must not
    stop all the others."""
    results: list[Made | Unmade] = []
    nowhere = NO_PIXEL if way.gone else FETCHED if way.listed else ""
    check, encode, limits = way.platform.check, way.platform.encode, way.platform.limits
    for stored, report in batch:
        if nowhere or report is None:
            results.append(Unmade(stored, nowhere or NOT_MADE, "" if nowhere else "body"))
            continue
        try:
            label = check(report, now_us) or unsure(stored, limits, now_us)
            if label:
                results.append(Unmade(stored, label))
            else:
                event = encode(report)
                results.append(Made(stored, event, shown(event)))
        except Exception as fault:  # whatever a visitor may have sent us
            results.append(Unmade(stored, NOT_MADE, type(fault).__name__))
    return results
