"""Which of a postback's parameters carries which of our fields, and which values are no values at all."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from appliance.model.catalog import Template

ALIASES: Mapping[str, tuple[str, ...]] = {
    "click_id": ("click_id", "cid", "subid", "sub_id"),
    "transaction_id": ("transaction_id", "tx", "tid", "order_id"),
    "payout": ("payout", "sum", "amount", "revenue"),
    "currency": ("currency",),
    "status": ("status",),
    "event_type": ("event_type", "event"),
    "event_id": ("event_id",),
    "upsell": ("upsell",),
    "secret": ("secret", "token", "key"),
}
"""TraffoFlex's parameter names per field; the first that has a value wins."""

# A network that was given a macro it does not know sends it back as it stands: {payout}, {{payout}},
# ${payout}, [payout], [[payout]], %payout%, and {payout} percent-encoded twice. It means "no value", the
# commonest fault of all (trackers.md §5); a text that merely contains braces is a value.
_NAME = r"[A-Za-z_][\w.:|-]{0,63}"
_MACRO = re.compile(
    rf"\$?\{{{{?{_NAME}\}}?\}}|\[\[?{_NAME}\]\]?|%%?{_NAME}%%?|%7B{_NAME}%7D", re.ASCII | re.IGNORECASE
)
_BEGINNINGS = ("{", "$", "[", "%")


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
    notes: tuple[str, ...] = ()


_EXTRACTED = Fields._fields[:-1]


def names(template: Template | None, field: str) -> tuple[str, ...]:
    """The parameter names of one field, in order: the template's own when it maps it, else the aliases.

    Raises KeyError for a field that does not exist.
    """
    own = template.mapping.get(field) if template is not None else None
    return tuple(own) if own is not None else ALIASES[field]


def is_macro(value: str) -> bool:
    """Whether `value` is nothing but a macro that nobody replaced."""
    return value[:1] in _BEGINNINGS and _MACRO.fullmatch(value) is not None


def extract(template: Template | None, params: Mapping[str, str]) -> Fields:
    """Pick each field from `params`; the first value that is neither blank nor a bare macro wins."""
    found: dict[str, str] = {}
    notes: list[str] = []
    for field in _EXTRACTED:
        unexpanded = False
        for name in names(template, field):
            value = params.get(name)
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
