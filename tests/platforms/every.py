"""Every platform with its double, as the engine's one suite asks for them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from appliance.partners.platform import Answer, Message, Platform
from appliance.partners.report import Identity
from appliance.partners.roster import PLATFORMS
from tests.platforms import meta
from tests.platforms.doubles import Double
from tests.platforms.google import Google
from tests.platforms.microsoft import Microsoft
from tests.platforms.openai import OpenAI
from tests.platforms.outbrain import Outbrain
from tests.platforms.pinterest import Pinterest
from tests.platforms.snapchat import Snapchat
from tests.platforms.taboola import Taboola
from tests.platforms.tiktok import TikTok

SOMEBODY = Identity(
    address="198.51.100.7",
    user_agent="Mozilla/5.0 (X11; Linux x86_64)",
    emails=("Somebody@Example.com",),
    phones=("+1 650 555 1212",),
    country="US",
)


class Meta(Double):
    """Meta's double, asked as the others are."""

    most = meta.MOST
    window = meta.WEEK

    def __init__(self, code: str = "px", token: str = "good") -> None:
        super().__init__(code, token)
        self._meta = meta.Meta(code, token)
        self.tokens = self._meta.tokens
        self.requests = self._meta.requests

    def answer(self, message: Message, now_us: int) -> Answer:
        it = self._meta
        it.guilty = dict.fromkeys(self.guilty, 2804036)
        it.tokens, it.busy = self.tokens, 100.0 if self.busy else 0.0
        if self.faults:
            return self.faults.pop(0)
        answer = it.answer(message, now_us)
        self.counted = Counter({key: count for (_, key), count in it.counted.items()})
        self.tests = Counter({key: count for (_, key), count in it.tests.items()})
        self.refused = set(it.refused)
        return answer

    def broken(self) -> Answer:
        return self._meta.error(500, 2, message="Service temporarily unavailable", transient=True)


class Case(NamedTuple):
    """`fields` are of a report that the platform takes."""

    double: Callable[[], Double]
    fields: Mapping[str, Any]
    settings: Mapping[str, str] = {}


CASES: Mapping[str, Case] = {
    "meta": Case(Meta, {"click_ids": {"fbclid": "IwAR1_x"}}),
    "tiktok": Case(TikTok, {"click_ids": {"ttclid": "E.C.P.x"}, "event_name": "CompletePayment"}),
    "google": Case(Google, {"click_ids": {"gclid": "Cj0KCQx"}}, {"customer_id": "123-456-7890"}),
    "openai": Case(OpenAI, {"click_ids": {"oppref": "op-x"}, "event_name": "order_created"}),
    "microsoft": Case(Microsoft, {"click_ids": {"msclkid": "ms-x"}, "event_name": "purchase"}),
    "snapchat": Case(Snapchat, {"click_ids": {"ScCid": "sc-x"}, "event_name": "PURCHASE"}),
    "pinterest": Case(Pinterest, {"click_ids": {"epik": "dj0-x"}, "event_name": "checkout"}),
    "taboola": Case(Taboola, {"click_ids": {"tblci": "GiB-x"}, "event_name": "make_purchase"}),
    "outbrain": Case(Outbrain, {"click_ids": {"ob_click_id": "ob-x"}, "event_name": "Conversion"}),
}


def platform(name: str) -> Platform:
    return PLATFORMS[name]
