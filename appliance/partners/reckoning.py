"""What a batch of interpreted events comes to: new totals, what is to be reported, and the rows to be kept.

Pure: the store brings what was known, and takes what follows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import NamedTuple

from msgspec import Struct

from appliance.model.deliveries import Delivery
from appliance.model.events import ReportConversion
from appliance.partners.interpreted import (
    NOT_REPORTABLE,
    Difference,
    Interpreted,
    Totals,
    difference,
    fault,
)

_EARLIEST_US, _LATEST_US = 946_684_800_000_000, 4_102_444_799_000_000
"""2000 to 2100, as the warehouse has it."""


class Known(Struct, frozen=True, array_like=True, gc=False):
    """What is remembered of a key: what was reported, what it named last, and with which label."""

    totals: Totals = Totals()
    said: tuple[int, int, int, int] = (0, 0, 0, 0)
    label: str = ""


_NEVER = Known()


class Progress(NamedTuple):
    """How far something is taken: a batch up to that line, or (edge, epoch) up to that entry."""

    batch_id: str = ""
    lines: int = 0
    offsets: Mapping[tuple[int, int], int] = {}
    shelved: int = 0
    """Up to that number, what was put aside while its intake was paused."""


class Reckoned(NamedTuple):
    """`known` is to replace what was, `fresh` of which was not there; `labels` counts what was not
    reported."""

    known: Mapping[str, Known]
    deliveries: Sequence[Delivery]
    records: Sequence[ReportConversion]
    unchanged: int
    labels: Mapping[str, int]
    fresh: int = 0


class Unreportable(Exception):
    """Nothing can be made of an event that looked right; the text is its label."""


Codes = Callable[[Interpreted], Collection[str]]
"""The codes of the active pixels that an event may name."""
Announce = Callable[[Interpreted, Difference], Sequence[Delivery]]


def reckon(
    events: Sequence[Interpreted],
    known: Mapping[str, Known],
    codes: Codes,
    announce: Announce,
    cut: Callable[[str], str],
    now_us: int,
    origin: str,
) -> Reckoned:
    """`events` in the order in which they were said: the same key may come twice, the later word counts.

    `cut` makes of an address what may be kept of it. `origin` is the intake's name.
    """
    changed: dict[str, Known] = {}
    deliveries: list[Delivery] = []
    records: list[ReportConversion] = []
    labels: Counter[str] = Counter()
    unchanged = 0
    for event in events:
        id_ = event.id
        was = changed.get(id_) or known.get(id_)
        before = _NEVER if was is None else was
        said = (event.conversions, event.revenue, event.lander_visitors, event.lander_searches)
        change = difference(before.totals, event)
        news = change is not None and change.totals is not before.totals
        label = fault(event, codes(event), now_us)
        same = was is not None and was.said == said
        if same and (not news or (label and label == before.label)):
            unchanged += 1
            continue
        told: Sequence[Delivery] = ()
        totals = before.totals
        if change is not None and not label:
            if news:
                try:
                    told = announce(event, change)
                except Unreportable as why:
                    label = str(why)
                else:
                    deliveries += told
                    if told:  # else all of it is news still, for when its pixel is told of such
                        totals = change.totals
                if same and not told and label == before.label:
                    unchanged += 1
                    continue
            else:
                label = NOT_REPORTABLE
        changed[id_] = Known(totals, said, label)
        if label:
            labels[label] += 1
        address = cut(event.address)
        records.append(_record(id_, event, address, change, told, totals.revision, label, now_us, origin))
    fresh = len(changed.keys() - known.keys())
    return Reckoned(changed, deliveries, records, unchanged, labels, fresh)


def _record(
    id_: str,
    event: Interpreted,
    address: str,
    change: Difference | None,
    told: Sequence[Delivery],
    revision: int,
    label: str,
    now_us: int,
    origin: str,
) -> ReportConversion:
    click_us = event.click_at_us if event.click_at_us is not None else event.hour_us
    at_us = click_us if click_us is not None and _EARLIEST_US <= click_us <= _LATEST_US else now_us
    reported = (change.conversions, change.revenue) if told and change is not None else (0, 0)
    # By place, in the order of the fields: by name it takes four times as long.
    return ReportConversion(
        1, id_, revision, at_us, now_us, event.intake or origin, event.network, event.account_id,
        event.account_name, event.network_campaign_id, event.network_campaign_name, event.traffic_source,
        event.pixel_id, event.campaign_id, event.campaign_name, event.adset_id, event.adset_name, event.ad_id,
        event.ad_name, event.session_id, event.keyword, event.ad_click_id, event.user_agent, address,
        event.country, event.region, event.city, event.domain, event.category, event.vertical,
        event.conversions, event.revenue, event.lander_visitors, event.lander_searches, *reported, len(told),
        not label, label, change.lost if change is not None else "",
    )  # fmt: skip
