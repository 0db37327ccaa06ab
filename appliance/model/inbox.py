"""A postback as it was received, with what became of it."""

from __future__ import annotations

from typing import NamedTuple

from appliance.model.conversions import Position
from appliance.model.events import PostbackLogEvent


class Fate(NamedTuple):
    """What became of a postback, as it was logged last; `outcome` "" while nothing was. `click_id` and
    `transaction_id` as it was understood then."""

    outcome: str = ""
    reason: str = ""
    conversion_id: str = ""
    click_id: str = ""
    transaction_id: str = ""


class Raw(NamedTuple):
    """A postback as it was received."""

    position: Position
    event: PostbackLogEvent
    fate: Fate = Fate()
