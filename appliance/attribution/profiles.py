"""The parameter names that postback URLs made for other trackers use, so that such URLs go on working here.

A template made from one maps these names (trackers.md 2.1, 3, 6); the same name means different things in
different trackers (`subid`, `status`), so there is one list for each and none for all. A field that a tracker
has no name for is left out and keeps the default names. docs/reference/networks.md lists them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple


class Profile(NamedTuple):
    """`mapping` as in Template."""

    name: str
    title: str
    mapping: Mapping[str, tuple[str, ...]]
    note: str = ""


ALL: tuple[Profile, ...] = (
    Profile(
        "keitaro", "Keitaro",
        {
            "click_id": ("subid", "sub_id", "clickid", "click_id"),
            "transaction_id": ("tid", "transaction_id"),
            "payout": ("payout", "revenue", "profit"), "currency": ("currency",), "status": ("status",),
            "event_type": ("event_type", "type"), "lead_status": ("lead_status",),
            "sale_status": ("sale_status",), "rejected_status": ("rejected_status",),
            "trash_status": ("trash_status",), "hold_status": ("hold_status",),
        },
        "Lists of status words in the URL (lead_status=a,b) count before the network's own.",
    ),
    Profile(
        "binom", "Binom",
        {"click_id": ("cnv_id", "clickid"), "payout": ("payout",), "currency": ("cnv_currency",),
         "status": ("cnv_status",), "event_type": ("cnv_status2",), "transaction_id": ("txid", "tid")},
        "cnv_status2 is the conversion's type here.",
    ),
    Profile(
        "voluum", "Voluum",
        {"click_id": ("cid",), "payout": ("payout",), "transaction_id": ("txid",), "event_type": ("et",),
         "currency": ("currency",), "status": ("status",)},
    ),
    Profile(
        "redtrack", "RedTrack",
        {"click_id": ("clickid", "click_id"), "payout": ("sum", "payout"), "event_type": ("type",),
         "status": ("status",), "event_id": ("rdtk_event_id",), "transaction_id": ("txid", "tid"),
         "currency": ("currency",)},
        "Set duplicates to event_id where rdtk_event_id tells repetitions from news.",
    ),
    Profile(
        "bemob", "BeMob",
        {"click_id": ("cid",), "payout": ("payout",), "transaction_id": ("txid",), "status": ("status",),
         "currency": ("currency",)},
    ),
    Profile(
        "funnelflux", "FunnelFlux",
        {"click_id": ("hit",), "payout": ("rev",), "transaction_id": ("tx",)},
    ),
    Profile(
        "prosper202", "Prosper202",
        {"click_id": ("subid", "sid"), "payout": ("amount",)},
    ),
)  # fmt: skip
_BY_NAME = {profile.name: profile for profile in ALL}


def named(name: str) -> Profile | None:
    return _BY_NAME.get(name)


def names() -> Iterable[str]:
    return _BY_NAME
