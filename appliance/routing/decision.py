"""What became of one click: the value that decide() returns."""

from __future__ import annotations

from hashlib import sha256

from appliance.model.events import DecisionInputs
from appliance.routing import verdicts
from appliance.routing.table import CompiledCampaign


class Decision:
    """What happens to one click, and everything the decision consumed.

    `kind` is destination or trafficback (then `url` is where to), or reply (then `status` and `text`);
    `counted`: the click counts in figures and caps.
    `sent_to` is the destination whose click counter the router raises, 0 for none: the only change of state
    that this kernel asks for.
    """

    # Defaults on the class: a decision sets what differs, which halves the cost of making one.
    stream_id = 0
    destination_id = 0
    network_id = 0
    sent_to = 0
    url = ""
    status = 0
    text = ""
    depth = 0
    unknown_macros: tuple[str, ...] = ()
    inputs = DecisionInputs(kernel=verdicts.KERNEL)

    def __init__(self, campaign: CompiledCampaign, kind: str, reason: str, counted: bool) -> None:
        self.campaign = campaign
        self.kind = kind
        self.reason = reason
        self.counted = counted


def counts(flags: tuple[str, ...], count_bots: bool) -> bool:
    """Whether a visit counts in click figures and caps: HEAD and prefetch never do, bots by setting."""
    return not flags or (count_bots and flags == ("bot",))


def url_hash(url: str) -> int:
    """What a click keeps of where it was sent (ClickEvent.url_hash): 0 for nowhere."""
    return int.from_bytes(sha256(url.encode("utf-8", "surrogatepass")).digest()[:8], "big") if url else 0
