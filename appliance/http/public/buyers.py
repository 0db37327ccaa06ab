"""Who bought, as far as a postback says so: taken out at the door and sealed before anything is kept."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from appliance.attribution.template import is_macro
from appliance.http.public import bodies
from appliance.model.postbacks import BUYER_FIELDS
from appliance.model.table import NetworkEntry
from appliance.partners.interpreted import Interpreted
from appliance.partners.layouts import LAYOUTS, laid_out
from appliance.partners.report import Identity
from appliance.routing.networks import number
from appliance.routing.visit import cut_address

NOBODY = Identity()
Places = Iterable[tuple[str, tuple[str, ...]]]
OWN: Places = tuple(BUYER_FIELDS.items())
"""Of the doors whose fields are called by our names."""
LONGEST = 512
_COOKIES = {"fbp": "_fbp", "fbc": "_fbc", "ttp": "_ttp"}
_MANY = {"email": "emails", "phone": "phones"}
_OTHER = {"buyer_address": "address", "buyer_agent": "user_agent"}


def take(fields: dict[str, Any], places: Places) -> Identity:
    """Take every place out of a postback's fields; of each field the first value that is one."""
    said: dict[str, Any] = {}
    seen: dict[str, str] = {}
    for field, names in places:
        given = [bodies.text(value) for name in names if (value := bodies.take(fields, name)) is not None]
        plain = (text.strip() for text in given if len(text) <= LONGEST)
        text = next((each for each in plain if each and not is_macro(each)), "")
        if not text:
            continue
        if field in _COOKIES:
            seen[_COOKIES[field]] = text
        elif field in _MANY:
            said[_MANY[field]] = (text,)
        else:
            said[_OTHER.get(field, field)] = text
    return Identity(seen=seen, **said) if said or seen else NOBODY


def visitor(network: NetworkEntry, params: dict[str, str], at_us: int) -> tuple[dict[str, str], Identity]:
    """Of a network whose postbacks are interpreted events: its parameters with the visitor's address cut, and
    who he was."""
    layout = next((each for each in LAYOUTS if each == network.layout), None)
    event = laid_out(layout, params, at_us) if layout is not None else None
    if not isinstance(event, Interpreted) or number(event.address) is None:
        return params, NOBODY
    cut = cut_address(event.address)
    kept = {name: value.replace(event.address, cut) for name, value in params.items()}
    return kept, Identity(address=event.address, user_agent=event.user_agent)
