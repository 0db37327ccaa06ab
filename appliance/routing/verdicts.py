"""The words of a decision: what was found of every stream and destination looked at, and why it ended so.

They stand in recorded clicks for ever: add words, never change one.
"""

from __future__ import annotations

from typing import Final

KERNEL: Final = 1
"""The decision kernel's version, recorded in every click: raised when the same inputs decide differently."""

# Of a stream.
MATCHED: Final = "matched"
RULE: Final = "rule"
"""A rule failed; the verdict's third field is its index."""
PAUSED: Final = "paused"
NO_TARGETS: Final = "no_targets"

# Of a destination.
CHOSEN: Final = "chosen"
OPEN: Final = "open"
DISABLED: Final = "destination_disabled"
NO_WEIGHT: Final = "no_weight"

# Kinds of decision.
TO_DESTINATION: Final = "destination"
TO_TRAFFICBACK: Final = "trafficback"
TO_REPLY: Final = "reply"

# Reasons of trafficback and reply (the seed's words).
NO_MATCHING_STREAM: Final = "no_matching_stream"
NO_DESTINATION: Final = "no_destination_available"
CAMPAIGN_PAUSED: Final = "campaign_paused"
ASKED: Final = "asked"
"""The visitor came to /tb/ itself."""
TOO_DEEP: Final = "trafficback_too_deep"
