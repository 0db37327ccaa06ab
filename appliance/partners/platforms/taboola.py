"""Taboola: bulk server-to-server actions. developers.taboola.com/pixel/docs/the-postback-url.

It takes no token and says of nothing that it was told before: what is sent again counts again. How many
actions a request may have is told nowhere; 500 were sent by others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

import msgspec

from appliance.partners.platform import (
    DAY,
    REFUSED,
    Answer,
    Limits,
    Message,
    OAuth,
    Pixel,
    Tests,
    Trial,
    Verdict,
    amount_of,
    checked,
    given,
    no_answer,
    page,
    raw,
)
from appliance.partners.report import Report

_SECOND = 1_000_000
_TAKEN = "AUD BRL CAD CNY EUR GBP HKD ILS INR JPY KRW MXN NZD RUB SGD THB TRY USD ZAR"
CURRENCIES = frozenset(_TAKEN.split())
_encode = msgspec.json.Encoder().encode


class Taboola:
    """A pixel's code is the account id. There are no test events: one with a test code is not sent live."""

    name = "taboola"
    limits = Limits(batch=500, window_us=30 * DAY, ahead_us=60 * _SECOND, dedupe_us=0)
    click_parameters: tuple[str, ...] = ("tblci", "click-id")
    experimental = True
    needs: tuple[str, ...] = ()
    optional: tuple[str, ...] = ("url",)
    secret_settings: tuple[str, ...] = ()
    needs_token = False
    names: Mapping[str, str] = {}
    only_conversions = True
    nameless = False
    tests: Tests = "none"
    trial: Trial = "none"
    oauth: OAuth | None = None

    def check(self, report: Report, now_us: int) -> str:
        if label := checked(report, self.limits, self.click_parameters, now_us):
            return label
        if report.currency and report.currency not in CURRENCIES:
            return "Currency that Taboola does not take"
        return ""

    def encode(self, report: Report) -> bytes:
        return _encode(action(report))

    def request(self, pixel: Pixel, events: Sequence[bytes]) -> Message:
        origin = pixel.settings.get("url", "https://trc.taboola.com")
        return Message(
            "POST",
            f"{origin}/{quote(pixel.code, safe='')}/log/3/bulk-s2s-action",
            (("content-type", "application/json"),),
            _encode({"actions": raw(events)}),
        )

    def verdict(self, answer: Answer, sent: int) -> Verdict:
        if 200 <= answer.status < 300 and not page(answer):
            return Verdict("accepted", received=sent)
        if answer.status in (400, 413, 422):
            return Verdict("refused", REFUSED, answer.text)
        return no_answer(answer)


def action(report: Report) -> dict[str, Any]:
    """One of `actions`."""
    click = report.click_ids.get("tblci", "") or report.click_ids.get("click-id", "")
    return {"click-id": click} | given(
        timestamp=report.at_us // 1_000,
        name=report.event_name,
        revenue=amount_of(report),
        currency=report.currency,
        orderid=report.order_id or report.event_id,
    )
