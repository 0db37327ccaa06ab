"""Which of a postback's parameters carries which of our fields, and which values are no values at all."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

from appliance.model.catalog import Template
from appliance.model.places import value_at
from appliance.model.postbacks import BUYER_FIELDS
from appliance.model.unexpanded import is_unexpanded

ALIASES: Mapping[str, tuple[str, ...]] = {
    "click_id": ("click_id", "cid", "subid", "sub_id"),
    "transaction_id": ("transaction_id", "tx", "tid", "order_id"),
    "payout": ("payout", "sum", "amount", "revenue"),
    "currency": ("currency",),
    "status": ("status",),
    "event_type": ("event_type", "event"),
    "event_id": ("event_id",),
    "upsell": ("upsell",),
    "time": ("conversion_time",),
    "notation": (),
    "lead_status": (),
    "sale_status": (),
    "hold_status": (),
    "rejected_status": (),
    "trash_status": (),
    "secret": ("secret", "token", "key"),
    **BUYER_FIELDS,
}
"""TraffoFlex's parameter names per field; the first that has a value wins. Later fields have names of their
own or none, so that nothing means more than it did."""

# A network that was given a macro it does not know sends it back as it stands, the commonest fault of all
# (trackers.md §5): what model/unexpanded.py knows of visitors' links, and what no visitor types but networks
# do: [ab], %%payout%%, {sub-id}, and {payout} percent-encoded twice. A text that merely contains braces is a
# value, and so is a GUID in braces.
_NAME = r"[A-Za-z_][\w.:|-]{0,63}"
_MACRO = re.compile(
    rf"\$?\{{{{?{_NAME}\}}?\}}|\[\[?{_NAME}\]\]?|%%?{_NAME}%%?|%7B{_NAME}%7D", re.ASCII | re.IGNORECASE
)
_GUID = re.compile(r"\{[0-9a-f]{8}(?:-?[0-9a-f]{4}){3}-?[0-9a-f]{12}\}", re.ASCII | re.IGNORECASE)
_BEGINNINGS = frozenset("{$[%<#!_x")


class Fields(NamedTuple):
    """A postback's fields as texts, "" where it gave none; `notes` says which values were no values."""

    click_id: str = ""
    transaction_id: str = ""
    payout: str = ""
    currency: str = ""
    status: str = ""
    event_type: str = ""
    event_id: str = ""
    upsell: str = ""
    time: str = ""
    notation: str = ""
    lead_status: str = ""
    sale_status: str = ""
    hold_status: str = ""
    rejected_status: str = ""
    trash_status: str = ""
    notes: tuple[str, ...] = ()

    @property
    def lists(self) -> dict[str, str]:
        """Our status → the network's words for it, with commas, as they came with the postback."""
        given = {
            "lead": self.lead_status, "sale": self.sale_status, "hold": self.hold_status,
            "rejected": self.rejected_status, "trash": self.trash_status,
        }  # fmt: skip
        return {status: words for status, words in given.items() if words}


_EXTRACTED = Fields._fields[:-1]


def names(template: Template | None, field: str) -> tuple[str, ...]:
    """Where one field is looked for (model/places.py), in order: the template's own when it maps it, else the
    aliases.

    Raises KeyError for a field that does not exist.
    """
    own = template.mapping.get(field) if template is not None else None
    return tuple(own) if own is not None else ALIASES[field]


def is_macro(value: str) -> bool:
    """Whether `value` is nothing but a macro that nobody replaced."""
    if value[:1] not in _BEGINNINGS:
        return False
    return is_unexpanded(value) or (_MACRO.fullmatch(value) is not None and not _GUID.fullmatch(value))


@lru_cache(maxsize=1024)
def _places(
    mapping: tuple[tuple[str, tuple[str, ...]], ...],
) -> tuple[tuple[str, tuple[tuple[str, bool], ...]], ...]:
    """Field → its places, and whether each is just a parameter's name; without fields that have none."""
    own = dict(mapping)
    wanted = {field: own.get(field, ALIASES[field]) for field in _EXTRACTED}
    return tuple(
        (field, tuple((place, place[:1] not in "=$") for place in places))
        for field, places in wanted.items()
        if places
    )


def extract(template: Template | None, params: Mapping[str, str]) -> Fields:
    """Pick each field from `params`; the first value that is neither blank nor a bare macro wins."""
    found: dict[str, str] = {}
    notes: list[str] = []
    for field, places in _places(() if template is None else tuple(template.mapping.items())):
        unexpanded = False
        for place, is_name in places:
            value = params.get(place) if is_name else value_at(place, params)
            if value is None or not (value := value.strip()):
                continue
            if is_macro(value):
                unexpanded = True
                continue
            found[field] = value
            break
        if unexpanded:
            notes.append(f"{field}: the macro was not replaced")
    return Fields(**found, notes=tuple(notes))
