"""What became of one click: the value that decide() returns."""

from __future__ import annotations

from hashlib import sha256

from appliance.model.events import DecisionInputs
from appliance.routing import verdicts
from appliance.routing.answers import CompiledAnswer
from appliance.routing.lessons import Lesson
from appliance.routing.table import CompiledCampaign


class Decision:
    """What happens to one click, and everything the decision consumed.

    `kind` is destination, transparent or trafficback (then `url` is where to), reply (`status` and `text`),
    answer (`answer` says what) or campaign (`onward` decides next);
    `counted`: the click counts in figures and caps.
    Changes of state that the router makes: `sent_to` is the destination whose click counter it raises, 0 for
    none; `turned` the stream whose round robin has had a turn, 0 for none; `lessons` what it remembers of the
    visitor. `sticks` is what the visitor's cookie should say from now on, "" when it stays as it is.
    """

    # Defaults on the class: a decision sets what differs, which halves the cost of making one.
    stream_id = 0
    destination_id = 0
    network_id = 0
    sent_to = 0
    turned = 0
    lessons: tuple[Lesson, ...] = ()
    sticks = ""
    url = ""
    answer: CompiledAnswer | None = None
    """How it is answered; None is a plain 302, or what `kind` says."""
    onward: CompiledCampaign | None = None
    """The campaign that goes on with this visitor."""
    landing_id = 0
    landing = ""
    """What a visitor of a landing page carries to its exits."""
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
