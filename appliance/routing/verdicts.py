"""The words of a decision: what was found of every stream and destination looked at, and why it ended so.

They stand in recorded clicks for ever: add words, never change one.
"""

from __future__ import annotations

from typing import Final

KERNEL: Final = 2
"""The decision kernel's version, recorded in every click: raised when the same inputs decide differently.

2: an exit may lead to a landing page that has exits itself, and says so (NEXT_LANDING).
"""

# Of a stream.
MATCHED: Final = "matched"
RULE: Final = "rule"
"""A rule failed; the verdict's third field is its index."""
UNKNOWN: Final = "unknown"
"""It could not be known whether a rule holds; the verdict's third field is its index."""
NOT_DRAWN: Final = "not_drawn"
"""Its rules match, and the draw by weight fell on another one."""
PAUSED: Final = "paused"
NO_TARGETS: Final = "no_targets"

# Of a destination.
CHOSEN: Final = "chosen"
OPEN: Final = "open"
DISABLED: Final = "destination_disabled"
NO_WEIGHT: Final = "no_weight"
SCHEDULE: Final = "schedule"
"""Outside its hours."""
CAP: Final = "offer_cap_reached"
UNHEALTHY: Final = "destination_unhealthy"
STICKY: Final = "sticky"
"""Chosen because the visitor's cookie named it."""
REPEAT: Final = "repeat"
"""This stream showed it to the visitor before."""
REPEATED: Final = "repeated"
"""Chosen although it was shown before: all that are open were."""
CONVERTED: Final = "converted"
"""The visitor converted on it before."""

# Kinds of decision.
TO_DESTINATION: Final = "destination"
TO_TRAFFICBACK: Final = "trafficback"
TO_REPLY: Final = "reply"
TO_ANSWER: Final = "answer"
"""The stream itself answers, with a text, a page or a status."""
TO_CAMPAIGN: Final = "campaign"
"""Another campaign takes the visitor, in a click of its own."""
TO_HOP: Final = "transparent"
"""The visible next hop of a transparent link."""

# Reasons of trafficback and reply (the seed's words).
NO_MATCHING_STREAM: Final = "no_matching_stream"
NO_DESTINATION: Final = "no_destination_available"
CAMPAIGN_PAUSED: Final = "campaign_paused"
ASKED: Final = "asked"
"""The visitor came to /tb/ itself."""
TOO_DEEP: Final = "trafficback_too_deep"
LOOP: Final = "trafficback_loop"
"""Every trafficback that there is was visited already in this chain."""
TOO_MANY_CAMPAIGNS: Final = "too_many_campaigns"
GEO: Final = "geo_not_allowed"
DEVICE: Final = "device_not_allowed"
BOT: Final = "bot_or_low_quality"
ERROR: Final = "timeout_or_error"
"""Deciding failed by a fault of ours."""
NEXT_LANDING: Final = "next_landing"
"""An exit of a landing page led to another one: no way back, but a view of that page."""
HOP_REFUSED: Final = "transparent_refused"
"""A transparent link named a next hop that is not allowed; the click went the usual way."""
